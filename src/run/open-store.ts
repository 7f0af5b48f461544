import { join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import type { PlannedEncoder } from '../embed/planned-encoder.js';
import { HnMineError } from '../errors.js';
import { defaultCacheFolder, EMBEDDINGS } from '../store/cache-folder.js';
import { EmbeddingStore } from '../store/embedding-store.js';
import { findNetworkType } from '../store/network-folder.js';
import type { RunContext } from './run-context.js';

/** Of runs with several models each is told once. */
const warned = new WeakSet<object>();

/** The store of what a model gave in earlier runs; nothing where none is to be used, or where its results depend on more than their texts. */
export async function openStore(
  planned: Pick<PlannedEncoder, 'name' | 'identify' | 'isReproducible'>,
  { cache, cacheDir }: MineConfig,
  { env, events }: RunContext,
): Promise<EmbeddingStore | undefined> {
  if (!cache || !planned.isReproducible) return undefined;
  const cacheFolder = cacheDir ?? defaultCacheFolder(env);
  const folder = join(cacheFolder, EMBEDDINGS);
  const { name, identity } = await planned.identify(folder);
  const warn = (message: string) => events.onWarning?.(message);
  const network = findNetworkType(cacheFolder);
  if (network && !warned.has(events)) warn(describeNetworkFolder(cacheFolder, network));
  warned.add(events);
  try {
    return await EmbeddingStore.open(join(folder, name), { model: planned.name, ...identity }, warn);
  } catch (error) {
    // Nobody asked for the platform's folder, and some accounts have none.
    if (cacheDir !== undefined || !(error instanceof HnMineError)) throw error;
    warn(`${error.message}; going on without`);
    return undefined;
  }
}

function describeNetworkFolder(folder: string, type: string): string {
  return `${folder}: on a network file system (${type}), where keeping vectors is slow; give a --cache-dir on a local disk`;
}
