import type { Pair } from '../model/tokenizer.js';

export type { Pair } from '../model/tokenizer.js';

/** The scores of some pairs. */
export interface PairScores {
  /** One a pair, in their order; higher is the better answer. */
  readonly scores: Float64Array;
  /** How many of the pairs were longer than the model reads. */
  readonly truncated: number;
}

/** Reads query and passage together. A score depends on (model, query, passage) alone, never on the other pairs of the call. */
export interface Reranker {
  /**
   * @param onProgress called with the number of pairs done so far
   * @throws HnMineError `model` where the model gives no usable score for a pair
   */
  score(pairs: readonly Pair[], onProgress?: (done: number) => void): Promise<PairScores>;
  close(): Promise<void>;
}
