import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import { HnMineError } from '#dist/errors.js';
import { type MinedInMemory, mineInMemory, textsOf } from './mine-in-memory.js';
import { checkRow, expectRightlyRefused } from './rules/always-true.js';
import { type ChoiceSettings, chooseByRules, type RowByRules } from './rules/choice.js';
import { coarseVector, pool, rows, settings, text } from './rules/random-runs.js';
import type { RowRecord, RuleRecords } from './rules/records.js';

/** What holds for every input, checked on small random ones. */

const OUTPUT: MineSettings = { scores: true, ranks: true };

/** Mines, or skips the case where it is rightly refused for want of candidates. */
async function mineOrSkip(
  input: object[],
  poolRecords: object[] | undefined,
  given: MineSettings,
): Promise<MinedInMemory> {
  try {
    return await mineInMemory({ input, pool: poolRecords }, { ...OUTPUT, ...given }, coarseVector);
  } catch (error) {
    if (!(error instanceof HnMineError)) throw error;
    expect(error.message).toMatch(
      /: (?:no row has so many candidates|the window begins past the candidates|no passages)/,
    );
    return fc.pre(false) as never;
  }
}

describe('for any rows, pool and flags', () => {
  it.each([
    { title: 'rows of a pool', given: fc.record({ input: rows, pool }), numRuns: 350 },
    { title: 'rows that are their own pool', given: fc.record({ input: rows }), numRuns: 150 },
  ])('what is always true holds for $title', async ({ given, numRuns }) => {
    const seen = { negatives: 0, short: 0, refused: 0 };
    const check = async (some: RuleRecords, flags: ChoiceSettings) => {
      const rules = chooseByRules(some, flags, coarseVector);
      const mined = await mineInMemory(some, { ...OUTPUT, ...flags }, coarseVector).catch((error: unknown) => {
        expectRightlyRefused(error, rules, flags);
        seen.refused++;
      });
      if (mined === undefined) return;
      expect(mined.rows).toHaveLength(some.input.length);
      for (const [i, row] of mined.rows.entries()) {
        checkRow({
          record: some.input[i] as RowRecord,
          records: some,
          settings: flags,
          mined: row,
          line: mined.lines[i] as string,
          rules: rules[i] as RowByRules,
        });
        seen.negatives += row.negatives.length;
        if (row.reason !== undefined) seen.short++;
      }
    };
    await fc.assert(fc.asyncProperty(given, settings, check), { numRuns });
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
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
      { numRuns: 100 },
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
      { numRuns: 100 },
    );
  });

  it('a limit gives the first rows of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(rows, pool, settings, fc.integer({ min: 1, max: 6 }), async (input, passages, flags, limit) => {
        const { lines } = await mineOrSkip(input, passages, flags);
        expect((await mineOrSkip(input, passages, { ...flags, limit })).lines).toEqual(lines.slice(0, limit));
      }),
      { numRuns: 100 },
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

/** Any passage may change what BM25 makes of the others. */
const DENSE: MineSettings = { retriever: ['dense'], skipLexical: 0 };

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
        const flags: MineSettings = { ...given, ...DENSE, rankBasis: 'candidates' };
        const before = await mineOrSkip(input, some, flags);
        const after = await mineOrSkip(input, some.toSpliced(at, 0, { text: `passage ${number}` }), flags);
        const counts = countNew(after, before);
        expect(Math.max(...counts)).toBeLessThanOrEqual(1);
        changed += counts.filter((count) => count > 0).length;
      }),
      { numRuns: 100 },
    );
    expect(changed).toBeGreaterThan(20);
  });

  it('changes at most two of raw ranks, whose backfill moves too', async () => {
    await fc.assert(
      fc.asyncProperty(passages, fc.nat(999), settings, async (some, number, given) => {
        const flags: MineSettings = { ...given, ...DENSE, rankBasis: 'raw', positiveWeight: 0 };
        const before = await mineOrSkip(input, some, flags);
        const after = await mineOrSkip(input, [...some, { text: `passage ${number}` }], flags);
        expect(Math.max(...countNew(after, before))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 100 },
    );
  });
});
