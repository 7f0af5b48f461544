import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DESCRIPTION } from './embedding-store.js';

/**
 * The name of the first store, by name, whose description fits; nothing where there is none. Stores whose description cannot be
 * read fit nothing.
 *
 * @param folder where the stores are
 */
export async function findStore(
  folder: string,
  fits: (description: Readonly<Record<string, unknown>>) => boolean,
): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const description = await readDescription(join(folder, name));
    if (description && fits(description)) return name;
  }
  return undefined;
}

/** What a store's folder says of itself; nothing where it cannot be read. */
export async function readDescription(store: string): Promise<Record<string, unknown> | undefined> {
  try {
    const description: unknown = JSON.parse(await readFile(join(store, DESCRIPTION), 'utf8'));
    return typeof description === 'object' && description !== null
      ? (description as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
