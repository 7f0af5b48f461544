import { expect } from 'vitest';
import { HnMineError } from '#dist/errors.js';
import type { ReadRow } from '../mine-in-memory.js';
import type { ChoiceSettings, RowByRules } from './choice.js';
import { normal, type RowRecord, type RuleRecords, textsOfPool } from './records.js';

/** One row of a run's output beside what it came from and what the rules say of it. */
export interface CheckedRow {
  readonly record: RowRecord;
  readonly records: RuleRecords;
  readonly settings: ChoiceSettings;
  readonly mined: ReadRow;
  readonly line: string;
  readonly rules: RowByRules;
  readonly isReranked?: boolean;
}

export interface Invariant {
  readonly title: string;
  check(row: CheckedRow): void;
}

const keptOf = ({ mined }: CheckedRow) => mined.negatives.filter(({ source }) => source === 'kept');
const minedOf = ({ mined }: CheckedRow) => mined.negatives.filter(({ source }) => source !== 'kept');

/** What holds of every row that is mined, whatever the input and the flags. Each is told by its own words, none by another. */
export const ALWAYS_TRUE: readonly Invariant[] = [
  {
    title: "no negative is a positive, a sibling's positive, or the query",
    check({ mined, rules }) {
      for (const { text } of mined.negatives) expect([...rules.forbidden]).not.toContain(normal(text));
    },
  },
  {
    title: 'no two negatives of a row are equal after normalization',
    check({ mined }) {
      const texts = mined.negatives.map(({ text }) => normal(text));
      expect(texts).toEqual([...new Set(texts)]);
    },
  },
  {
    title: 'a row has at most N negatives, and a reason exactly where it has fewer',
    check({ mined: { negatives, reason }, settings: { neg } }) {
      expect(negatives.length).toBeLessThanOrEqual(neg);
      expect(reason === undefined).toBe(negatives.length === neg);
    },
  },
  {
    title: 'the reason says what left a row short',
    check({ mined: { reason }, settings: { rankBasis }, rules }) {
      if (rankBasis === 'candidates') expect(reason).toBe(rules.reason);
    },
  },
  {
    title: 'mined negatives are texts of the pool, kept ones of the row, as they were given',
    check(row) {
      for (const { text } of minedOf(row)) expect(textsOfPool(row.records)).toContain(text);
      for (const { text } of keptOf(row)) expect(row.record.neg).toContain(text);
      if (!row.settings.keepNeg) expect(keptOf(row)).toEqual([]);
    },
  },
  {
    title: 'every sampled negative lies in its window, backfill past it or among the skipped ranks',
    check(row) {
      const [low, high] = row.settings.range;
      const ranks = new Map(row.rules.candidates.map(({ text, rank }) => [normal(text), rank]));
      for (const { text, rank, source } of minedOf(row)) {
        const known = ranks.get(normal(text)) as number;
        expect(known).toBeTypeOf('number');
        expect(rank).toBe(source === 'random' || known === Infinity ? null : known);
        if (source === 'random' || source === 'next') expect(known).toBeGreaterThanOrEqual(high);
        // A risky one that was never reranked has no rank.
        else if (source === 'window' || rank !== null) expect(known).toBeLessThan(high);
        if (row.settings.positiveWeight === 0 && source === 'window') expect(known).toBeGreaterThanOrEqual(low);
        if (row.settings.positiveWeight === 0 && source === 'skipped') expect(known).toBeLessThan(low);
        if (source === 'window') expect(row.rules.window.map((one) => one.text)).toContain(text);
      }
    },
  },
  {
    title: 'every mined negative is under its ceilings and above the floor, backfill too',
    check(row) {
      const [floor, ceiling] = row.rules.bounds;
      for (const { score } of minedOf(row)) {
        // Where nothing asks for scores, there are no bounds; that the score may be missing is a rule of its own below.
        if (score === undefined) continue;
        expect(score).toBeGreaterThanOrEqual(floor);
        expect(score).toBeLessThanOrEqual(ceiling);
      }
    },
  },
  {
    title: 'kept negatives stand first in their order, mined ones after them, best first',
    check(row) {
      const { negatives } = row.mined;
      expect(negatives).toEqual([...keptOf(row), ...minedOf(row)]);
      const scores = minedOf(row).map(({ score }) => score as number);
      const ranks = minedOf(row).map(({ rank }) => rank ?? Infinity);
      if (row.isReranked || row.settings.retriever.join() === 'dense')
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      else expect(ranks).toEqual(ranks.toSorted((a, b) => (a === b ? 0 : a - b)));
      const places = keptOf(row).map(({ text }) => (row.record.neg ?? []).indexOf(text));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    },
  },
  {
    title: 'positives have the scores that their vectors give, or the reranker',
    check({ mined, rules }) {
      expect(mined.posScores).toEqual(rules.posScores);
    },
  },
  {
    title: 'input fields survive, and lists of scores and ranks are as long as their texts',
    check({ record, settings: { scores }, mined: { negatives }, line }) {
      expect(JSON.parse(line)).toEqual({
        ...record,
        neg: negatives.map(({ text }) => text),
        ...(scores
          ? {
              pos_scores: record.pos.map(() => expect.any(Number)),
              neg_scores: negatives.map(() => expect.any(Number)),
            }
          : {}),
        neg_ranks: negatives.map(({ rank }) => rank),
      });
    },
  },
  {
    title: 'the negatives are those that a plain reading of the rules chooses',
    check({ mined, rules }) {
      expect(mined.negatives).toEqual(rules.negatives);
    },
  },
];

/** Holds a row against all of them; the message of what fails begins with its title. */
export function checkRow(row: CheckedRow): void {
  for (const { title, check } of ALWAYS_TRUE) {
    try {
      check(row);
    } catch (error) {
      throw new Error(`${title}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** A refusal before the model loads is right only where the rules fill no row, or no window where it is out of reach. */
export function expectRightlyRefused(error: unknown, rules: readonly RowByRules[], { neg }: ChoiceSettings): void {
  expect(error).toBeInstanceOf(HnMineError);
  const { message } = error as HnMineError;
  const refusal = /: (no row has so many candidates|the window begins past the candidates|no passages)/.exec(message);
  expect(refusal, message).not.toBeNull();
  for (const { negatives } of rules) {
    if (refusal?.[1]?.startsWith('no row')) expect(negatives.length).toBeLessThan(neg);
    else expect(negatives.filter(({ source }) => source !== 'kept')).toEqual([]);
  }
}
