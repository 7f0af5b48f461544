/** The pool in the order of a retriever for one row, as deep as it was asked for. */
export interface Ranking {
  /** Positions in the pool, best first. */
  readonly passages: Int32Array;
  /** The score of each: what bounds and weights are about, whatever the order is. */
  readonly scores: Float64Array;
  /** Whether the order is that of the scores: by score descending, then pool order ascending. */
  readonly isByScore: boolean;
  /** Whether a deeper search would find no more passages that the row may take. */
  readonly isWhole: boolean;
  /** Whether a ranking of this retriever goes on to the last passage of the pool; some end where they know no more. */
  readonly coversPool: boolean;
}
