import type { MineConfig } from '../config/config.js';
import { type Dataset, readDataset } from '../dataset.js';
import { placeOf, type Source } from '../input/lines.js';
import { normalizeText } from '../input/normalize.js';
import type { Row } from '../input/rows.js';
import { createPacer } from '../pacer.js';
import { combinePositives } from '../select/bounds.js';
import { openWorkspace } from './open-workspace.js';
import type { RunContext } from './run-context.js';
import { scoreRows } from './score-rows.js';

/**
 * What a negative may not be: a positive of its row, a positive or the query of a row with the same query, the query itself, a
 * text of white space, or a text that the row has already. `none` is a row without negatives, `scores` one whose scores are not
 * one number for each text.
 */
export const DEFECTS = ['positive', 'sibling', 'query', 'repeated', 'blank', 'none', 'scores'] as const;

export type Defect = (typeof DEFECTS)[number];

/** One defect: where it is, and the negative. */
export interface Finding {
  /** `FILE:LINE` */
  readonly line: string;
  readonly query: string;
  readonly defect: Defect;
  readonly text: string;
}

/** What a mined file is like. */
export interface Audit {
  readonly rows: number;
  readonly negatives: number;
  /** Of a row. */
  readonly fewest: number;
  readonly most: number;
  readonly defects: Readonly<Record<Defect, number>>;
  /** Rows with any. */
  readonly defective: number;
  /** Distinct or not, where a pool was given. */
  readonly notInPool?: { readonly positives: number; readonly negatives: number };
  readonly scores?: ScoreFigures;
}

interface ScoreFigures {
  /** Where they are from: the file's own fields, or what scored them. */
  readonly from: string;
  readonly meanPositive: number;
  readonly meanNegative: number;
  /** Negatives that score above their row's positive. */
  readonly abovePositive: number;
  /** Rows and negatives that have scores. */
  readonly rows: number;
  readonly negatives: number;
}

interface Sources {
  readonly input: Source;
  readonly pool?: readonly Source[] | undefined;
}

/**
 * Checks rows that any tool has mined.
 *
 * @param config with `scores`, all texts are scored; else the scores that the rows have are looked at
 * @param onFinding told of each defect, and waited for
 * @throws HnMineError of every code but `output`
 */
export async function auditRows(
  sources: Sources,
  config: MineConfig,
  context: RunContext,
  onFinding: (finding: Finding) => Promise<void> | undefined,
): Promise<Audit> {
  const workspace = openWorkspace(config, context);
  const pause = createPacer();
  try {
    const onRecord = (done: number) => context.events.onProgress?.('reading', done);
    const dataset = await readDataset(sources, config, workspace, onRecord);
    const counts = createCounts(dataset, sources.pool !== undefined);
    const written = createScoreCounts(config);
    for (let position = 0; position < dataset.rows.length; position++) {
      const row = dataset.rows.read(position);
      const scores = readScores(row);
      for (const finding of counts.add(row, position, scores.isOdd)) await onFinding(finding);
      if (!config.scores && scores.pos && scores.neg) written.add(scores.pos, scores.neg);
      await pause();
    }
    const scores = config.scores ? await scoreAll(dataset) : written.finish('the file');
    return { ...counts.finish(), ...(scores && { scores }) };
  } finally {
    workspace.close();
  }

  async function scoreAll({ rows }: Dataset): Promise<ScoreFigures | undefined> {
    const counts = { rows: 0, pairs: 0, truncated: 0, model: '' };
    const found = createScoreCounts(config);
    const settings = { ...config, activation: 'none' as const };
    for await (const { posScores, negScores } of scoreRows(parseAll(rows), settings, { workspace, context, counts })) {
      found.add(posScores, negScores);
    }
    return found.finish(counts.model);
  }
}

/** The rows once more: what they were read from may be a pipe. */
function* parseAll(rows: Dataset['rows']): Generator<object> {
  for (let position = 0; position < rows.length; position++) yield JSON.parse(rows.read(position).line.text) as object;
}

