import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import { HnMineError } from '#dist/errors.js';
import { hashVector, type MinedInMemory, mineInMemory, textsOf } from './mine-in-memory.js';

/** What holds for every input, checked on small random ones that are full of equal, nearly equal and shared texts. */

interface RowRecord {
  query: string;
  pos: string[];
  neg?: string[];
  query_id?: string;
  pos_ids?: string[];
  note?: number;
}

interface PassageRecord {
  text: string;
  title?: string;
  _id?: string;
}

const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'caf\u00e9', 'a b');
const text = fc
  .tuple(word, fc.constantFrom('', '', '', ' ', '\n', '\u00a0'), fc.boolean())
  .map(([base, space, isSplit]) => (isSplit ? base.normalize('NFD') : base) + space);
const id = fc.constantFrom('1', '2', '3');
const rowRecord: fc.Arbitrary<RowRecord> = fc.record(
  {
    query: fc.oneof(text, fc.constantFrom('q', 'r', 's ')),
    pos: fc.array(text, { minLength: 1, maxLength: 3 }),
    neg: fc.array(text, { maxLength: 3 }),
    query_id: id,
    pos_ids: fc.array(id, { maxLength: 1 }),
    note: fc.integer(),
  },
  { requiredKeys: ['query', 'pos'] },
);
const passageRecord: fc.Arbitrary<PassageRecord> = fc.record(
  { text, title: fc.constantFrom('a', 'T'), _id: id },
  { requiredKeys: ['text'] },
);
const rows = fc.array(rowRecord, { minLength: 1, maxLength: 6 });
const pool = fc.array(passageRecord, { minLength: 1, maxLength: 20 });
const settings: fc.Arbitrary<MineSettings> = fc
  .record({
    low: fc.nat(4),
    width: fc.integer({ min: 1, max: 6 }),
    neg: fc.integer({ min: 1, max: 4 }),
    sample: fc.constantFrom('random' as const, 'top' as const),
    backfill: fc.constantFrom('random' as const, 'next' as const, 'none' as const),
    rankBasis: fc.constantFrom('candidates' as const, 'raw' as const),
    keepNeg: fc.boolean(),
    seed: fc.nat(5),
  })
  .map(({ low, width, neg, ...rest }) => ({ ...rest, range: [low, low + width], neg: Math.min(neg, width) }));

const OUTPUT: MineSettings = { scores: true, ranks: true };

/** Mines, or skips the case where it is rightly refused for want of candidates. */
async function mineOrSkip(
  input: object[],
  poolRecords: object[] | undefined,
  given: MineSettings,
): Promise<MinedInMemory> {
  try {
    return await mineInMemory({ input, pool: poolRecords }, { ...OUTPUT, ...given });
  } catch (error) {
    if (!(error instanceof HnMineError)) throw error;
    expect(error.message).toMatch(
      /: (?:no row has so many candidates|the window begins past the candidates|no passages)/,
    );
    return fc.pre(false) as never;
  }
}

const normal = (given: string) => given.normalize('NFC').split(/\s+/).filter(Boolean).join(' ');
const joined = ({ title, text: bare }: PassageRecord) => (title === undefined ? bare : `${title} ${bare}`.trim());

/** The positions of the rows of one query, found by comparing all with all until nothing is added. */
function siblingsOf(input: readonly RowRecord[], position: number): RowRecord[] {
  const group = new Set([position]);
  for (let before = 0; before < group.size; ) {
    before = group.size;
    input.forEach((one, i) => {
      const isLinked = [...group].some((member) => {
        const other = input[member] as RowRecord;
        const sameId = one.query_id !== undefined && one.query_id === other.query_id;
        return sameId || normal(one.query) === normal(other.query);
      });
      if (isLinked) group.add(i);
    });
  }
  return [...group].map((member) => input[member] as RowRecord);
}

/** The normalized texts that a row may not take. */
function forbiddenTexts(family: readonly RowRecord[], passages: readonly PassageRecord[]): Set<string> {
  const forbidden = new Set(family.flatMap(({ query, pos }) => [query, ...pos]).map(normal));
  const ids = new Set(family.flatMap(({ pos_ids }) => pos_ids ?? []));
  const answers = passages.filter((passage) => {
    return forbidden.has(normal(joined(passage))) || forbidden.has(normal(passage.text)) || ids.has(passage._id ?? '');
  });
  return new Set([...forbidden, ...answers.map((passage) => normal(joined(passage)))]);
}

