import fc from 'fast-check';
import type { Run } from '#dist/mining/runs.js';
import type { TestRun } from './choice.js';

/** What other engines rank for some queries: a number for each passage, none where it is not ranked. */
export const orders = fc.array(fc.array(fc.option(fc.nat(9), { nil: undefined }), { minLength: 40, maxLength: 40 }), {
  minLength: 1,
  maxLength: 2,
});

/** Queries of other lengths get another order; those with an `r` are not in the run. */
export function runOf(order: readonly (number | undefined)[], size: number): TestRun {
  return (query) => {
    const places = Array.from({ length: size }, (_, place) => place).filter((place) => order[place] !== undefined);
    const sign = query.length % 2 === 0 ? 1 : -1;
    if (query.includes('r')) return [];
    return places.toSorted((a, b) => sign * ((order[a] as number) - (order[b] as number)) || a - b);
  };
}

/** As if it had been read from a file. */
export function openTestRun(run: TestRun, i: number): Run {
  const counts = { passages: 0, notInPool: 0, missingId: undefined, rows: 0, notRanked: 0 };
  return { file: `run ${i}`, passagesOf: ({ text }) => Int32Array.from(run(text)), counts };
}
