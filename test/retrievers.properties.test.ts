import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mineInMemory } from './mine-in-memory.js';
import { checkRow, expectRightlyRefused } from './rules/always-true.js';
import { chooseByRules, type RowByRules, type TestRun } from './rules/choice.js';
import { coarseVector, records, settings } from './rules/random-runs.js';
import { type RowRecord, textsOfPool } from './rules/records.js';

/** What other engines rank for some queries: a number for each passage, none where it is not ranked. */
const orders = fc.array(fc.array(fc.option(fc.nat(9), { nil: undefined }), { minLength: 40, maxLength: 40 }), {
  minLength: 1,
  maxLength: 2,
});

/** Queries of other lengths get another order; those with an `r` are not in the run. */
function runOf(order: readonly (number | undefined)[], size: number): TestRun {
  return (query) => {
    const places = Array.from({ length: size }, (_, place) => place).filter((place) => order[place] !== undefined);
    const sign = query.length % 2 === 0 ? 1 : -1;
    if (query.includes('r')) return [];
    return places.toSorted((a, b) => sign * ((order[a] as number) - (order[b] as number)) || a - b);
  };
}

it('rankings made elsewhere, alone and fused, are mined by the same rules', async () => {
  const seen = { negatives: 0, short: 0, refused: 0, random: 0 };
  const isAlone = fc.boolean();
  const property = fc.asyncProperty(records, settings, orders, isAlone, async (some, given, chosen, alone) => {
    const flags = alone ? { ...given, retriever: [] } : given;
    const runs = chosen.map((order) => runOf(order, textsOfPool(some).length));
    const rules = chooseByRules(some, flags, coarseVector, runs);
    const tools = {
      runs: runs.map((run, i) => {
        const counts = { passages: 0, notInPool: 0, missingId: undefined, rows: 0, notRanked: 0 };
        const passagesOf = ({ text }: { text: string }) => Int32Array.from(run(text));
        return { file: `run ${i}`, passagesOf, counts };
      }),
    };
    const config = { ...flags, retriever: alone ? undefined : flags.retriever, run: runs.map((_, i) => `run ${i}`) };
    const mined = await mineInMemory(some, { scores: true, ranks: true, ...config }, coarseVector, tools).catch(
      (error: unknown) => {
        expectRightlyRefused(error, rules, flags);
        seen.refused++;
      },
    );
    for (const [i, row] of (mined?.rows ?? []).entries()) {
      const line = mined?.lines[i] as string;
      const by = { record: some.input[i] as RowRecord, records: some, settings: { ...flags, retriever: [] } };
      checkRow({ ...by, mined: row, line, rules: rules[i] as RowByRules });
      seen.negatives += row.negatives.length;
      seen.random += row.negatives.filter(({ source }) => source === 'random').length;
      if (row.reason !== undefined) seen.short++;
    }
  });
  await fc.assert(property, { numRuns: 250 });
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
});
