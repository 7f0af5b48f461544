import type { Bounds } from './bounds.js';
import type { Ranking } from './ranking.js';

/** A passage that a query could take. */
export interface Candidate {
  readonly passage: number;
  readonly score: number;
  /** From 0, the best; among candidates or in the raw ranking, see `RankBasis`. */
  readonly rank: number;
}

/** Candidates, best first. Each is made when it is asked for: a row has hundreds and takes a few. */
export class Candidates implements Iterable<Candidate> {
  readonly #ranking: ScoredPassages;
  readonly #places: readonly number[];
  readonly #ranks: readonly number[] | undefined;
  readonly #start: number;
  readonly #end: number;

  /**
   * @param places where in the ranking each stands
   * @param ranks of each, ascending; nothing where they are numbered through
   */
  constructor(
    ranking: ScoredPassages,
    places: readonly number[],
    ranks?: readonly number[],
    span = { start: 0, end: places.length },
  ) {
    this.#ranking = ranking;
    this.#places = places;
    this.#ranks = ranks;
    this.#start = span.start;
    this.#end = span.end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  passageAt(i: number): number {
    return this.#ranking.passages[this.#places[this.#start + i] as number] as number;
  }

  scoreAt(i: number): number {
    return this.#ranking.scores[this.#places[this.#start + i] as number] as number;
  }

  rankAt(i: number): number {
    const at = this.#start + i;
    return this.#ranks ? (this.#ranks[at] as number) : at;
  }

  at(i: number): Candidate {
    return { passage: this.passageAt(i), score: this.scoreAt(i), rank: this.rankAt(i) };
  }

  slice(start: number, end = this.length): Candidates {
    const limit = Math.min(this.#start + end, this.#end);
    const span = { start: Math.min(this.#start + start, limit), end: limit };
    return new Candidates(this.#ranking, this.#places, this.#ranks, span);
  }

  filter(isWanted: (i: number) => boolean): Candidates {
    const kept = Array.from({ length: this.length }, (_, i) => i).filter(isWanted);
    return new Candidates(
      this.#ranking,
      kept.map((i) => this.#places[this.#start + i] as number),
      kept.map((i) => this.rankAt(i)),
    );
  }

  *[Symbol.iterator](): Generator<Candidate> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

type ScoredPassages = Pick<Ranking, 'passages' | 'scores'>;

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
export function listCandidates(ranking: ScoredPassages, rules: CandidateRules, basis: RankBasis): Candidates {
  const { passages, scores } = ranking;
  const { excluded, bounds } = rules;
  const taken = mayRepeatClasses(passages, rules) ? new Set<number>() : undefined;
  const places: number[] = [];
  for (let i = 0; i < passages.length; i++) {
    const passage = passages[i] as number;
    const score = scores[i] as number;
    const found = rules.classOf(passage);
    if (excluded.has(found) || taken?.has(found)) continue;
    if (score > bounds.ceiling || score < bounds.floor || rules.isTooSimilar(passage)) continue;
    taken?.add(found);
    places.push(i);
  }
  return new Candidates(ranking, places, basis === 'raw' ? places : undefined);
}

/** A class is named after one of its passages, so where all are named after themselves none comes twice. */
function mayRepeatClasses(passages: Int32Array, { classOf }: CandidateRules): boolean {
  for (let i = 0; i < passages.length; i++) if (classOf(passages[i] as number) !== passages[i]) return true;
  return false;
}

/** Candidates before, in and past the window. */
export interface Cut {
  readonly skipped: Candidates;
  readonly window: Candidates;
  readonly past: Candidates;
}

/**
 * Cuts the window out of the ranks. With a positive weight, of the `high` best candidates those `low` are skipped that score
 * highest together with their likeness to a positive: score(query, passage) + weight · score(positive, passage); of equal ones
 * those go first that come first in the pool.
 *
 * @param likenessOf the highest score of a passage with a positive
 */
export function cutWindow(
  candidates: Candidates,
  { low, high }: RankRange,
  positiveWeight: number,
  likenessOf: (passage: number) => number,
): Cut {
  const [start, end] = [findRank(candidates, low), findRank(candidates, high)];
  const past = candidates.slice(end);
  if (positiveWeight === 0) return { skipped: candidates.slice(0, start), window: candidates.slice(start, end), past };
  const best = candidates.slice(0, end);
  const risks = Array.from(best, ({ passage, score }) => score + positiveWeight * likenessOf(passage));
  const riskOf = (place: number) => risks[place] as number;
  const riskiest = risks
    .map((_, place) => place)
    .sort((a, b) => riskOf(b) - riskOf(a) || best.passageAt(a) - best.passageAt(b));
  const skipped = new Set(riskiest.slice(0, low));
  return {
    skipped: best.filter((place) => skipped.has(place)),
    window: best.filter((place) => !skipped.has(place)),
    past,
  };
}

/** Where the first candidate with this rank or a lower one stands. */
function findRank(candidates: Candidates, rank: number): number {
  // Ranks ascend, and each is at least the candidate's place in the list.
  let at = Math.min(rank, candidates.length);
  while (at > 0 && candidates.rankAt(at - 1) >= rank) at--;
  return at;
}
