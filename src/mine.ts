import type { MineConfig } from './config/config.js';
import { needsEncoder } from './config/needs-encoder.js';
import { type Dataset, type Inputs, readDataset } from './dataset.js';
import type { Encoder } from './embed/encoder.js';
import type { Row } from './input/rows.js';
import type { Bm25Search } from './lexical/bm25-search.js';
import type { Texts } from './memory/text-spool.js';
import type { Workspace } from './memory/workspace.js';
import { type Choice, createChoice } from './mining/choice.js';
import { type ChosenRow, composeRow, createRowTask, type RowTask } from './mining/mine-row.js';
import { rankPool } from './mining/rank-pool.js';
import { createRerankedChoice } from './mining/rerank-rows.js';
import { openRetrievers, type Retrievers } from './mining/retrievers.js';
import type { Run } from './mining/runs.js';
import { skipLexical } from './mining/skip-lexical.js';
import { embedDataset, type Vectors } from './mining/vectors.js';
import type { GivenVectors } from './npy/given-vectors.js';
import { foreseeOutcome, type Outlook } from './outlook.js';
import { createPacer } from './pacer.js';
import type { Reranker } from './rerank/reranker.js';
import { cutRows } from './retrieve/cut-rows.js';
import type { Retriever } from './retrieve/retriever.js';
import type { VectorPlace } from './search/passage-vectors.js';
import type { VectorIndex } from './search/vector-index.js';
import type { NegativeSource } from './select/negatives.js';
import type { ShortReason } from './select/shortage.js';

export type { ShortReason } from './select/shortage.js';

/** `indexing` is BM25's, where that is asked for. */
export type Phase = 'reading' | 'embedding' | 'indexing' | 'searching' | 'reranking';

/** A negative as it is written. */
export interface WrittenNegative {
  /** Its text: see `escapeText`. */
  readonly escaped: Uint8Array;
  /** Nothing where no scores are asked for, and for a kept negative where they are not written. */
  readonly score: number | undefined;
  readonly rank: number | null;
  readonly source: NegativeSource | 'kept';
  /** Of the passage; null where it has none, nothing where none are asked for. */
  readonly id?: string | null | undefined;
}

/** A row with its negatives: kept ones first, then mined ones by rank, best first. */
export interface MinedRow {
  readonly row: Row;
  readonly negatives: readonly WrittenNegative[];
  /** The score of each positive: the encoder's, or the reranker's where there is one; empty where no scores are asked for. */
  readonly posScores: readonly number[];
  /** The ID of each positive's passage, null where the pool does not have it; nothing where none are asked for. */
  readonly posIds?: readonly (string | null)[];
  /** Set where there are fewer negatives than asked for. */
  readonly reason?: ShortReason;
}

/** What the miner works with, and whom it tells. */
export interface Tools {
  /** Vectors made elsewhere, for every record of the input or of the pool. */
  readonly given?: { readonly queries?: GivenVectors | undefined; readonly passages?: GivenVectors | undefined };
  /** Rankings made elsewhere, to be fused with those of the retrievers. */
  readonly runs?: readonly Run[];
  /** Where texts and vectors go that memory does not hold. */
  readonly workspace: Workspace;
  openEncoder(): Promise<Encoder>;
  /** @param queries how many are expected */
  createIndex(passages: VectorPlace, queries: number): Promise<VectorIndex>;
  openBm25(passages: Texts): Promise<Bm25Search>;
  /** Where the configuration names a reranker. */
  openReranker?(): Promise<Reranker>;
  /** A phase's progress; `total` is unknown while reading. */
  onProgress(phase: Phase, done: number, total?: number): void;
  onEncoded(counts: EncodedCounts): void;
  onReranked?(counts: RerankedCounts): void;
}

/** Counts of distinct texts. */
export interface EncodedCounts {
  /** Longer than the model reads. */
  readonly truncated: { readonly queries: number; readonly passages: number };
  /** All of them, and those whose vectors an earlier run had made. */
  readonly texts: { readonly distinct: number; readonly reused: number };
}

/** Pairs scored by the reranker since the last call. */
export interface RerankedCounts {
  readonly pairs: number;
  /** Longer than it reads. */
  readonly truncated: number;
  /** Whose scores an earlier run had made. */
  readonly reused: number;
}

/** A row that is being mined takes about so many times the bytes of its line: the line, its parts, its output. */
const ROW_COPIES = 4;

/** Passages asked for beyond the window, at most, to make up for those that a row may not take. */
const MOST_EXTRA = 64;

/** What most rows have above their ceilings. */
const EXTRA_ABOVE_CEILING = 32;

/**
 * Reads rows and pool and refuses what cannot work, before any model is loaded.
 *
 * @throws HnMineError `input`
 */
export async function prepareMining(
  inputs: Inputs,
  config: MineConfig,
  workspace: Workspace,
  onProgress: Tools['onProgress'],
): Promise<{ dataset: Dataset; outlook: Outlook }> {
  const dataset = await readDataset(inputs, config, workspace, (done) => onProgress('reading', done));
  return { dataset, outlook: await foreseeOutcome(dataset, config) };
}

/**
 * Mines hard negatives: embeds every query and passage, ranks the pool for each query, and chooses negatives from a window of
 * ranks. Yields the rows in input order as they are done, those without enough negatives included.
 *
 * @throws HnMineError `model`, `device` or `search`
 */
