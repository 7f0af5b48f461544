import { type CostlyList, takeFitting } from '../memory/take-fitting.js';
import type { Pair, PairScores, Reranker } from './reranker.js';

/** Pairs whose texts are fetched when their turn comes. */
export type PairList = CostlyList<Pair>;

/** Pairs scored at once, at most: enough to sort them by length, few enough to wait for. */
const PIECE_PAIRS = 1 << 14;

/** A pair's texts are held about so many times: here, on their way to a worker, and in it. */
const TEXT_COPIES = 4;

/**
 * Scores any number of pairs, no more at once than memory allows.
 *
 * @param limit bytes that texts under way may take
 * @param onProgress called with the number of pairs done so far
 * @throws HnMineError `model`
 */
export async function scoreList(
  reranker: Reranker,
  pairs: PairList,
  limit: number,
  onProgress: (done: number) => void = () => {},
): Promise<PairScores> {
  const fitting = { items: PIECE_PAIRS, bytes: limit, costOf: (size: number) => TEXT_COPIES * size };
  const scores = new Float64Array(pairs.length);
  let [first, truncated, reused] = [0, 0, 0];
  while (first < pairs.length) {
    const piece = await takeFitting(pairs, first, fitting);
    const found = await reranker.score(piece, (done) => onProgress(first + done));
    scores.set(found.scores, first);
    truncated += found.truncated;
    reused += found.reused ?? 0;
    first += piece.length;
  }
  return { scores, truncated, reused };
}