function createCounts(dataset: Dataset, hasPool: boolean) {
  const { pool } = dataset;
  const defects = Object.fromEntries(DEFECTS.map((defect) => [defect, 0])) as Record<Defect, number>;
  const counts = { rows: 0, negatives: 0, fewest: Number.POSITIVE_INFINITY, most: 0, defective: 0 };
  const notInPool = { positives: 0, negatives: 0 };
  const isInPool = (text: string) => pool.classesEqualTo(normalizeText(text)).length > 0;
  return {
    add(row: Row, position: number, hasOddScores: boolean): Finding[] {
      const { line, query, neg } = row;
      const odd = hasOddScores ? [{ defect: 'scores' as const, text: '' }] : [];
      const found = [...findDefects(row, dataset, position), ...odd];
      for (const { defect } of found) defects[defect]++;
      if (found.length > 0) counts.defective++;
      counts.rows++;
      counts.negatives += neg.length;
      counts.fewest = Math.min(counts.fewest, neg.length);
      counts.most = Math.max(counts.most, neg.length);
      if (hasPool) {
        notInPool.positives += row.pos.filter((text) => !isInPool(text)).length;
        notInPool.negatives += neg.filter((text) => !isInPool(text)).length;
      }
      return found.map(({ defect, text }) => ({ line: placeOf(line), query, defect, text }));
    },
    finish: () => ({ ...counts, defects, ...(hasPool && { notInPool }) }),
  };
}

function findDefects(row: Row, dataset: Dataset, position: number): { defect: Defect; text: string }[] {
  const exclusions = dataset.exclusionsOf(position);
  const own = new Set(row.pos.map(normalizeText));
  const query = normalizeText(row.query);
  const seen = new Set<string>();
  const { pool } = dataset;
  // By other texts than their own: with a title or without, or by ID.
  const ownClasses = new Set([
    ...Array.from(own).flatMap((text) => pool.classesEqualTo(text)),
    ...row.posIds.flatMap((id) => pool.classesWithId(id)),
  ]);
  const findDefect = (text: string): Defect | undefined => {
    if (text === '') return 'blank';
    if (own.has(text)) return 'positive';
    if (text === query) return 'query';
    const classes = pool.classesEqualTo(text);
    if (classes.some((one) => ownClasses.has(one))) return 'positive';
    if (exclusions.hasText(text) || classes.some((one) => exclusions.classes.has(one))) return 'sibling';
    return seen.has(text) ? 'repeated' : undefined;
  };
  const none = row.neg.length === 0 ? [{ defect: 'none' as const, text: '' }] : [];
  const found = row.neg.flatMap((text) => {
    const normalized = normalizeText(text);
    const defect = findDefect(normalized);
    seen.add(normalized);
    return defect === undefined ? [] : [{ defect, text }];
  });
  return [...none, ...found];
}

interface WrittenScores {
  /** Whether any are there that are not one number for each text, as trainers that distil take them. */
  readonly isOdd: boolean;
  readonly pos: readonly number[] | undefined;
  readonly neg: readonly number[] | undefined;
}

/** The scores that a row was written with. */
function readScores({ line, pos, neg }: Row): WrittenScores {
  const { pos_scores, neg_scores } = line.text.includes('_scores"')
    ? (JSON.parse(line.text) as Record<string, unknown>)
    : {};
  const read = (scores: unknown, texts: readonly string[]) => (isScores(scores, texts.length) ? scores : undefined);
  const found = { pos: read(pos_scores, pos), neg: read(neg_scores, neg) };
  const isOdd = (pos_scores != null && !found.pos) || (neg_scores != null && !found.neg);
  return { ...found, isOdd };
}

function isScores(value: unknown, count: number): value is number[] {
  return Array.isArray(value) && value.length === count && value.every((score) => typeof score === 'number');
}

function createScoreCounts({ positiveScore }: MineConfig) {
  const sums = { rows: 0, positives: 0, positive: 0, negatives: 0, negative: 0, above: 0 };
  return {
    add(posScores: readonly number[], negScores: readonly number[]) {
      const positive = combinePositives(posScores, positiveScore);
      for (const score of posScores) sums.positive += score;
      for (const score of negScores) {
        sums.negative += score;
        if (score > positive) sums.above++;
      }
      sums.rows++;
      sums.positives += posScores.length;
      sums.negatives += negScores.length;
    },
    finish(from: string): ScoreFigures | undefined {
      const { rows, positives, positive, negatives, negative, above } = sums;
      if (negatives === 0) return undefined;
      return {
        from,
        meanPositive: positive / positives,
        meanNegative: negative / negatives,
        abovePositive: above,
        rows,
        negatives,
      };
    },
  };
}
