import type { Ranked, RowFacts } from './row-facts.js';

export interface ChosenNegative {
  readonly text: string;
  /** Nothing for a kept one where scores are not written. */
  readonly score: number | undefined;
  readonly rank: number | null;
  readonly source: 'kept' | 'window' | 'next' | 'random' | 'skipped';
}

/** What is chosen beside the kept negatives. */
export interface Choice {
  /** Everything that the row may take, with ranks of the basis that was asked for; Infinity for those that have none. */
  readonly candidates: readonly Ranked[];
  /** The candidates whose ranks the window holds. */
  readonly window: readonly Ranked[];
  readonly mined: readonly (ChosenNegative & { readonly score: number })[];
  /** Why there are too few, if there are. */
  readonly reason: string | undefined;
  /** The passages that a reranker may be asked about, positives and kept negatives aside. */
  readonly mayScore?: readonly string[];
}

/** Ranks that count these alone. */
export function countRanks(ranked: readonly Ranked[]): Ranked[] {
  return ranked.map((one, at) => ({ ...one, rank: one.rank === Infinity ? Infinity : at }));
}

/** Of the best candidates, as many as the window skips are dropped: those of the highest risk. */
export function cutByRules(candidates: readonly Ranked[], { settings, riskOf, placeOf }: RowFacts) {
  const [low, high] = settings.range;
  const best = candidates.filter((one) => one.rank < high);
  const riskiest = best.toSorted((a, b) => riskOf(b) - riskOf(a) || placeOf(a) - placeOf(b)).slice(0, low);
  const isSkipped = (one: Ranked) => (settings.positiveWeight === 0 ? one.rank < low : riskiest.includes(one));
  const past = candidates.filter((one) => one.rank >= high);
  return { skipped: best.filter(isSkipped), window: best.filter((one) => !isSkipped(one)), past };
}

/** The window in the order in which its passages are taken. */
export function sampleByRules(window: readonly Ranked[], { settings, positive, drawOf }: RowFacts): Ranked[] {
  const { sampleSharpness: a, sampleOffset: b } = settings;
  const key = {
    top: (one: Ranked) => one.rank,
    random: (one: Ranked) => drawOf(one.text),
    // The logarithm of -ln(u) / exp(-a (score - p - b)²).
    weighted: (one: Ranked) => Math.log(-Math.log(drawOf(one.text))) + a * (one.score - positive - b) ** 2,
  }[settings.sample];
  return window.toSorted((one, other) => key(one) - key(other));
}
