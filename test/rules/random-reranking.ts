import fc from 'fast-check';
import type { ChoiceSettings } from './choice-settings.js';
import { orders } from './other-engines.js';
import { largePool, rows, settings } from './random-runs.js';

/** Random flags of reranking, and inputs of several depths. */

/** What gives candidates: retrievers, runs, or both. */
export const sources = fc.record({
  name: fc.constantFrom('dense', 'bm25', 'hybrid', 'run', 'run and dense', 'run and bm25'),
  orders,
});
export const RETRIEVERS: Record<string, ChoiceSettings['retriever']> = {
  dense: ['dense'],
  bm25: ['bm25'],
  hybrid: ['dense', 'bm25'],
  run: [],
  'run and dense': ['dense'],
  'run and bm25': ['bm25'],
};

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const BOUNDS = [
  'maxScore',
  'minScore',
  'margin',
  'relativeMargin',
  'maxPositiveSimilarity',
] as const satisfies (keyof ChoiceSettings)[];
const reach = fc.record({
  depth: optional(fc.integer({ min: 1, max: 6 })),
  more: optional(fc.nat(6)),
  scores: fc.boolean(),
  // All of them together leave too little to choose from.
  bounds: fc.subarray([...BOUNDS], { maxLength: 2 }),
});
export const rerankSettings = fc
  .tuple(settings, reach)
  .map(([some, { depth, more, scores, bounds }]): ChoiceSettings => {
    const [, high] = some.range;
    // Less than the depth is a usage error, as raw ranks are.
    const rerankLimit = more === undefined ? undefined : (depth ?? high) + more;
    const without = Object.fromEntries(
      BOUNDS.filter((bound) => !bounds.includes(bound)).map((one) => [one, undefined]),
    );
    return { ...some, ...without, rankBasis: 'candidates', rerankDepth: depth, rerankLimit, scores };
  });
export const manyRecords = fc.record({ input: rows, pool: fc.option(largePool, { nil: undefined }) });
