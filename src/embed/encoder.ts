import type { Texts } from '../memory/text-spool.js';

/** Vectors of `dim` float32 values each, one after the other. May lie in shared memory. */
export interface Embeddings {
  readonly data: Float32Array;
  readonly dim: number;
  readonly count: number;
}

/** What a text is to the model: prompts and length limits differ. */
export type Role = 'query' | 'passage';

export interface EncodeCounts {
  /** How many of the texts were longer than the model reads. */
  readonly truncated: number;
  /** How many of the vectors were known from an earlier run. */
  readonly reused?: number;
}

/**
 * Takes the vectors of the texts from number `first` on, piece after piece; they are valid during the call only. The first call
 * may bring none: it tells how long they are.
 */
export interface OnVectors {
  (first: number, vectors: Embeddings): void;
  /** Whether it takes single vectors in any order as well, which spares a copy of all; known after the first call. */
  readonly takesAnyOrder?: boolean;
}

/** Turns texts into vectors. A vector depends on (model, prompt, text) alone, never on the other texts of the call. */
export interface Encoder {
  /**
   * @param texts distinct texts, as given (the encoder puts the prompt before them)
   * @param onProgress called with the number of texts done so far
   * @throws HnMineError `model` where the model gives no usable vector for a text
   */
  encode(texts: Texts, role: Role, onVectors: OnVectors, onProgress?: (done: number) => void): Promise<EncodeCounts>;
  close(): Promise<void>;
}
