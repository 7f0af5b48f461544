import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DESCRIPTION, type EncoderIdentity } from './embedding-store.js';

/** A short name for an identity. */
export function nameIdentity(identity: EncoderIdentity): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}

/**
 * The store of a model that is known by what it answers: the first, by name, whose description fits; else a new one. Stores whose
 * description cannot be read fit nothing.
 *
 * @param folder where the stores are
 * @param identity of a new one: two models never share a folder, even where their first runs begin at the same time
 */
export async function findStore(
  folder: string,
  identity: EncoderIdentity,
  fits: (description: Readonly<Record<string, unknown>>) => boolean,
): Promise<{ readonly name: string; readonly identity: EncoderIdentity }> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const description = await readDescription(join(folder, name));
    if (description && fits(description)) return { name, identity };
  }
  return { name: nameIdentity(identity), identity };
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
