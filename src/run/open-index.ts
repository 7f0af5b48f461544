import type { MineConfig } from '../config/config.js';
import { describeMachine } from '../machine.js';
import type { Workspace } from '../memory/workspace.js';
import type { VectorPlace } from '../search/passage-vectors.js';
import type { VectorIndex } from '../search/vector-index.js';

/**
 * The index that was asked for, over the pool's vectors.
 *
 * @param queries how many are expected
 * @throws HnMineError `search` or `device`
 */
export async function createIndex(
  passages: VectorPlace,
  { index, gpu, workers }: MineConfig,
  { memory }: Workspace,
  queries = 0,
): Promise<VectorIndex> {
  const threads = workers ?? describeMachine().cores;
  if (index === 'faiss') {
    const { createFaissIndex } = await import('../search/faiss.js');
    return createFaissIndex(passages, { threads });
  }
  const { createFlatIndex } = await import('../search/flat.js');
  return createFlatIndex(passages, { workers: threads, gpu, memory: memory.searching, queries });
}

/** An optional package or a device that does not load is told before anything is read: an index of one passage shows it. */
export async function checkIndex(config: MineConfig, workspace: Workspace): Promise<void> {
  if (config.index === 'flat' && config.gpu === undefined) return;
  const source = new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT);
  const index = await createIndex({ source, dim: 1, count: 1 }, config, workspace);
  await index.close();
}
