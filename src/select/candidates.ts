import type { Neighbours } from '../search/vector-index.js';

/** A passage that a query could take. */
export interface Candidate {
  readonly passage: number;
  readonly score: number;
  /** From 0, the best; among candidates or in the raw ranking, see `RankBasis`. */
  readonly rank: number;
}

/** Whether ranks count candidates only, or every passage of the pool as FlagEmbedding's `hn_mine` does. */
export type RankBasis = 'candidates' | 'raw';

/** The half-open window [low, high) of ranks. */
export interface RankRange {
  readonly low: number;
  readonly high: number;
}

/**
 * The candidates among a query's neighbours, best first: no excluded class, and each class once, at its best rank.
 *
 * @param classOf the class of a passage, see `Pool`
 */
export function listCandidates(
  neighbours: Neighbours,
  excluded: ReadonlySet<number>,
  classOf: (passage: number) => number,
  basis: RankBasis,
): Candidate[] {
  const taken = new Set(excluded);
  const candidates: Candidate[] = [];
  neighbours.passages.forEach((passage, i) => {
    const found = classOf(passage);
    if (taken.has(found)) return;
    taken.add(found);
    const rank = basis === 'raw' ? i : candidates.length;
    candidates.push({ passage, score: neighbours.scores[i] as number, rank });
  });
  return candidates;
}

/** Candidates before, in and past the window. */
export interface Cut {
  readonly skipped: Candidate[];
  readonly window: Candidate[];
  readonly past: Candidate[];
}

export function cutWindow(candidates: readonly Candidate[], range: RankRange): Cut {
  return {
    skipped: candidates.filter((candidate) => candidate.rank < range.low),
    window: candidates.filter((candidate) => candidate.rank >= range.low && candidate.rank < range.high),
    past: candidates.filter((candidate) => candidate.rank >= range.high),
  };
}
