import fc from 'fast-check';
import { type Embed, hashVector } from '../mine-in-memory.js';
import { type ChoiceSettings, DEFAULT_CHOICE } from './choice.js';
import type { PassageRecord, RowRecord, RuleRecords } from './records.js';

/** Small random inputs that are full of equal, nearly equal and shared texts, and random flags for them. */

const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'caf\u00e9', 'a b');
export const text = fc
  .tuple(word, fc.constantFrom('', '', '', ' ', '\n', '\u00a0'), fc.boolean())
  .map(([base, space, isSplit]) => (isSplit ? base.normalize('NFD') : base) + space);
const id = fc.constantFrom('1', '2', '3', 1, 2);

const rowRecord: fc.Arbitrary<RowRecord> = fc.record(
  {
    query: fc.oneof(text, fc.constantFrom('q', 'r', 's ')),
    pos: fc.array(text, { minLength: 1, maxLength: 3 }),
    neg: fc.array(fc.oneof({ arbitrary: text, weight: 6 }, { arbitrary: fc.constantFrom('n', ' '), weight: 1 }), {
      maxLength: 3,
    }),
    query_id: id,
    pos_ids: fc.array(id, { maxLength: 1 }),
    note: fc.integer(),
  },
  { requiredKeys: ['query', 'pos'] },
);
const passageRecord: fc.Arbitrary<PassageRecord> = fc.record(
  { text: fc.oneof({ arbitrary: text, weight: 12 }, fc.constant('')), title: fc.constantFrom('a', 'T', ''), _id: id },
  { requiredKeys: ['text'] },
);

/** Some rows come twice. */
export const rows = fc
  .array(rowRecord, { minLength: 1, maxLength: 5 })
  .chain((some) => fc.tuple(fc.constant(some), fc.subarray(some, { maxLength: Math.min(2, some.length) })))
  .map(([some, again]) => [...some, ...again]);
export const pool = fc.array(passageRecord, { minLength: 1, maxLength: 20 });
/** Enough passages for several depths of a reranker. */
export const largePool = fc.array(passageRecord, { minLength: 12, maxLength: 36 });
export const records: fc.Arbitrary<RuleRecords> = fc.record({ input: rows, pool: fc.option(pool, { nil: undefined }) });

/** A flag that is mostly not given. */
const seldom = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { freq: 2, nil: undefined });

/** Numbers are of few binary digits, as the vectors are, so that bounds are met exactly. */
export const settings: fc.Arbitrary<ChoiceSettings> = fc
  .record({
    low: fc.nat(4),
    width: fc.integer({ min: 1, max: 6 }),
    neg: fc.integer({ min: 1, max: 4 }),
    sample: fc.constantFrom('random', 'top', 'weighted'),
    sampleSharpness: fc.constantFrom(0, 1, 100),
    sampleOffset: fc.constantFrom(0, -0.25),
    seed: fc.nat(5),
    rankBasis: fc.constantFrom('candidates', 'raw'),
    positiveWeight: fc.constantFrom(0, 0, 0.5, 2),
    backfill: fc.constantFrom('random', 'next', 'none'),
    keepNeg: fc.boolean(),
    maxScore: seldom(-0.25, 0, 0.25, 0.5, 1),
    minScore: seldom(-1, -0.5, -0.25, 0),
    margin: seldom(-0.5, 0, 0.25, 0.5),
    relativeMargin: seldom(0, 0.05, 0.5),
    positiveScore: fc.constantFrom('min', 'max', 'mean'),
    maxPositiveSimilarity: seldom(0, 0.5, 0.9, 1),
    retriever: fc.constantFrom<('dense' | 'bm25')[][]>(['dense'], ['dense'], ['bm25'], ['dense', 'bm25']),
    skipLexical: fc.constantFrom(0, 0, 1, 3),
    bm25K1: fc.constantFrom(0, 1.2),
    bm25B: fc.constantFrom(0, 0.75, 1),
    rrfK: fc.constantFrom(0, 60),
    scores: fc.boolean(),
  } as const)
  .map(({ low, width, neg, minScore, ...rest }) => ({
    ...DEFAULT_CHOICE,
    ...rest,
    range: [low, low + width],
    neg: Math.min(neg, width),
    // A floor above the ceiling, a weight of raw ranks and one where nothing is skipped are usage errors.
    minScore: minScore === undefined ? undefined : Math.min(minScore, rest.maxScore ?? Infinity),
    positiveWeight: rest.rankBasis === 'raw' || low === 0 ? 0 : rest.positiveWeight,
  }));

const known = new Map<string, readonly number[]>();

/** Three values of few binary digits: products are exact and scores often equal. A text is another as query and as passage. */
export const coarseVector: Embed = (given, role) => {
  const key = `${role} ${given}`;
  const vector = known.get(key) ?? hashVector(key).map((value) => Math.round(value * 2) / 2);
  known.set(key, vector);
  return vector.some((value) => value !== 0) ? vector : [0.5, 0, 0];
};
