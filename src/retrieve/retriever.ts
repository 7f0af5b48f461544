/** What a retriever may know of the row that it ranks the pool for. */
export interface RetrieverQuery {
  readonly text: string;
  readonly id: string | undefined;
  /** The row of its vector. */
  readonly vectorRow: number | undefined;
  /** The highest score that a negative of the row may have. */
  readonly ceiling: number;
}

/** The best passages for one query. */
export interface Retrieved {
  /** Positions in the pool, best first, none twice. */
  readonly passages: Int32Array;
  /** The encoder's scores, where the retriever has them at hand. */
  readonly scores?: Float64Array;
  /** Whether nothing lies deeper. */
  readonly isWhole: boolean;
}

/** How far a retriever looks. */
export interface Depth {
  /** Passages asked for, a row. */
  readonly depth: number;
  /** Whether passages above a query's ceiling may be passed over: one that can then looks below it. */
  readonly looksBelow: boolean;
}

/**
 * What ranks the pool for a query. It gives order and depth alone: bounds, weights and written scores are about the encoder's
 * scores. What it finds for a query depends on that query and the pool only, and a deeper search begins as a shallower one does.
 */
export interface Retriever {
  /** Whether the order is that of the encoder's scores. */
  readonly isByScore: boolean;
  /** Whether its rankings go on to the last passage of the pool. */
  readonly coversPool: boolean;
  retrieve(queries: readonly RetrieverQuery[], depth: Depth): Promise<Retrieved[]>;
}
