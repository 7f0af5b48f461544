import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { HnMineError, type MinedRecord, mine, type Rejection } from '#dist/index.js';
import { type ChoiceSettings, chooseByRules } from './rules/choice.js';
import { coarseVector, records, settings } from './rules/random-runs.js';
import { joined, type PassageRecord, passagesOf, type RuleRecords } from './rules/records.js';
import { removeTemporaryFolders } from './temporary-folder.js';
import { writeVectors } from './vector-files.js';

afterAll(removeTemporaryFolders);

type OnShort = 'keep' | 'drop' | 'fail';

/** The given records with every text among the passages, so that files of vectors are all that a run needs. */
function completePool(given: RuleRecords): Required<RuleRecords> & { pool: readonly PassageRecord[] } {
  const texts = given.input.flatMap(({ pos, neg = [] }) => [...pos, ...neg]);
  return { input: given.input, pool: [...passagesOf(given), ...texts.map((text) => ({ text }))] };
}

/** The rows that the library yields, the short ones that it tells of, and what it throws in the end. */
async function mineWith(given: RuleRecords, flags: ChoiceSettings, onShort: OnShort) {
  const { input, pool } = completePool(given);
  const written: MinedRecord[] = [];
  const rejected: Rejection[] = [];
  const mined = mine({
    ...flags,
    input,
    pool,
    onShort,
    workers: 1,
    scores: true,
    normalize: false,
    poolEmbeddings: [writeVectors(pool.map((passage) => coarseVector(joined(passage), 'passage')))],
    queryEmbeddings: [writeVectors(input.map(({ query }) => coarseVector(query, 'query')))],
    onRejected: (rejection) => rejected.push(rejection),
  });
  try {
    for await (const row of mined) written.push(row);
  } catch (error) {
    if (!(error instanceof HnMineError)) throw error;
    return { written, rejected, refusal: error.message };
  }
  return { written, rejected };
}

it('a short row is written, left out or fails the run, is told of either way, and none is written without a negative', async () => {
  const seen = { full: 0, short: 0 };
  const onShort = fc.constantFrom<OnShort>('keep', 'drop', 'fail');
  const property = fc.asyncProperty(records, settings, onShort, async (given, flags, how) => {
    const expected = chooseByRules(completePool(given), flags, coarseVector).map(({ negatives }, i) => ({
      query: given.input[i]?.query,
      neg: negatives.map(({ text }) => text),
    }));
    const isShort = ({ neg }: { neg: string[] }) => neg.length < flags.neg;
    const toWrite = expected.filter((row) => row.neg.length > 0 && (how !== 'drop' || !isShort(row)));
    const { written, rejected, refusal } = await mineWith(given, flags, how);
    if (refusal?.startsWith('--neg') || refusal?.startsWith('--range')) {
      expect({ written, rejected, full: expected.filter((row) => !isShort(row)) }).toEqual({
        written: [],
        rejected: [],
        full: [],
      });
      return;
    }
    expect(written.map(({ query, neg }) => ({ query, neg }))).toEqual(toWrite);
    const short = expected.filter(isShort);
    expect(rejected.map(({ query, found, written }) => ({ query, found, written }))).toEqual(
      short.map((row) => ({ query: row.query, found: row.neg.length, written: toWrite.includes(row) })),
    );
    for (const { asked } of rejected) expect(asked).toBe(flags.neg);
    const nothing = how === 'drop' ? `all ${flags.neg} negatives` : 'a negative';
    if (how === 'fail' && short.length > 0)
      expect(refusal).toBe(
        `--on-short fail: ${short.length} of ${expected.length} rows have fewer than ${flags.neg} negatives; --rejected FILE lists them`,
      );
    else if (toWrite.length === 0)
      expect(refusal).toBe(`nothing to write: no row got ${nothing}; --rejected FILE lists them`);
    else expect(refusal).toBeUndefined();
    seen.full += expected.length - short.length;
    seen.short += short.length;
  });
  await fc.assert(property, { numRuns: 20 });
  expect(Math.min(seen.full, seen.short)).toBeGreaterThan(0);
});
