import type { EncoderIdentity } from '../store/embedding-store.js';
import type { Role } from './encoder.js';
import type { RowEncoder } from './stored-encoder.js';

/** An encoder that was found, and how it will run; nothing is loaded yet. */
export interface PlannedEncoder {
  readonly name: string;
  /** What a user should know of it, a line each. */
  readonly notes: readonly string[];
  /** Whether its vectors depend on their texts alone, so that they can be kept. */
  readonly isReproducible: boolean;
  /** What a text's vector depends on beside the encoder: its prompt, its length. */
  keyOf(text: string, role: Role): string;
  /**
   * What else it depends on, and the name of the store that keeps such vectors.
   *
   * @param folder where the stores are
   */
  identify(folder: string): Promise<{ readonly name: string; readonly identity: EncoderIdentity }>;
  /** @throws HnMineError `model`, `device` or `network` */
  start(): Promise<RowEncoder>;
}
