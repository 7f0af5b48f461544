import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';
import { EMBEDDINGS } from './cache-folder.js';
import { readDescription } from './find-store.js';

const UNKNOWN_MODEL = 'unknown';

/** One encoder's vectors in the cache. */
export interface StoredEncoder {
  readonly id: string;
  readonly model: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly lastUsed: Date;
}

/** Lists the encoders of a cache folder, the last used first. @throws HnMineError `output` where it cannot be read */
export async function listEncoders(cacheFolder: string): Promise<StoredEncoder[]> {
  const folder = join(cacheFolder, EMBEDDINGS);
  try {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (hasErrno(error, 'ENOENT')) return [];
      throw error;
    });
    const ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const encoders = await Promise.all(ids.map((id) => describeEncoder(folder, id)));
    return encoders.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
  } catch (cause) {
    throw new HnMineError('output', `${folder}: cannot be read (${reasonOf(cause)})`, { cause });
  }
}

/** Removes one encoder's vectors. @throws HnMineError `output` where that cannot be done */
export async function removeEncoder(cacheFolder: string, { id }: StoredEncoder): Promise<void> {
  const folder = join(cacheFolder, EMBEDDINGS, id);
  try {
    await rm(folder, { recursive: true });
  } catch (cause) {
    throw new HnMineError('output', `${folder}: cannot be removed (${reasonOf(cause)})`, { cause });
  }
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
  const named = (await readDescription(join(folder, id)))?.model;
  const model = typeof named === 'string' ? named : UNKNOWN_MODEL;
  const lastUsed = new Date(Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs)));
  return { id, model, size: stats.reduce((sum, { size }) => sum + size, 0), lastUsed };
}
