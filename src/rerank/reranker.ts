import type { Pair } from '../model/tokenizer.js';

export type { Pair } from '../model/tokenizer.js';

/** The scores of some pairs. */
export interface PairScores {
  /** One a pair, in their order; higher is the better answer. */
  readonly scores: Float64Array;
  /** How many of the pairs were longer than the model reads. */
  readonly truncated: number;
  /** How many an earlier run had scored. */
  readonly reused?: number;
}

/** Reads query and passage together. A score depends on (model, query, passage) alone, never on the other pairs of the call. */
export interface Reranker {
  /**
   * @param onProgress called with the number of pairs done so far
   * @throws HnMineError `model` where the model gives no usable score for a pair, `output` where scores cannot be kept
   */
  score(pairs: readonly Pair[], onProgress?: (done: number) => void): Promise<PairScores>;
  close(): Promise<void>;
}

/** Scores some pairs, and hands over their logits as they are done, in any order. */
export interface PairReranker {
  /** @throws HnMineError `model`, `device`, `network`, or what `onScored` throws */
  scorePairs(pairs: readonly Pair[], onScored: OnScored): Promise<void>;
  close(): Promise<void>;
}

/** @param places positions in the pairs, one for each of the logits */
export type OnScored = (
  places: readonly number[],
  logits: Float32Array,
  isTruncated: readonly boolean[],
) => Promise<void>;
