/** Which of a row's positives a negative is held against. */
export type PositiveScore = 'min' | 'max' | 'mean';

/** Scores that a negative may have; unset ones do not matter. */
export interface BoundSettings {
  readonly maxScore?: number | undefined;
  readonly minScore?: number | undefined;
  readonly margin?: number | undefined;
  readonly relativeMargin?: number | undefined;
  readonly positiveScore: PositiveScore;
}

export interface Bounds {
  /** The highest score that a negative may have. */
  readonly ceiling: number;
  /** The lowest. */
  readonly floor: number;
}

/** Every score is within these. */
export const NO_BOUNDS: Bounds = { ceiling: Infinity, floor: -Infinity };

/** The score of a row's own positives as one number. */
export function combinePositives(scores: readonly number[], how: PositiveScore): number {
  if (how === 'min') return Math.min(...scores);
  if (how === 'max') return Math.max(...scores);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/**
 * The scores that a row's negatives may have. With `p` the positive's: at most `maxScore`, `p - margin` and
 * `p - relativeMargin · |p|`, at least `minScore`. A relative margin of 0.05 is NV-Retriever's TopK-PercPos at 95 %
 * (arXiv:2407.15831), written so that it is right for negative scores too.
 */
export function boundScores(settings: BoundSettings, positive: number): Bounds {
  const { maxScore = Infinity, minScore = -Infinity, margin = -Infinity, relativeMargin } = settings;
  const relative = relativeMargin === undefined ? Infinity : positive - relativeMargin * Math.abs(positive);
  return { ceiling: Math.min(maxScore, positive - margin, relative), floor: minScore };
}
