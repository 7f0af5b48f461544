import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../errors.js';
import { EMBEDDINGS } from './cache-folder.js';
import { DESCRIPTION } from './embedding-store.js';

/** One encoder's vectors in the cache. */
export interface StoredEncoder {
  readonly id: string;
  readonly model: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly lastUsed: Date;
}

/** Lists the encoders of a cache folder, the last used first. */
export async function listEncoders(cacheFolder: string): Promise<StoredEncoder[]> {
  const folder = join(cacheFolder, EMBEDDINGS);
  const ids = await readdir(folder).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const encoders = await Promise.all(ids.map((id) => describeEncoder(folder, id)));
  return encoders.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/** Removes one encoder's vectors. */
export async function removeEncoder(cacheFolder: string, { id }: StoredEncoder): Promise<void> {
  await rm(join(cacheFolder, EMBEDDINGS, id), { recursive: true });
}

/**
 * Which encoders to remove: those not used for `olderThan` milliseconds, and of the others the longest unused until the rest
 * fits in `maxSize` bytes.
 *
 * @param encoders the last used first
 */
export function choosePrunable(
  encoders: readonly StoredEncoder[],
  {
    olderThan = Number.POSITIVE_INFINITY,
    maxSize = Number.POSITIVE_INFINITY,
  }: { olderThan?: number; maxSize?: number },
  now: number,
): StoredEncoder[] {
  let kept = 0;
  return encoders.filter(({ lastUsed, size }) => {
    const isPruned = now - lastUsed.getTime() > olderThan || kept + size > maxSize;
    if (!isPruned) kept += size;
    return isPruned;
  });
}

async function describeEncoder(folder: string, id: string): Promise<StoredEncoder> {
  const files = await readdir(join(folder, id));
  const stats = await Promise.all(files.map((file) => stat(join(folder, id, file))));
  const description = await readFile(join(folder, id, DESCRIPTION), 'utf8').catch(() => '{}');
  const { model = 'unknown' } = JSON.parse(description) as { model?: string };
  const lastUsed = new Date(Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs)));
  return { id, model, size: stats.reduce((sum, { size }) => sum + size, 0), lastUsed };
}
