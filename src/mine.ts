import type { MineConfig } from './config/config.js';
import { type Dataset, foreseeOutcome, type Inputs, type Outlook, readDataset } from './dataset.js';
import type { Embeddings, Encoder } from './embed/encoder.js';
import { gatherRows } from './embed/gather-rows.js';
import type { Row } from './input/rows.js';
import { createRowTask, finishRow, type RowTask } from './mine-row.js';
import type { GivenVectors } from './npy/given-vectors.js';
import { createPacer } from './pacer.js';
import type { Neighbours, VectorIndex } from './search/vector-index.js';
import type { NegativeSource, ShortReason } from './select/negatives.js';
import { embedDataset, type Vectors } from './vectors.js';

export type { ShortReason } from './select/negatives.js';

export type Phase = 'reading' | 'embedding' | 'searching';

/** A negative as it is written. */
export interface WrittenNegative {
  readonly text: string;
  /** Nothing for a kept negative where scores are not written. */
  readonly score: number | undefined;
  readonly rank: number | null;
  readonly source: NegativeSource | 'kept';
}

/** A row with its negatives: kept ones first, then mined ones by rank, best first. */
export interface MinedRow {
  readonly row: Row;
  readonly negatives: readonly WrittenNegative[];
  /** The retriever's score of each positive. */
  readonly posScores: readonly number[];
  /** Set where there are fewer negatives than asked for. */
  readonly reason?: ShortReason;
}

/** What the miner works with, and whom it tells. */
export interface Tools {
  /** Vectors made elsewhere, for every record of the input or of the pool. */
  readonly given?: { readonly queries?: GivenVectors | undefined; readonly passages?: GivenVectors | undefined };
  openEncoder(): Promise<Encoder>;
  createIndex(passages: Embeddings): Promise<VectorIndex>;
  /** A phase's progress; `total` is unknown while reading. */
  onProgress(phase: Phase, done: number, total?: number): void;
  onEncoded(counts: EncodedCounts): void;
}

/** Counts of distinct texts. */
export interface EncodedCounts {
  /** Longer than the model reads. */
  readonly truncated: { readonly queries: number; readonly passages: number };
  /** All of them, and those whose vectors an earlier run had made. */
  readonly texts: { readonly distinct: number; readonly reused: number };
}

/** Rows searched at once: results stream out as blocks finish, while the next one is under way. */
const BLOCK_ROWS = 2048;

/** Neighbours asked for beyond the window, at most, to make up for passages that a row may not take. */
const MOST_EXTRA_NEIGHBOURS = 64;

/** What most rows have above their ceilings. */
const NEIGHBOURS_ABOVE_CEILING = 32;

/**
 * Reads rows and pool and refuses what cannot work, before any model is loaded.
 *
 * @throws HnMineError `input`
 */
export async function prepareMining(
  inputs: Inputs,
  config: MineConfig,
  onProgress: Tools['onProgress'],
): Promise<{ dataset: Dataset; outlook: Outlook }> {
  const dataset = await readDataset(inputs, config, (done) => onProgress('reading', done));
  return { dataset, outlook: await foreseeOutcome(dataset, config) };
}

/**
 * Mines hard negatives: embeds every query and passage, ranks the pool for each query, and chooses negatives from a window of
 * ranks. Yields the rows in input order as they are done, those without enough negatives included.
 *
 * @throws HnMineError `model`, `device` or `search`
 */
export async function* mineDataset(dataset: Dataset, config: MineConfig, tools: Tools): AsyncGenerator<MinedRow> {
  const total = dataset.mined.end - dataset.mined.start;
  // More shards than rows leave some with none.
  if (total === 0) return;
  const vectors = await embedDataset(dataset, config, tools);
  tools.onProgress('searching', 0, total);
  const index = await tools.createIndex({ ...vectors.passages, count: dataset.pool.size });
  try {
    let done = 0;
    for await (const block of mineBlocks(dataset, config, vectors, index)) {
      yield* block;
      done += block.length;
      tools.onProgress('searching', done, total);
    }
  } finally {
    await index.close();
  }
}

/** One block is searched while the one before it is chosen from and written. */
async function* mineBlocks(
  dataset: Dataset,
  config: MineConfig,
  vectors: Vectors,
  index: VectorIndex,
): AsyncGenerator<MinedRow[]> {
  const { start: first, end } = dataset.mined;
  const startBlock = (start: number) => {
    const positions = Array.from({ length: Math.min(BLOCK_ROWS, end - start) }, (_, i) => start + i);
    const block = mineBlock(positions, dataset, config, vectors, index);
    // Its error is thrown when its turn comes; until then it is not unhandled.
    block.catch(() => {});
    return block;
  };
  let next = startBlock(first);
  for (let start = first + BLOCK_ROWS; start < end + BLOCK_ROWS; start += BLOCK_ROWS) {
    const block = next;
    if (start < end) next = startBlock(start);
    yield await block;
  }
}

async function mineBlock(
  positions: readonly number[],
  dataset: Dataset,
  config: MineConfig,
  vectors: Vectors,
  index: VectorIndex,
): Promise<MinedRow[]> {
  const pause = createPacer();
  const tasks: RowTask[] = [];
  for (const position of positions) {
    tasks.push(createRowTask(position, dataset, config, vectors));
    await pause();
  }
  const mined = new Array<MinedRow>(tasks.length);
  const first = config.range.high + countExtraNeighbours(tasks, config);
  let open = tasks.map((_, i) => i);
  for (let k = first; open.length > 0; k *= 4) {
    const queries = gatherRows(
      vectors.queries,
      open.map((i) => (tasks[i] as RowTask).queryRow),
    );
    // Few rows need more than the first search; only theirs looks below their ceilings, which costs more.
    const looksBelow = k > first && config.rankBasis !== 'raw';
    const ceilings = looksBelow ? Float64Array.from(open, (i) => (tasks[i] as RowTask).view.bounds.ceiling) : undefined;
    const found = await index.search(queries, k, ceilings);
    const unfinished: number[] = [];
    for (const [at, i] of open.entries()) {
      const neighbours = found[at] as Neighbours;
      const isWhole = neighbours.passages.length < k || neighbours.passages.length === dataset.pool.size;
      const row = finishRow(tasks[i] as RowTask, neighbours, isWhole, config, dataset);
      if (row) mined[i] = row;
      else unfinished.push(i);
      await pause();
    }
    open = unfinished;
  }
  return mined;
}

/** Neighbours beyond the window that make up for those which rows may not take. */
function countExtraNeighbours(tasks: readonly RowTask[], { rankBasis }: MineConfig): number {
  if (rankBasis === 'raw') return 0;
  const most = Math.max(...tasks.map(({ view }) => view.excluded.size));
  const hasBounds = tasks.some(({ view }) => view.bounds.ceiling !== Infinity);
  return Math.min(most + (hasBounds ? NEIGHBOURS_ABOVE_CEILING : 0), MOST_EXTRA_NEIGHBOURS);
}
