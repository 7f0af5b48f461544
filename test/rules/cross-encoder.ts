import { startReranker } from '#dist/rerank/onnx-reranker.js';
import type { Pair } from '#dist/rerank/reranker.js';
import { plan, TINY_RERANKER } from '../rerank/score-pairs.js';
import type { Rerank } from './choice.js';
import { type RuleRecords, textsOfPool } from './records.js';

const keyOf = (query: string, passage: string) => JSON.stringify([query, passage]);

/** The tiny cross-encoder, whose scores are asked for ahead and then at hand. */
export async function openCrossEncoder() {
  const model = await startReranker(await plan(TINY_RERANKER, { workers: 1 }));
  const known = new Map<string, number>();
  const scoreOf: Rerank = (query, passage) => known.get(keyOf(query, passage)) as number;
  return {
    scoreOf,
    /** Every pair that a row of the records could ask for. */
    async scoreAll(some: RuleRecords): Promise<void> {
      const pairs = some.input.flatMap(({ query, pos, neg = [] }) =>
        [...textsOfPool(some), ...pos, ...neg].map((text): Pair => [query, text]),
      );
      const unknown = pairs.filter((pair) => !known.has(keyOf(...pair)));
      const { scores } = await model.score(unknown);
      for (const [i, pair] of unknown.entries()) known.set(keyOf(...pair), scores[i] as number);
    },
    close: () => model.close(),
  };
}
