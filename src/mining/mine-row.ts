import type { MineConfig } from '../config/config.js';
import type { Dataset } from '../dataset.js';
import { escapeText } from '../input/json.js';
import { normalizeText } from '../input/normalize.js';
import type { Pool } from '../input/pool.js';
import type { Row } from '../input/rows.js';
import { hashText } from '../memory/hash.js';
import type { MinedRow, WrittenNegative } from '../mine.js';
import { innerProduct } from '../search/inner-product.js';
import { boundScores, combinePositives, NO_BOUNDS } from '../select/bounds.js';
import { drawUniform, seedRow } from '../select/draw.js';
import type { Exclusions } from '../select/exclusions.js';
import { DEEPER, type RowView, type Selection, selectNegatives } from '../select/negatives.js';
import type { Ranking } from '../select/ranking.js';
import type { Vectors } from './vectors.js';

interface KeptNegative extends WrittenNegative {
  readonly text: string;
}

/** All that is known of one row before the pool is ranked for it. */
export interface RowTask {
  readonly row: Row;
  /** The row of its query's vector; nothing where there are no vectors. */
  readonly queryRow: number | undefined;
  /** Negatives that the row came with and keeps. */
  readonly kept: readonly KeptNegative[];
  readonly posScores: readonly number[];
  /** Whether the scores in the view are any. */
  readonly isScored: boolean;
  readonly view: RowView;
}

/** The scores in it are the encoder's; with a reranker, `withScores` is to bring its own before anything is chosen. */
export function createRowTask(
  position: number,
  dataset: Dataset,
  config: MineConfig,
  vectors: Vectors | undefined,
): RowTask {
  const { pool } = dataset;
  const row = dataset.rows.read(position);
  const exclusions = dataset.exclusionsOf(position);
  const scores = vectors ? createRowScores(position, exclusions, vectors) : NO_SCORES;
  const { maxPositiveSimilarity: most } = config;
  const isTooSimilar = (passage: number) => most !== undefined && scores.similarityToPositives(passage) >= most;
  const isTextTooSimilar = (text: string) => most !== undefined && isTooSimilar(scores.passageOf(text) as number);
  const kept = config.keepNeg ? keepNegatives(row.neg, { exclusions, pool, isTextTooSimilar }, config.neg) : [];
  const keptClasses = kept.flatMap((text) => pool.classesEqualTo(normalizeText(text)));
  const seed = seedRow({ seed: config.seed, query: row.query, pos: row.pos, copy: dataset.copyOf(position) });
  const { classes, hashes } = pool;
  const task: RowTask = {
    row,
    queryRow: scores.queryRow,
    kept: kept.map((text) => ({ text, escaped: escapeText(text), score: undefined, rank: null, source: 'kept' })),
    posScores: [],
    isScored: false,
    view: {
      poolSize: pool.size,
      classCount: pool.classCount,
      classOf: (passage) => classes[passage] as number,
      excluded: kept.length === 0 ? exclusions.classes : new Set([...exclusions.classes, ...keptClasses]),
      drawOf: (passage) => {
        return drawUniform(seed, { high: hashes[2 * passage] as number, low: hashes[2 * passage + 1] as number });
      },
      scoreOf: scores.ofPassage,
      bounds: NO_BOUNDS,
      positive: Number.NaN,
      isTooSimilar,
      likenessOf: scores.likenessToPositives,
    },
  };
  if (config.reranker !== undefined || vectors === undefined) return task;
  return withScores(task, listOwnTexts(task, config).map(scores.ofText) as number[], config);
}

/** The texts of a row itself whose scores are needed: its positives, and kept negatives where scores are written. */
export function listOwnTexts({ row, kept }: RowTask, config: MineConfig): string[] {
  return [...row.pos, ...(config.scores ? kept.map(({ text }) => text) : [])];
}

/** @param scores of the row's own texts: see `listOwnTexts` */
export function withScores(task: RowTask, scores: readonly number[], config: MineConfig): RowTask {
  const count = task.row.pos.length;
  const posScores = scores.slice(0, count);
  const positive = combinePositives(posScores, config.positiveScore);
  return {
    ...task,
    kept: task.kept.map((one, i) => ({ ...one, score: scores[count + i] })),
    posScores,
    isScored: true,
    view: { ...task.view, bounds: boundScores(config, positive), positive },
  };
}

