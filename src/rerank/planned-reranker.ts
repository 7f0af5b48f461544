import type { PlannedEncoder } from '../embed/planned-encoder.js';
import type { PairReranker } from './reranker.js';

/** What a score is made of a logit by: nothing, the model's own function, or a sigmoid. */
export type Activation = 'none' | 'model' | 'sigmoid';

/** A reranker that was found, and how it will run; nothing is loaded yet. */
export interface PlannedReranker extends Pick<PlannedEncoder, 'name' | 'notes' | 'isReproducible' | 'identify'> {
  /** Whether it tells which pairs are longer than it reads. */
  readonly countsTruncated: boolean;
  /** Makes a score of a logit. */
  activate(logit: number): number;
  /** Finds what is wrong with the model before hours of other work. @throws HnMineError `model` or `device` */
  check(): Promise<void>;
  /** @throws HnMineError `model` or `device` */
  start(): Promise<PairReranker>;
}
