import type { Embeddings } from '../embed/encoder.js';
import { innerProduct, vectorNorm } from './inner-product.js';
import type { Neighbours } from './vector-index.js';

/** What a float32 engine found for one query, best first. */
export interface Proposal {
  readonly passages: Int32Array;
  readonly scores: Float32Array;
}

/** Asks a float32 engine for the k best passages of each query; k never exceeds the pool. */
export type Propose = (queries: Embeddings, k: number) => Promise<Proposal[]>;

/** Proposed beyond k, so that the cut is nearly always decided at once. */
const MARGIN = 16;

/**
 * Exact neighbours from a float32 engine: it proposes a few more than k, their float64 scores decide, and a query whose
 * cut lies within the engine's rounding error is asked again, deeper, until the cut is certain.
 *
 * An engine's score is off by at most dim · 2^-24 · |q| · |x| (the standard bound for a sum of dim products in float32,
 * in any order), so no passage that was not proposed can score above the last proposed score plus that bound.
 *
 * @param maxNorm the longest passage vector
 */
export async function searchExactly(
  passages: Embeddings,
  maxNorm: number,
  queries: Embeddings,
  k: number,
  propose: Propose,
): Promise<Neighbours[]> {
  const wanted = Math.min(k, passages.count);
  const found = new Array<Neighbours>(queries.count);
  let open = Array.from({ length: queries.count }, (_, i) => i);
  for (let depth = wanted + MARGIN; open.length > 0; depth *= 4) {
    const proposed = Math.min(depth, passages.count);
    const proposals = await propose(pickRows(queries, open), proposed);
    open = open.filter((query, i) => {
      const start = query * queries.dim;
      const ranked = rescore(queries.data, start, passages, proposals[i] as Proposal);
      found[query] = { passages: ranked.passages.subarray(0, wanted), scores: ranked.scores.subarray(0, wanted) };
      const error = passages.dim * 2 ** -24 * vectorNorm(queries.data, start, queries.dim) * maxNorm;
      const lastProposed = (proposals[i] as Proposal).scores[proposed - 1] as number;
      return proposed < passages.count && (ranked.scores[wanted - 1] as number) <= lastProposed + error;
    });
  }
  return found;
}

/** The longest vector of the pool. */
export function longestNorm(passages: Embeddings): number {
  let longest = 0;
  for (let i = 0; i < passages.count; i++) {
    longest = Math.max(longest, vectorNorm(passages.data, i * passages.dim, passages.dim));
  }
  return longest;
}

function rescore(query: Float32Array, start: number, pool: Embeddings, proposal: Proposal): Neighbours {
  const count = proposal.passages.length;
  const scores = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    scores[i] = innerProduct(query, start, pool.data, (proposal.passages[i] as number) * pool.dim, pool.dim);
  }
  return sortByRank(proposal.passages, scores);
}

/** An insertion sort: the engine's order is all but right, so it is nearly linear. */
function sortByRank(proposed: Int32Array, scores: Float64Array): Neighbours {
  const passages = Int32Array.from(proposed);
  for (let i = 1; i < passages.length; i++) {
    const passage = passages[i] as number;
    const score = scores[i] as number;
    let at = i - 1;
    while (at >= 0 && isBefore(score, passage, scores[at] as number, passages[at] as number)) {
      passages[at + 1] = passages[at] as number;
      scores[at + 1] = scores[at] as number;
      at--;
    }
    passages[at + 1] = passage;
    scores[at + 1] = score;
  }
  return { passages, scores };
}

function isBefore(score: number, passage: number, otherScore: number, otherPassage: number): boolean {
  return score > otherScore || (score === otherScore && passage < otherPassage);
}

function pickRows(queries: Embeddings, rows: readonly number[]): Embeddings {
  if (rows.length === queries.count) return queries;
  const data = new Float32Array(rows.length * queries.dim);
  rows.forEach((row, i) => {
    data.set(queries.data.subarray(row * queries.dim, (row + 1) * queries.dim), i * queries.dim);
  });
  return { data, dim: queries.dim, count: rows.length };
}
