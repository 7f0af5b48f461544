import type { MineConfig } from '../config/config.js';
import type { Dataset } from '../dataset.js';
import type { Tools } from '../mine.js';
import { createBm25Retriever } from '../retrieve/bm25.js';
import { createDenseRetriever } from '../retrieve/dense.js';
import { fuseRetrievers } from '../retrieve/fused.js';
import type { Retriever } from '../retrieve/retriever.js';
import { createRunRetriever } from '../retrieve/run.js';
import type { Embedding } from './vectors.js';

/** What ranks the pool in a run. */
export interface Retrievers {
  /** Gives the order of candidates; where several are fused, `config` says how. */
  rankingFor(config: MineConfig): Retriever;
  /** BM25, whose best passages are never mined; nothing where none are skipped. */
  readonly lexical: Retriever | undefined;
  close(): Promise<void>;
}

/** Ranks of each retriever that are fused at first, unless the window goes deeper: what runs are commonly cut at. */
const FUSED_DEPTH = 1000;

/**
 * Opens the retrievers that the flags ask for, and no others.
 *
 * @param embedding nothing where no vectors are needed; the dense index is made while the queries are embedded
 */
export async function openRetrievers(
  dataset: Dataset,
  config: MineConfig,
  embedding: Embedding | undefined,
  tools: Tools,
): Promise<Retrievers> {
  const { retriever: names, skipLexical } = config;
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(opened.map((one) => one.close()));
  };
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const openDense = async ({ passages, vectors }: Embedding) => {
    const { dim, source } = await passages;
    const { start, end } = dataset.mined;
    const index = keep(await tools.createIndex({ dim, source, count: dataset.pool.size }, end - start));
    return createDenseRetriever(index, (await vectors).queries);
  };
  const openBm25 = async () => createBm25Retriever(keep(await tools.openBm25(dataset.pool.texts)));
  try {
    const dense = names.includes('dense') && embedding ? await openDense(embedding) : undefined;
    // BM25 alone has its scores from them; its phase begins when they are there.
    await embedding?.vectors;
    const bm25 = names.includes('bm25') || skipLexical > 0 ? await openBm25() : undefined;
    const named = [dense, names.includes('bm25') ? bm25 : undefined].filter((one) => one !== undefined);
    const ranking = [...named, ...(tools.runs ?? []).map(createRunRetriever)];
    const memory = tools.workspace.memory.mining / 4;
    return {
      rankingFor({ range, rrfK }) {
        if (ranking.length === 1) return ranking[0] as Retriever;
        return fuseRetrievers(ranking, { rrfK, depth: Math.max(range.high, FUSED_DEPTH), memory });
      },
      lexical: skipLexical > 0 ? bm25 : undefined,
      close,
    };
  } catch (error) {
    await embedding?.close();
    await close();
    throw error;
  }
}