/** Where nothing asks for scores: all equal, so that they decide nothing. */
const NO_SCORES = {
  queryRow: undefined,
  passageOf: () => undefined,
  ofPassage: () => 0,
  ofText: () => undefined,
  similarityToPositives: () => 0,
  likenessToPositives: () => 0,
};

/** The scores that one row's choice is made with, all from the same inner product. */
function createRowScores(position: number, exclusions: Exclusions, { queries, passages, ...rows }: Vectors) {
  const queryRow = rows.queryRow(position);
  const query = queries.row(queryRow);
  const ofPassage = (passage: number) => productOf(query, passages.row(passage));
  // Those of siblings are embedded only where they are asked for, so they are looked up then.
  let liked: Float32Array[] | undefined;
  const highest = (passage: number, score: (a: Float32Array, b: Float32Array) => number) => {
    liked ??= exclusions.positives().map((hash) => passages.row(rows.passageRow(hash) as number));
    const vector = passages.row(passage);
    return liked.reduce((most, positive) => Math.max(most, score(vector, positive)), -Infinity);
  };
  const passageOf = (text: string) => rows.passageRow(hashText(text));
  return {
    queryRow,
    passageOf,
    ofPassage,
    ofText: (text: string) => {
      const passage = passageOf(text);
      return passage === undefined ? undefined : ofPassage(passage);
    },
    similarityToPositives: (passage: number) => highest(passage, cosine),
    likenessToPositives: (passage: number) => highest(passage, productOf),
  };
}

function productOf(a: Float32Array, b: Float32Array): number {
  return innerProduct(a, 0, b, 0, a.length);
}

function cosine(a: Float32Array, b: Float32Array): number {
  return productOf(a, b) / Math.sqrt(productOf(a, a) * productOf(b, b));
}

interface KeepRules {
  readonly exclusions: Exclusions;
  readonly pool: Pool;
  isTextTooSimilar(text: string): boolean;
}

/** The first of a row's own negatives that it may have: they pass every exclusion, but no bound of scores. */
function keepNegatives(
  texts: readonly string[],
  { exclusions: { classes, hasText }, pool, isTextTooSimilar }: KeepRules,
  most: number,
): string[] {
  const taken = new Set(['']);
  const kept: string[] = [];
  for (const text of texts) {
    if (kept.length === most) break;
    const normalized = normalizeText(text);
    if (taken.has(normalized) || hasText(normalized)) continue;
    if (pool.classesEqualTo(normalized).some((found) => classes.has(found)) || isTextTooSimilar(text)) continue;
    taken.add(normalized);
    kept.push(text);
  }
  return kept;
}

/** Chooses a row's negatives from a ranking of the pool; nothing where it must go deeper. */
export function chooseForRow(task: RowTask, ranking: Ranking, config: MineConfig): ChosenRow | undefined {
  const selection = selectNegatives(ranking, task.view, config, config.neg - task.kept.length);
  return selection === DEEPER ? undefined : chosenFor(task, selection);
}

/** A row whose negatives are known by their places in the pool. */
export interface ChosenRow extends Pick<RowTask, 'row' | 'kept' | 'posScores' | 'isScored'>, Selection {}

export function chosenFor({ row, kept, posScores, isScored }: RowTask, selection: Selection): ChosenRow {
  return { row, kept, posScores, isScored, ...selection };
}

/** Brings the texts, as late as can be: those of a whole block would take more memory than everything else of it. */
export function composeRow(chosen: ChosenRow, pool: Pool, { ids }: MineConfig): MinedRow {
  const { row, kept, posScores, isScored, negatives, reason } = chosen;
  const mined = negatives.map(({ passage, score, rank, source }): WrittenNegative => {
    const negative = { escaped: pool.escapedAt(passage), score: isScored ? score : undefined, rank, source };
    return ids ? { ...negative, id: pool.idAt(passage) } : negative;
  });
  const own = ids ? kept.map((one) => ({ ...one, id: pool.idOfText(one.text) })) : kept;
  return {
    row,
    negatives: [...own, ...mined],
    posScores,
    ...(ids && { posIds: row.pos.map((text) => pool.idOfText(text) ?? null) }),
    ...(reason === undefined ? {} : { reason }),
  };
}
