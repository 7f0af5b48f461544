import type { Embeddings } from '../embed/encoder.js';

/** The passages nearest to one query, best first: by score descending, then pool order ascending. */
export interface Neighbours {
  /** Positions in the pool. */
  readonly passages: Int32Array;
  /** Exact inner products, see `innerProduct`. */
  readonly scores: Float64Array;
}

/** Exact inner-product search over a pool's embeddings. Every implementation returns the same neighbours, to the bit. */
export interface VectorIndex {
  readonly size: number;
  /**
   * The k nearest passages of each query, fewer where there are no more. Calls may overlap; each resolves on its own.
   *
   * @param below for each query the highest score that a neighbour may have
   */
  search(queries: Embeddings, k: number, below?: Float64Array): Promise<Neighbours[]>;
  close(): Promise<void>;
}