export async function* mineDataset(dataset: Dataset, config: MineConfig, tools: Tools): AsyncGenerator<MinedRow> {
  // More shards than rows leave some with none.
  if (dataset.mined.start === dataset.mined.end) return;
  const miner = await openMiner(dataset, config, tools);
  try {
    for await (const block of miner.choose(config)) {
      for (const chosen of block) yield composeRow(chosen, dataset.pool, config);
    }
  } finally {
    await miner.close();
  }
}

/** A dataset whose texts are embedded and indexed. */
export interface Miner {
  /**
   * Chooses negatives for all rows, in blocks, in input order.
   *
   * @param config may differ from the one that the miner was opened with in how negatives are chosen
   */
  choose(config: MineConfig): AsyncGenerator<ChosenRow[]>;
  close(): Promise<void>;
}

/**
 * Embeds and indexes what the configuration asks for.
 *
 * @throws HnMineError `model`, `device` or `search`
 */
export async function openMiner(dataset: Dataset, config: MineConfig, tools: Tools): Promise<Miner> {
  const embedding = needsEncoder(config) ? embedDataset(dataset, config, tools) : undefined;
  const retrievers = await openRetrievers(dataset, config, embedding, tools);
  const vectors = await embedding?.vectors;
  let reranker: Reranker | undefined;
  const close = async () => {
    await retrievers.close();
    await reranker?.close();
  };
  try {
    reranker = await tools.openReranker?.();
  } catch (error) {
    await close();
    throw error;
  }
  const total = dataset.mined.end - dataset.mined.start;
  return {
    async *choose(config) {
      const choice = reranker ? createRerankedChoice(reranker, dataset, config, tools) : createChoice(config);
      tools.onProgress('searching', 0, total);
      const memory = tools.workspace.memory.mining;
      let done = 0;
      const { lexical } = retrievers;
      const ranking = retrievers.rankingFor(config);
      for await (const block of mineBlocks({ dataset, config, vectors, ranking, lexical, choice, memory })) {
        yield block;
        done += block.length;
        tools.onProgress('searching', done, total);
      }
    },
    close,
  };
}

interface Mining {
  readonly dataset: Dataset;
  readonly config: MineConfig;
  /** Nothing where none are needed. */
  readonly vectors: Vectors | undefined;
  readonly ranking: Retriever;
  readonly lexical: Retrievers['lexical'];
  readonly choice: Choice;
  /** Bytes that the rows and rankings of the two blocks under way may take. */
  readonly memory: number;
}

/** The pool is ranked for one block while the one before it is chosen from and written. */
async function* mineBlocks(mining: Mining): AsyncGenerator<ChosenRow[]> {
  let previous: Promise<ChosenRow[]> | undefined;
  for (const positions of cutBlocks(mining)) {
    const block = mineBlock(positions, mining);
    // Its error is thrown when its turn comes; until then it is not unhandled.
    block.catch(() => {});
    if (previous) yield await previous;
    previous = block;
  }
  if (previous) yield await previous;
}

function* cutBlocks({ dataset: { mined, rows }, choice, memory }: Mining): Generator<number[]> {
  let block: number[] = [];
  let bytes = 0;
  for (let position = mined.start; position < mined.end; position++) {
    const size = ROW_COPIES * rows.sizeOf(position);
    if (block.length > 0 && (block.length === choice.blockRows || bytes + size > memory / 4)) {
      yield block;
      block = [];
      bytes = 0;
    }
    block.push(position);
    bytes += size;
  }
  yield block;
}

async function mineBlock(positions: readonly number[], mining: Mining): Promise<ChosenRow[]> {
  const { dataset, config, ranking, choice, memory } = mining;
  const tasks = await choice.prepare(await createTasks(positions, mining));
  const chosen = new Array<ChosenRow>(tasks.length);
  const first = choice.depth + countExtra(tasks, config);
  let open = tasks.map((_, i) => i);
  for (let depth = first; open.length > 0; depth *= 4) {
    // Few rows need more than the first search; only theirs looks below their ceilings, which costs more.
    const looksBelow = depth > first && choice.mayLookBelow;
    const unfinished: number[] = [];
    for (const some of cutRows(open, { depth: Math.min(depth, dataset.pool.size), memory: memory / 4 })) {
      const searched = some.map((i) => tasks[i] as RowTask);
      const rankings = await rankPool(searched, { depth, looksBelow }, ranking);
      const rows = await choice.finish(searched, rankings);
      for (const [at, i] of some.entries()) {
        const row = rows[at];
        if (row) chosen[i] = row;
        else unfinished.push(i);
      }
    }
    open = unfinished;
  }
  return chosen;
}

async function createTasks(positions: readonly number[], mining: Mining): Promise<RowTask[]> {
  const { dataset, config, vectors, lexical, memory } = mining;
  const pause = createPacer();
  const tasks: RowTask[] = [];
  for (const position of positions) {
    tasks.push(createRowTask(position, dataset, config, vectors));
    await pause();
  }
  return lexical && config.skipLexical > 0
    ? skipLexical(tasks, lexical, { count: config.skipLexical, memory: memory / 4 })
    : tasks;
}

/** Passages beyond the window that make up for those which rows may not take. */
function countExtra(tasks: readonly RowTask[], { rankBasis }: MineConfig): number {
  if (rankBasis === 'raw') return 0;
  const most = Math.max(...tasks.map(({ view }) => view.excluded.size));
  const hasBounds = tasks.some(({ view }) => view.bounds.ceiling !== Infinity);
  return Math.min(most + (hasBounds ? EXTRA_ABOVE_CEILING : 0), MOST_EXTRA);
}
