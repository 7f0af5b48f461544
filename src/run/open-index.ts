import type { MineConfig } from '../config/config.js';
import { describeMachine } from '../machine.js';
import type { Workspace } from '../memory/workspace.js';
import type { VectorPlace } from '../search/passage-vectors.js';
import type { VectorIndex } from '../search/vector-index.js';

/** Where Milvus is, where nothing is said. */
const MILVUS_ADDRESS = 'localhost:19530';

/**
 * The index that was asked for, over the pool's vectors.
 *
 * @param env may hold a token of Milvus
 * @param queries how many are expected
 * @throws HnMineError `search` or `device`
 */
export async function createIndex(
  passages: VectorPlace,
  config: MineConfig,
  { memory }: Workspace,
  { env, queries = 0 }: { readonly env: NodeJS.ProcessEnv; readonly queries?: number },
): Promise<VectorIndex> {
  const { index, gpu, workers } = config;
  const threads = workers ?? describeMachine().cores;
  if (index === 'faiss') {
    const { createFaissIndex } = await import('../search/faiss.js');
    return createFaissIndex(passages, { threads });
  }
  const openFlat = async (expected: number) => {
    const { createFlatIndex } = await import('../search/flat.js');
    return createFlatIndex(passages, { workers: threads, gpu, memory: memory.searching, queries: expected });
  };
  if (index === 'milvus') {
    const { createMilvusIndex } = await import('../search/milvus.js');
    const { milvusAddress: address = MILVUS_ADDRESS, milvusDatabase: database } = config;
    const options = { address, database, token: env.HN_MINE_MILVUS_TOKEN || undefined };
    // Few rows need it.
    return createMilvusIndex(passages, options, () => openFlat(0));
  }
  return openFlat(queries);
}

/** An optional package or a device that does not load is told before anything is read: an index of one passage shows it. */
export async function checkIndex(config: MineConfig, workspace: Workspace, env: NodeJS.ProcessEnv): Promise<void> {
  if (config.index === 'flat' && config.gpu === undefined) return;
  // What BM25 or a run ranks is searched by no index.
  if (config.index !== 'flat' && !config.retriever.includes('dense')) return;
  // Milvus has no vectors of one value.
  const dim = 2;
  const source = new SharedArrayBuffer(dim * Float32Array.BYTES_PER_ELEMENT);
  const index = await createIndex({ source, dim, count: 1 }, config, workspace, { env });
  await index.close();
}
