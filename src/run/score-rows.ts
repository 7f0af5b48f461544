import type { ScoreConfig } from '../config/score-config.js';
import { rowFields } from '../dataset.js';
import type { Embeddings, Encoder } from '../embed/encoder.js';
import { encodeTexts } from '../embed/stored-encoder.js';
import { HnMineError } from '../errors.js';
import type { Source } from '../input/lines.js';
import { type Row, readRows } from '../input/rows.js';
import type { Workspace } from '../memory/workspace.js';
import type { Phase } from '../mine.js';
import { createPacer } from '../pacer.js';
import type { Pair } from '../rerank/reranker.js';
import { innerProduct } from '../search/inner-product.js';
import { openConfiguredEncoder } from './open-encoder.js';
import { fetchReranker, openReranker, planReachableReranker } from './open-reranker.js';
import type { RunContext } from './run-context.js';

/** A row with the score of each of its positives and negatives, in their order. */
export interface ScoredRow {
  readonly row: Row;
  readonly posScores: readonly number[];
  readonly negScores: readonly number[];
}

/** What was done so far. */
export interface ScoreCounts {
  rows: number;
  /** Scored; pairs that a block of rows holds twice count once. */
  pairs: number;
  /** Pairs that the reranker could not read whole, null where a server does not tell; without one, texts that the encoder could not. */
  truncated: number | null;
  /** What gave the scores. */
  model: string;
}

/** Rows scored at once hold so many pairs, at most, unless it is a single one. */
const BLOCK_PAIRS = 1 << 12;

/**
 * Scores the positives and negatives of rows that any tool has mined, block by block: by a reranker, or by the inner product of
 * an encoder's vectors.
 *
 * @param counts is kept up to date
 * @throws HnMineError of every code but `output`
 */
export async function* scoreRows(
  source: Source,
  config: ScoreConfig,
  { workspace, context, counts }: { workspace: Workspace; context: RunContext; counts: ScoreCounts },
): AsyncGenerator<ScoredRow> {
  const scorer = await openScorer(config, workspace, context);
  counts.model = scorer.name;
  try {
    for await (const rows of cutBlocks(source, config, workspace.memory.encoding / 4)) {
      const pairs = listPairs(rows);
      const before = counts.pairs;
      const onProgress = (done: number) => context.events.onProgress?.(scorer.phase, before + done);
      const { scores, truncated } = await scorer.score([...pairs.values()], onProgress);
      counts.pairs += scores.length;
      counts.truncated = scorer.countsTruncated ? (counts.truncated ?? 0) + truncated : null;
      const numbers = new Map(Array.from(pairs.keys(), (key, i) => [key, scores[i] as number]));
      const scoreOf = (query: string) => (text: string) => numbers.get(keyOf(query, text)) as number;
      for (const row of rows) {
        counts.rows++;
        const score = scoreOf(row.query);
        yield { row, posScores: row.pos.map(score), negScores: row.neg.map(score) };
      }
    }
  } finally {
    await scorer.close();
  }
  if (counts.rows > 0) return;
  const name = typeof source === 'string' ? source : 'input';
  throw new HnMineError('input', `${name}: no rows; expected one JSON object a line`);
}

/** Gives pairs their scores. */
interface PairScorer {
  readonly name: string;
  readonly phase: Phase;
  readonly countsTruncated: boolean;
  score(
    pairs: readonly Pair[],
    onProgress: (done: number) => void,
  ): Promise<{ scores: Float64Array; truncated: number }>;
  close(): Promise<void>;
}

async function openScorer(config: ScoreConfig, workspace: Workspace, context: RunContext): Promise<PairScorer> {
  const { activation } = config;
  const plan =
    (await planReachableReranker(config, activation, context)) ?? (await fetchReranker(config, activation, context));
  if (plan === undefined) {
    const { name, encoder } = await openConfiguredEncoder(config, workspace, context);
    return {
      name,
      phase: 'embedding',
      countsTruncated: true,
      score: (pairs, onProgress) => scoreByVectors(encoder, pairs, onProgress),
      close: () => encoder.close(),
    };
  }
  for (const note of plan.notes) context.events.onNote?.(note);
  // Its model is loaded after the first rows were read: what is wrong with them is told at once.
  const reranker = await openReranker(plan, config, context);
  return {
    name: plan.name,
    phase: 'reranking',
    countsTruncated: plan.countsTruncated,
    score: (pairs, onProgress) => reranker.score(pairs, onProgress),
    close: () => reranker.close(),
  };
}

async function* cutBlocks(source: Source, config: ScoreConfig, limit: number): AsyncGenerator<Row[]> {
  let block: Row[] = [];
  let [pairs, bytes] = [0, 0];
  const pause = createPacer();
  for await (const row of readRows(source, rowFields(config))) {
    const [size, count] = [row.line.text.length, row.pos.length + row.neg.length];
    if (block.length > 0 && (pairs + count > BLOCK_PAIRS || bytes + size > limit)) {
      yield block;
      block = [];
      [pairs, bytes] = [0, 0];
    }
    block.push(row);
    pairs += count;
    bytes += size;
    await pause();
  }
  if (block.length > 0) yield block;
}

function listPairs(rows: readonly Row[]): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const { query, pos, neg } of rows) {
    for (const text of [...pos, ...neg]) pairs.set(keyOf(query, text), [query, text]);
  }
  return pairs;
}

function keyOf(query: string, text: string): string {
  return `${query.length} ${query}${text}`;
}

async function scoreByVectors(encoder: Encoder, pairs: readonly Pair[], onProgress: (done: number) => void) {
  const queries = await encodeDistinct(encoder, pairs, 'query');
  const passages = await encodeDistinct(encoder, pairs, 'passage');
  const scores = Float64Array.from(pairs, ([query, passage]) => {
    const [a, b] = [queries.startOf(query), passages.startOf(passage)];
    return innerProduct(queries.data, a, passages.data, b, queries.dim);
  });
  onProgress(pairs.length);
  return { scores, truncated: queries.truncated + passages.truncated };
}

async function encodeDistinct(encoder: Encoder, pairs: readonly Pair[], role: 'query' | 'passage') {
  const numberOf = new Map<string, number>();
  for (const [query, passage] of pairs) {
    const text = role === 'query' ? query : passage;
    if (!numberOf.has(text)) numberOf.set(text, numberOf.size);
  }
  const { embeddings, truncated } = await encodeTexts(encoder, [...numberOf.keys()], role);
  const { data, dim }: Embeddings = embeddings;
  return { data, dim, truncated, startOf: (text: string) => (numberOf.get(text) as number) * dim };
}
