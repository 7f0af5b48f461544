import { createPacer } from '../pacer.js';
import type { Depth, Retriever, RetrieverQuery } from '../retrieve/retriever.js';
import type { Ranking } from '../select/ranking.js';
import type { RowTask } from './mine-row.js';

/** Ranks the pool for some rows: the retriever gives the order, the encoder the scores, if there are any. */
export async function rankPool(tasks: readonly RowTask[], depth: Depth, retriever: Retriever): Promise<Ranking[]> {
  const { isByScore, coversPool } = retriever;
  const found = await retriever.retrieve(tasks.map(toQuery), depth);
  const rankings: Ranking[] = [];
  for (const [i, { passages, scores, isWhole }] of found.entries()) {
    const { view, queryRow } = tasks[i] as RowTask;
    const known =
      scores ??
      (queryRow === undefined ? new Float64Array(passages.length) : await scorePassages(passages, view.scoreOf));
    rankings.push({ passages, scores: known, isByScore, isWhole, coversPool });
  }
  return rankings;
}

/** What a retriever needs to know of a row. */
export function toQuery({ row, queryRow, view }: RowTask): RetrieverQuery {
  return { text: row.query, id: row.queryId, vectorRow: queryRow, ceiling: view.bounds.ceiling };
}

async function scorePassages(passages: Int32Array, scoreOf: (passage: number) => number): Promise<Float64Array> {
  const pause = createPacer();
  const scores = new Float64Array(passages.length);
  for (let i = 0; i < passages.length; i++) {
    scores[i] = scoreOf(passages[i] as number);
    await pause();
  }
  return scores;
}
