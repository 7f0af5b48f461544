import type { Bounds } from './bounds.js';
import type { Ranking } from './ranking.js';

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

/** What a row may take. */
export interface CandidateRules {
  /** The class of a passage, see `Pool`. */
  classOf(passage: number): number;
  /** Classes this row may not take. */
  readonly excluded: ReadonlySet<number>;
  readonly bounds: Bounds;
  isTooSimilar(passage: number): boolean;
}

/**
 * The candidates in a ranking, best first: no excluded class, within the row's bounds, and each class once, at its best rank.
 */
export function listCandidates(
  { passages, scores }: Pick<Ranking, 'passages' | 'scores'>,
  rules: CandidateRules,
  basis: RankBasis,
): Candidate[] {
  const { excluded, bounds } = rules;
  const taken = new Set<number>();
  const candidates: Candidate[] = [];
  passages.forEach((passage, i) => {
    const score = scores[i] as number;
    const found = rules.classOf(passage);
    if (excluded.has(found) || taken.has(found)) return;
    if (score > bounds.ceiling || score < bounds.floor || rules.isTooSimilar(passage)) return;
    taken.add(found);
    candidates.push({ passage, score, rank: basis === 'raw' ? i : candidates.length });
  });
  return candidates;
}

/** Candidates before, in and past the window. */
export interface Cut {
  readonly skipped: Candidate[];
  readonly window: Candidate[];
  readonly past: Candidate[];
}

/**
 * Cuts the window out of the ranks. With a positive weight, of the `high` best candidates those `low` are skipped that score
 * highest together with their likeness to a positive: score(query, passage) + weight · score(positive, passage); of equal ones
 * those go first that come first in the pool.
 *
 * @param likenessOf the highest score of a passage with a positive
 */
export function cutWindow(
  candidates: readonly Candidate[],
  { low, high }: RankRange,
  positiveWeight: number,
  likenessOf: (passage: number) => number,
): Cut {
  const past = candidates.filter(({ rank }) => rank >= high);
  const best = candidates.filter(({ rank }) => rank < high);
  if (positiveWeight === 0) {
    return { skipped: best.filter(({ rank }) => rank < low), window: best.filter(({ rank }) => rank >= low), past };
  }
  const risk = new Map(
    best.map((candidate) => [candidate, candidate.score + positiveWeight * likenessOf(candidate.passage)]),
  );
  const riskiest = best.toSorted((a, b) => (risk.get(b) as number) - (risk.get(a) as number) || a.passage - b.passage);
  const skipped = new Set(riskiest.slice(0, low));
  return { skipped: best.filter((one) => skipped.has(one)), window: best.filter((one) => !skipped.has(one)), past };
}
