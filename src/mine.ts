import type { MineConfig } from './config/config.js';
import { type Dataset, foreseeOutcome, type Inputs, type Outlook, readDataset, siblingRows } from './dataset.js';
import type { Embeddings, Encoder } from './embed/encoder.js';
import { normalizeText } from './input/normalize.js';
import type { Row } from './input/rows.js';
import { createPacer } from './pacer.js';
import { innerProduct } from './search/inner-product.js';
import type { Neighbours, VectorIndex } from './search/vector-index.js';
import { drawUniform, seedRow } from './select/draw.js';
import { type Negative, type NegativeSource, type RowView, selectNegatives } from './select/negatives.js';
import { excludedClasses } from './select/siblings.js';

export type Phase = 'reading' | 'embedding' | 'searching';

/** Why a row got fewer negatives than it asked for. */
export type ShortReason = 'pool too small' | 'too few candidates';

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
const BLOCK_ROWS = 512;

/** Neighbours asked for beyond the window, at most, to make up for passages that a row may not take. */
const MOST_EXTRA_NEIGHBOURS = 64;

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

/** The vectors of a dataset: the pool's passages first, then texts that are not in it but whose scores are wanted. */
interface Vectors {
  readonly queries: Embeddings;
  readonly queryRows: ReadonlyMap<string, number>;
  readonly passages: Embeddings;
  /** The row of a positive's or kept negative's vector. */
  passageRow(text: string): number | undefined;
}

async function embedDataset(dataset: Dataset, config: MineConfig, tools: Tools): Promise<Vectors> {
  const { pool } = dataset;
  const pause = createPacer();
  const queryRows = new Map<string, number>();
  const extraRows = new Map<string, number>();
  for (const row of minedRows(dataset)) {
    if (!queryRows.has(row.query)) queryRows.set(row.query, queryRows.size);
    for (const text of [...row.pos, ...(config.keepNeg && config.scores ? row.neg : [])]) {
      if (!extraRows.has(text) && pool.positionOf(text) === undefined) extraRows.set(text, pool.size + extraRows.size);
    }
    await pause();
  }
  const total = queryRows.size + pool.size + extraRows.size;
  tools.onProgress('embedding', 0, total);
  const encoder = await tools.openEncoder();
  try {
    const onQuery = (done: number) => tools.onProgress('embedding', done, total);
    const queries = await encoder.encode([...queryRows.keys()], 'query', onQuery);
    const onPassage = (done: number) => tools.onProgress('embedding', queryRows.size + done, total);
    const passages = await encoder.encode([...pool.texts, ...extraRows.keys()], 'passage', onPassage);
    tools.onEncoded({
      truncated: { queries: queries.truncated, passages: passages.truncated },
      texts: { distinct: total, reused: (queries.reused ?? 0) + (passages.reused ?? 0) },
    });
    const passageRow = (text: string) => pool.positionOf(text) ?? extraRows.get(text);
    return { queries: queries.embeddings, queryRows, passages: passages.embeddings, passageRow };
  } finally {
    await encoder.close();
  }
}

function minedRows({ rows, mined: { start, end } }: Dataset): readonly Row[] {
  return end - start === rows.length ? rows : rows.slice(start, end);
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
  const tasks: Task[] = [];
  for (const position of positions) {
    tasks.push(createTask(position, dataset, config, vectors));
    await pause();
  }
  const mined = new Array<MinedRow>(tasks.length);
  const most = Math.max(...tasks.map(({ view }) => view.excluded.size));
  const extra = config.rankBasis === 'raw' ? 0 : Math.min(most, MOST_EXTRA_NEIGHBOURS);
  let open = tasks.map((_, i) => i);
  for (let k = config.range.high + extra; open.length > 0; k *= 4) {
    const queryRows = open.map((i) => (tasks[i] as Task).queryRow);
    const found = await index.search(gatherQueries(queryRows, vectors.queries), k);
    const unfinished: number[] = [];
    for (const [at, i] of open.entries()) {
      const row = chooseForRow(tasks[i] as Task, found[at] as Neighbours, config, dataset);
      if (row) mined[i] = row;
      else unfinished.push(i);
      await pause();
    }
    open = unfinished;
  }
  return mined;
}

/** All that is known of one row before its neighbours are. */
interface Task {
  readonly row: Row;
  readonly queryRow: number;
  readonly kept: readonly WrittenNegative[];
  readonly posScores: readonly number[];
  readonly view: RowView;
}

function createTask(position: number, dataset: Dataset, config: MineConfig, vectors: Vectors): Task {
  const { pool } = dataset;
  const row = dataset.rows[position] as Row;
  const family = siblingRows(dataset, position);
  const queryRow = vectors.queryRows.get(row.query) as number;
  const { queries, passages } = vectors;
  const scoreAt = (passage: number) =>
    innerProduct(queries.data, queryRow * queries.dim, passages.data, passage * passages.dim, queries.dim);
  const scoreOfText = (text: string) => {
    const passage = vectors.passageRow(text);
    return passage === undefined ? undefined : scoreAt(passage);
  };
  const kept = config.keepNeg ? keepNegatives(row, family, config.neg) : [];
  const excluded = excludedClasses(family, pool);
  for (const text of kept) {
    for (const found of pool.classesEqualTo(normalizeText(text))) excluded.add(found);
  }
  const seed = seedRow({ seed: config.seed, query: row.query, pos: row.pos, copy: dataset.copies[position] as number });
  return {
    row,
    queryRow,
    kept: kept.map((text) => ({
      text,
      score: config.scores ? scoreOfText(text) : undefined,
      rank: null,
      source: 'kept',
    })),
    posScores: row.pos.map((text) => scoreOfText(text) as number),
    view: {
      poolSize: pool.size,
      classOf: (passage) => pool.classOf(passage),
      excluded,
      drawOf: (passage) => drawUniform(seed, pool.hashOf(passage)),
      scoreOf: scoreAt,
    },
  };
}

/** The first of a row's own negatives that are no positive, not the query, and differ from each other. */
function keepNegatives(row: Row, family: readonly Row[], count: number): string[] {
  const taken = new Set(family.flatMap((sibling) => [sibling.query, ...sibling.pos]).map(normalizeText));
  const isNew = (text: string) => {
    const normalized = normalizeText(text);
    if (normalized === '' || taken.has(normalized)) return false;
    taken.add(normalized);
    return true;
  };
  return row.neg.filter(isNew).slice(0, count);
}

function chooseForRow(task: Task, neighbours: Neighbours, config: MineConfig, { pool }: Dataset): MinedRow | undefined {
  const { row, kept, posScores, view } = task;
  const asked = config.neg - kept.length;
  const chosen = selectNegatives(neighbours, view, config, asked);
  if (chosen === undefined) return undefined;
  const mined = chosen.map(({ passage, score, rank, source }: Negative): WrittenNegative => {
    return { text: pool.texts[passage] as string, score, rank, source };
  });
  const negatives = [...kept, ...mined];
  if (mined.length >= asked) return { row, negatives, posScores };
  const isPoolTooSmall = pool.classCount - view.excluded.size < asked;
  return { row, negatives, posScores, reason: isPoolTooSmall ? 'pool too small' : 'too few candidates' };
}

function gatherQueries(rows: readonly number[], { data, dim }: Embeddings): Embeddings {
  const gathered = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    gathered.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return { data: gathered, dim, count: rows.length };
}
