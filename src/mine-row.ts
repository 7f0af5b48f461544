import type { MineConfig } from './config/config.js';
import type { Dataset } from './dataset.js';
import { normalizeText } from './input/normalize.js';
import type { Pool } from './input/pool.js';
import type { Row } from './input/rows.js';
import type { MinedRow, WrittenNegative } from './mine.js';
import { innerProduct } from './search/inner-product.js';
import type { Neighbours } from './search/vector-index.js';
import { boundScores, combinePositives } from './select/bounds.js';
import { drawUniform, seedRow } from './select/draw.js';
import { DEEPER, type RowView, selectNegatives } from './select/negatives.js';
import type { Exclusions } from './select/siblings.js';
import type { Vectors } from './vectors.js';

/** All that is known of one row before its neighbours are. */
export interface RowTask {
  readonly row: Row;
  readonly queryRow: number;
  readonly kept: readonly WrittenNegative[];
  readonly posScores: readonly number[];
  readonly view: RowView;
}

export function createRowTask(position: number, dataset: Dataset, config: MineConfig, vectors: Vectors): RowTask {
  const { pool } = dataset;
  const row = dataset.rows[position] as Row;
  const exclusions = dataset.exclusionsOf(position);
  const scores = createRowScores(row, exclusions, vectors);
  const kept = config.keepNeg ? keepNegatives(row.neg, exclusions, pool).slice(0, config.neg) : [];
  const keptClasses = kept.flatMap((text) => [...pool.classesEqualTo(normalizeText(text))]);
  const seed = seedRow({ seed: config.seed, query: row.query, pos: row.pos, copy: dataset.copies[position] as number });
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
function createRowScores(row: Row, { positives }: Exclusions, vectors: Vectors) {
  const { queries, passages, passageRow } = vectors;
  const { dim } = queries;
  const queryRow = vectors.queryRows.get(row.query) as number;
  const between = (a: number, b: number) => innerProduct(passages.data, a * dim, passages.data, b * dim, dim);
  const cosine = (a: number, b: number) => between(a, b) / Math.sqrt(between(a, a) * between(b, b));
  const ofPassage = (passage: number) => innerProduct(queries.data, queryRow * dim, passages.data, passage * dim, dim);
  // Those of siblings are embedded only where they are asked for, so they are looked up then.
  let rows: number[] | undefined;
  const highest = (passage: number, score: (a: number, b: number) => number) => {
    rows ??= positives.map((text) => passageRow(text) as number);
    return rows.reduce((most, row) => Math.max(most, score(passage, row)), -Infinity);
  };
  return {
    queryRow,
    ofPassage,
    ofText: (text: string) => {
      const passage = passageRow(text);
      return passage === undefined ? undefined : ofPassage(passage);
    },
    similarityToPositives: (passage: number) => highest(passage, cosine),
    likenessToPositives: (passage: number) => highest(passage, between),
  };
}

/** A row's own negatives that no row of its group answers with or asks, and that differ from each other. */
function keepNegatives(texts: readonly string[], { classes, texts: excluded }: Exclusions, pool: Pool): string[] {
  const taken = new Set(['']);
  return texts.filter((text) => {
    const normalized = normalizeText(text);
    if (taken.has(normalized) || excluded.has(normalized)) return false;
    taken.add(normalized);
    return ![...pool.classesEqualTo(normalized)].some((found) => classes.has(found));
  });
}

/**
 * Chooses a row's negatives from its neighbours; nothing where more of them are needed.
 *
 * @param isWhole see `selectNegatives`
 */
export function finishRow(
  { row, kept, posScores, view }: RowTask,
  neighbours: Neighbours,
  isWhole: boolean,
  config: MineConfig,
  { pool }: Dataset,
): MinedRow | undefined {
  const selection = selectNegatives(neighbours, isWhole, view, config, config.neg - kept.length);
  if (selection === DEEPER) return undefined;
  const mined = selection.negatives.map(({ passage, score, rank, source }): WrittenNegative => {
    return { text: pool.texts[passage] as string, score, rank, source };
  });
  const { reason } = selection;
  return { row, negatives: [...kept, ...mined], posScores, ...(reason === undefined ? {} : { reason }) };
}
