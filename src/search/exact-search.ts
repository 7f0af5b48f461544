import type { Embeddings } from '../embed/encoder.js';
import { gatherRows } from '../embed/gather-rows.js';
import { createPacer } from '../pacer.js';
import { vectorNorm } from './inner-product.js';
import type { PassageVectors } from './passage-vectors.js';
import { boundFloatError, roundUp } from './rounding.js';
import type { Scorer } from './scorer.js';
import type { Neighbours } from './vector-index.js';

/** What a float32 engine found for one query, best first. */
export interface Proposal {
  readonly passages: Int32Array;
  readonly scores: Float32Array;
}

/**
 * Asks a float32 engine for the k best passages of each query; k never exceeds the pool. An engine that can leaves out
 * passages above a query's limit, and proposes fewer where no more are left; one that cannot ignores the limits.
 */
export type Propose = (queries: Embeddings, k: number, limits?: Float32Array) => Promise<Proposal[]>;

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
 */
export async function searchExactly(
  pool: ExactPool,
  queries: Embeddings,
  k: number,
  propose: Propose,
  below?: Float64Array,
): Promise<Neighbours[]> {
  const { count } = pool.passages;
  const wanted = Math.min(k, count);
  const found = new Array<Neighbours>(queries.count);
  const pause = createPacer();
  let open = Array.from({ length: queries.count }, (_, i) => i);
  for (let depth = wanted + MARGIN; open.length > 0; depth *= 4) {
    const proposed = Math.min(depth, count);
    const blockSize = Math.max(1, Math.floor(MOST_PROPOSED / proposed));
    const unsure: number[] = [];
    for (let start = 0; start < open.length; start += blockSize) {
      const block = open.slice(start, start + blockSize);
      const errors = block.map((query) => {
        return boundFloatError(vectorNorm(queries.data, query * queries.dim, queries.dim), pool.maxNorm, queries.dim);
      });
      const limits =
        below && Float32Array.from(block, (query, i) => roundUp((below[query] as number) + (errors[i] as number)));
      const proposals = await propose(
        block.length === queries.count ? queries : gatherRows(queries, block),
        proposed,
        limits,
      );
      for (const [i, query] of block.entries()) {
        const proposal = proposals[i] as Proposal;
        const ranked = rankProposal(pool, queries, query, proposal, below?.[query]);
        found[query] = { passages: ranked.passages.slice(0, wanted), scores: ranked.scores.slice(0, wanted) };
        // No passage that was not proposed can score above the last proposed score plus the engine's error.
        const bound = (proposal.scores.at(-1) ?? Number.NEGATIVE_INFINITY) + (errors[i] as number);
        const isWhole = proposed === count || proposal.passages.length < proposed;
        const isCertain = ranked.passages.length >= wanted && (ranked.scores[wanted - 1] as number) > bound;
        if (!isWhole && !isCertain) unsure.push(query);
        await pause();
      }
    }
    open = unsure;
  }
  return found;
}

/** The proposed passages by exact score, those above the limit left out. */
function rankProposal(
  { passages, scorer }: ExactPool,
  queries: Embeddings,
  query: number,
  proposal: Proposal,
  limit = Number.POSITIVE_INFINITY,
): Neighbours {
  const vector = queries.data.subarray(query * queries.dim, (query + 1) * queries.dim);
  const ranked = sortByRank(proposal.passages, scorer.score(vector, passages, proposal.passages));
  const above = ranked.scores.findIndex((score) => score <= limit);
  const start = above === -1 ? ranked.scores.length : above;
  return start === 0 ? ranked : { passages: ranked.passages.subarray(start), scores: ranked.scores.subarray(start) };
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
