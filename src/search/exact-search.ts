import type { Embeddings } from '../embed/encoder.js';
import { createPacer } from '../pacer.js';
import { vectorNorm } from './inner-product.js';
import type { PassageVectors } from './passage-vectors.js';
import type { Scorer } from './scorer.js';
import type { Neighbours } from './vector-index.js';

/** What a float32 engine found for one query, best first. */
export interface Proposal {
  readonly passages: Int32Array;
  readonly scores: Float32Array;
}

/** Asks a float32 engine for the k best passages of each query; k never exceeds the pool. */
export type Propose = (queries: Embeddings, k: number) => Promise<Proposal[]>;

/** What scores are computed with and bounded by. */
export interface ExactPool {
  readonly passages: PassageVectors;
  readonly scorer: Scorer;
  /** The length of the longest passage vector. */
  readonly maxNorm: number;
}

/** Proposed beyond k, so that the cut is nearly always decided at once. */
const MARGIN = 16;

/** Proposed at once, over all queries: memory stays bounded where many cuts need the whole pool. */
const MOST_PROPOSED = 2 ** 22;

/** Longer proposals are no longer nearly sorted where many scores tie. */
const LONGEST_INSERTION_SORT = 512;

/**
 * Exact neighbours from a float32 engine: it proposes a few more than k, their float64 scores decide, and a query whose
 * cut lies within the engine's rounding error is asked again, deeper, until the cut is certain.
 *
 * No passage that was not proposed can score above the last proposed score plus that error.
 */
export async function searchExactly(
  { passages, scorer, maxNorm }: ExactPool,
  queries: Embeddings,
  k: number,
  propose: Propose,
): Promise<Neighbours[]> {
  const wanted = Math.min(k, passages.count);
  const found = new Array<Neighbours>(queries.count);
  const pause = createPacer();
  let open = Array.from({ length: queries.count }, (_, i) => i);
  for (let depth = wanted + MARGIN; open.length > 0; depth *= 4) {
    const proposed = Math.min(depth, passages.count);
    const blockSize = Math.max(1, Math.floor(MOST_PROPOSED / proposed));
    const unsure: number[] = [];
    for (let start = 0; start < open.length; start += blockSize) {
      const block = open.slice(start, start + blockSize);
      const proposals = await propose(pickRows(queries, block), proposed);
      for (const [i, query] of block.entries()) {
        const proposal = proposals[i] as Proposal;
        const vector = queries.data.subarray(query * queries.dim, (query + 1) * queries.dim);
        const scores = scorer.score(vector, passages, proposal.passages);
        const ranked = sortByRank(proposal.passages, scores);
        found[query] = { passages: ranked.passages.slice(0, wanted), scores: ranked.scores.slice(0, wanted) };
        const bound = (proposal.scores[proposed - 1] as number) + engineError(queries, query, maxNorm);
        if (proposed < passages.count && (ranked.scores[wanted - 1] as number) <= bound) unsure.push(query);
        await pause();
      }
    }
    open = unsure;
  }
  return found;
}

/**
 * How far an engine's score can be off: dim · 2^-24 · |q| · |x|, the standard bound for a sum of dim products in float32
 * in any order (two more terms cover what it leaves out), and what products too small for float32 lose.
 */
function engineError({ data, dim }: Embeddings, query: number, maxNorm: number): number {
  return (dim + 2) * (2 ** -24 * vectorNorm(data, query * dim, dim) * maxNorm + 2 ** -149);
}

function sortByRank(proposed: Int32Array, scores: Float64Array): Neighbours {
  if (proposed.length <= LONGEST_INSERTION_SORT) return sortNearlySorted(proposed, scores);
  const [passageOf, scoreOf] = [(i: number) => proposed[i] as number, (i: number) => scores[i] as number];
  const order = Int32Array.from(proposed, (_, i) => i).sort((a, b) =>
    isBefore(scoreOf(a), passageOf(a), scoreOf(b), passageOf(b)) ? -1 : 1,
  );
  return { passages: order.map(passageOf), scores: Float64Array.from(order, scoreOf) };
}

/** An insertion sort: the engine's order is all but right, so it is nearly linear. */
function sortNearlySorted(proposed: Int32Array, scores: Float64Array): Neighbours {
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
