import type { MineConfig } from '../config/config.js';
import type { Dataset } from '../dataset.js';
import { type GivenVectors, openGivenVectors } from '../npy/given-vectors.js';

/** The vectors that a user gave, of the rows' queries and of the pool. */
export interface GivenEmbeddings {
  readonly queries: GivenVectors | undefined;
  readonly passages: GivenVectors | undefined;
}

/** Opens the files of given vectors, if any. @throws HnMineError `input` where they do not fit the dataset */
export async function openGiven(
  { rows, pool }: Dataset,
  { poolEmbeddings, queryEmbeddings, normalize }: MineConfig,
): Promise<GivenEmbeddings> {
  const open = (flag: string, files: readonly string[] | undefined, what: string, count: number) =>
    files && openGivenVectors(flag, files, { count, what, normalize });
  const queries = await open('--query-embeddings', queryEmbeddings, 'rows of the input', rows.length);
  try {
    return {
      queries,
      passages: await open('--pool-embeddings', poolEmbeddings, 'passages of the pool', pool.recordCount),
    };
  } catch (error) {
    await queries?.close();
    throw error;
  }
}

/** Closes what was opened. */
export async function closeGiven({ queries, passages }: GivenEmbeddings): Promise<void> {
  await queries?.close();
  await passages?.close();
}
