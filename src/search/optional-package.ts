import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { hasErrno } from '../errors.js';

/**
 * Where a package is that need not be installed; nothing where it is not.
 *
 * @param folders whose `node_modules` are looked in before this package's place and the working directory
 */
export function findPackage(name: string, folders: readonly string[] = []): string | undefined {
  const inFolder = (folder: string) => resolve(folder, 'any.js');
  for (const place of [...folders.map(inFolder), import.meta.url, inFolder('.')]) {
    try {
      return createRequire(place).resolve(name);
    } catch (thrown) {
      if (!hasErrno(thrown, 'MODULE_NOT_FOUND')) throw thrown;
    }
  }
  return undefined;
}