/** The distinct passages by score, then pool order. */
function rankAll(query: string, passages: readonly PassageRecord[]): string[] {
  const score = (given: string) => {
    const [a, b] = [Float32Array.from(hashVector(query)), Float32Array.from(hashVector(given))];
    return (
      (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number)
    );
  };
  const texts = [...new Set(passages.map(joined))].filter((one) => one.trim() !== '');
  return texts
    .map((one, i) => ({ one, i, value: score(one) }))
    .sort((a, b) => b.value - a.value || a.i - b.i)
    .map(({ one }) => one);
}

const defaultPool = (input: readonly RowRecord[]): PassageRecord[] =>
  input.flatMap(({ pos, neg = [] }) => [...pos, ...neg].map((one) => ({ text: one })));

describe('for any rows, pool and flags', () => {
  it('negatives are what the rules allow, at the ranks that they say, and no more than asked for', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(rows, fc.option(pool, { nil: undefined }), settings, async (input, given, flags) => {
        const { rows: mined, lines } = await mineOrSkip(input, given, flags);
        const passages = given ?? defaultPool(input);
        const [low = 0, high = 0] = flags.range as [number, number];
        expect(mined).toHaveLength(input.length);
        mined.forEach(({ negatives, reason, posScores }, i) => {
          const record = input[i] as RowRecord;
          const forbidden = forbiddenTexts(siblingsOf(input, i), passages);
          const texts = negatives.map((one) => normal(one.text));
          // Never a positive, a sibling's, or the query; never two alike; never more than N.
          for (const one of texts) expect(forbidden.has(one)).toBe(false);
          expect(new Set(texts).size).toBe(texts.length);
          expect(texts.length).toBeLessThanOrEqual(flags.neg as number);
          expect(reason === undefined).toBe(texts.length === flags.neg);
          expect(posScores).toHaveLength(record.pos.length);

          const kept = negatives.filter(({ source }) => source === 'kept').map((one) => normal(one.text));
          const everyone = rankAll(record.query, passages);
          const isFirstOfClass = (one: string) =>
            everyone.findIndex((other) => normal(other) === normal(one)) === everyone.indexOf(one);
          const bareOfKept = new Set(
            passages.filter(({ text: bare }) => kept.includes(normal(bare))).map((one) => normal(joined(one))),
          );
          const candidates = everyone.filter((one) => {
            const mayBeTaken =
              !forbidden.has(normal(one)) && !kept.includes(normal(one)) && !bareOfKept.has(normal(one));
            return mayBeTaken && isFirstOfClass(one);
          });
          const rankOf = (one: string) => (flags.rankBasis === 'raw' ? everyone : candidates).indexOf(one);
          for (const { text: one, rank, source, score } of negatives.slice(kept.length)) {
            seen++;
            expect(candidates.some((candidate) => normal(candidate) === normal(one))).toBe(true);
            if (source === 'random') {
              expect(rank).toBe(null);
              expect(
                rankOf(candidates.find((candidate) => normal(candidate) === normal(one)) as string),
              ).toBeGreaterThanOrEqual(high);
            } else {
              expect(rank).toBe(rankOf(one));
              if (source === 'window') expect(rank).toBeGreaterThanOrEqual(low);
              if (source === 'window' || source === 'skipped')
                expect(rank).toBeLessThan(source === 'window' ? high : low);
              if (source === 'next') expect(rank).toBeGreaterThanOrEqual(high);
            }
            expect(score).toBeTypeOf('number');
          }
          // A row is short only where backfill could not help.
          const last = flags.backfill === 'random' ? -1 : flags.backfill === 'next' ? low - 1 : undefined;
          const within = candidates.filter((one) =>
            last === undefined ? rankOf(one) >= low && rankOf(one) < high : rankOf(one) > last,
          );
          expect(texts.length).toBe(Math.min(flags.neg as number, kept.length + within.length));
          // Best first.
          const scores = negatives.slice(kept.length).map((one) => one.score as number);
          expect(scores).toEqual(scores.toSorted((a, b) => b - a));
          // Input fields survive.
          const written = JSON.parse(lines[i] as string);
          expect(written).toEqual({
            ...record,
            neg: negatives.map((one) => one.text),
            pos_scores: expect.any(Array),
            neg_scores: expect.any(Array),
            neg_ranks: negatives.map(({ rank }) => rank),
          });
        });
      }),
      { numRuns: 400 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  it('the same lines come in any order of the rows', async () => {
    const shuffled = rows.chain((input) =>
      fc.record({
        input: fc.constant(input),
        order: fc.shuffledSubarray(
          input.map((_, i) => i),
          { minLength: input.length },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, pool, settings, async ({ input, order }, passages, flags) => {
        const { lines } = await mineOrSkip(input, passages, flags);
        const again = await mineOrSkip(
          order.map((i) => input[i] as RowRecord),
          passages,
          flags,
        );
        expect(again.lines.toSorted()).toEqual(lines.toSorted());
      }),
      { numRuns: 150 },
    );
  });

  it('rows of other queries change nothing, before or after', async () => {
    const strangers = fc.array(
      fc.record({
        query: fc.constantFrom('stranger', 'other stranger'),
        pos: fc.array(text, { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(rows, strangers, strangers, pool, settings, async (input, before, after, passages, flags) => {
        const { lines } = await mineOrSkip(input, passages, flags);
        const more = await mineOrSkip([...before, ...input, ...after], passages, flags);
        expect(more.lines.slice(before.length, before.length + lines.length)).toEqual(lines);
      }),
      { numRuns: 150 },
    );
  });

  it('a limit gives the first rows of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(rows, pool, settings, fc.integer({ min: 1, max: 6 }), async (input, passages, flags, limit) => {
        const { lines } = await mineOrSkip(input, passages, flags);
        expect((await mineOrSkip(input, passages, { ...flags, limit })).lines).toEqual(lines.slice(0, limit));
      }),
      { numRuns: 150 },
    );
  });

  it('repeated passages change nothing', async () => {
    const repeated = pool.chain((passages) =>
      fc.record({ passages: fc.constant(passages), more: fc.subarray(passages) }),
    );
    await fc.assert(
      fc.asyncProperty(rows, repeated, settings, async (input, { passages, more }, flags) => {
        const { lines } = await mineOrSkip(input, passages, flags);
        expect((await mineOrSkip(input, [...passages, ...more], flags)).lines).toEqual(lines);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a passage added to the pool', () => {
  const numbered = fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 30 });
  const passages = numbered.map((numbers) => numbers.map((number) => ({ text: `passage ${number}` })));
  const input = Array.from({ length: 8 }, (_, i) => ({ query: `query ${i}`, pos: [`passage ${i}`] }));

  const countNew = (mined: MinedInMemory, before: MinedInMemory) =>
    mined.rows.map((row, i) => {
      const old = textsOf(before.rows[i] as (typeof before.rows)[number]);
      return textsOf(row).filter((one) => !old.includes(one)).length;
    });

  it('changes at most one pick of a row, where ranks count candidates', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(passages, fc.nat(999), fc.nat(30), settings, async (some, number, at, given) => {
        const flags: MineSettings = { ...given, rankBasis: 'candidates' };
        const before = await mineOrSkip(input, some, flags);
        const after = await mineOrSkip(input, some.toSpliced(at, 0, { text: `passage ${number}` }), flags);
        const counts = countNew(after, before);
        expect(Math.max(...counts)).toBeLessThanOrEqual(1);
        changed += counts.filter((count) => count > 0).length;
      }),
      { numRuns: 150 },
    );
    expect(changed).toBeGreaterThan(20);
  });

  it('changes at most two of raw ranks, whose backfill moves too', async () => {
    await fc.assert(
      fc.asyncProperty(passages, fc.nat(999), settings, async (some, number, given) => {
        const flags: MineSettings = { ...given, rankBasis: 'raw' };
        const before = await mineOrSkip(input, some, flags);
        const after = await mineOrSkip(input, [...some, { text: `passage ${number}` }], flags);
        expect(Math.max(...countNew(after, before))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 150 },
    );
  });
});
