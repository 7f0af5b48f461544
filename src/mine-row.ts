import type { MineConfig } from './config/config.js';
import type { Dataset } from './dataset.js';
import { normalizeText } from './input/normalize.js';
import type { Pool } from './input/pool.js';
import type { Row } from './input/rows.js';
import { hashText } from './memory/hash.js';
import type { MinedRow, WrittenNegative } from './mine.js';
import { innerProduct } from './search/inner-product.js';
import { boundScores, combinePositives } from './select/bounds.js';
import { drawUniform, seedRow } from './select/draw.js';
import { DEEPER, type RowView, selectNegatives } from './select/negatives.js';
import type { Ranking } from './select/ranking.js';
import type { Exclusions } from './select/siblings.js';
import type { Vectors } from './vectors.js';

/** All that is known of one row before the pool is ranked for it. */
export interface RowTask {
  readonly row: Row;
  readonly queryRow: number;
  readonly kept: readonly WrittenNegative[];
  readonly posScores: readonly number[];
  readonly view: RowView;
}

export function createRowTask(position: number, dataset: Dataset, config: MineConfig, vectors: Vectors): RowTask {
  const { pool } = dataset;
  const row = dataset.rows.read(position);
  const exclusions = dataset.exclusionsOf(position);
  const scores = createRowScores(position, exclusions, vectors);
  const kept = config.keepNeg ? keepNegatives(row.neg, exclusions, pool).slice(0, config.neg) : [];
  const keptClasses = kept.flatMap((text) => [...pool.classesEqualTo(normalizeText(text))]);
  const seed = seedRow({ seed: config.seed, query: row.query, pos: row.pos, copy: dataset.copyOf(position) });
  const posScores = row.pos.map((text) => scores.ofText(text) as number);
  const positive = combinePositives(posScores, config.positiveScore);
  const { maxPositiveSimilarity: most } = config;
  return {
    row,
    queryRow: scores.queryRow,
    kept: kept.map((text) => {
      return { text, score: config.scores ? scores.ofText(text) : undefined, rank: null, source: 'kept' };
    }),
    posScores,
    view: {
      poolSize: pool.size,
      classCount: pool.classCount,
      classOf: (passage) => pool.classOf(passage),
      excluded: kept.length === 0 ? exclusions.classes : new Set([...exclusions.classes, ...keptClasses]),
      drawOf: (passage) => drawUniform(seed, pool.hashOf(passage)),
      scoreOf: scores.ofPassage,
      bounds: boundScores(config, positive),
      positive,
      isTooSimilar: (passage) => most !== undefined && scores.similarityToPositives(passage) >= most,
      likenessOf: scores.likenessToPositives,
    },
  };
}

/** The scores that one row's choice is made with, all from the same inner product. */
function createRowScores(position: number, { positives }: Exclusions, { queries, passages, ...rows }: Vectors) {
  const queryRow = rows.queryRow(position);
  const query = queries.row(queryRow);
  const ofPassage = (passage: number) => productOf(query, passages.row(passage));
  // Those of siblings are embedded only where they are asked for, so they are looked up then.
  let liked: Float32Array[] | undefined;
  const highest = (passage: number, score: (a: Float32Array, b: Float32Array) => number) => {
    liked ??= positives.map((hash) => passages.row(rows.passageRow(hash) as number));
    const vector = passages.row(passage);
    return liked.reduce((most, positive) => Math.max(most, score(vector, positive)), -Infinity);
  };
  return {
    queryRow,
    ofPassage,
    ofText: (text: string) => {
      const passage = rows.passageRow(hashText(text));
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

/** A row's own negatives that no row of its group answers with or asks, and that differ from each other. */
function keepNegatives(texts: readonly string[], { classes, hasText }: Exclusions, pool: Pool): string[] {
  const taken = new Set(['']);
  return texts.filter((text) => {
    const normalized = normalizeText(text);
    if (taken.has(normalized) || hasText(normalized)) return false;
    taken.add(normalized);
    return ![...pool.classesEqualTo(normalized)].some((found) => classes.has(found));
  });
}

/** Chooses a row's negatives from a ranking of the pool; nothing where it must go deeper. */
export function finishRow(
  { row, kept, posScores, view }: RowTask,
  ranking: Ranking,
  config: MineConfig,
  { pool }: Dataset,
): MinedRow | undefined {
  const selection = selectNegatives(ranking, view, config, config.neg - kept.length);
  if (selection === DEEPER) return undefined;
  const mined = selection.negatives.map(({ passage, score, rank, source }): WrittenNegative => {
    return { text: pool.texts.at(passage), score, rank, source };
  });
  const { reason } = selection;
  return { row, negatives: [...kept, ...mined], posScores, ...(reason === undefined ? {} : { reason }) };
}
