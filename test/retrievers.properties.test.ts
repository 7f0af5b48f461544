import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mineInMemory } from './mine-in-memory.js';
import { checkRow, expectRightlyRefused } from './rules/always-true.js';
import { chooseByRules, type RowByRules } from './rules/choice.js';
import { openTestRun, orders, runOf } from './rules/other-engines.js';
import { coarseVector, records, settings } from './rules/random-runs.js';
import { type RowRecord, textsOfPool } from './rules/records.js';

it('rankings made elsewhere, alone and fused, are mined by the same rules', async () => {
  const seen = { negatives: 0, short: 0, refused: 0, random: 0 };
  const isAlone = fc.boolean();
  const property = fc.asyncProperty(records, settings, orders, isAlone, async (some, given, chosen, alone) => {
    const flags = alone ? { ...given, retriever: [] } : given;
    const runs = chosen.map((order) => runOf(order, textsOfPool(some).length));
    const rules = chooseByRules(some, flags, coarseVector, { runs });
    const tools = { runs: runs.map(openTestRun) };
    const config = { ...flags, retriever: alone ? undefined : flags.retriever, run: runs.map((_, i) => `run ${i}`) };
    const mined = await mineInMemory(some, { ...config, ranks: true }, coarseVector, tools).catch((error: unknown) => {
      expectRightlyRefused(error, rules, flags);
      seen.refused++;
    });
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
