import type { Embeddings } from '../embed/encoder.js';
import type { ScanMemory } from './scan-memory.js';

/** A block of a tile: rows of it against some queries, a multiple of 16. */
export interface ScoreBlock {
  readonly firstRow: number;
  readonly rows: number;
  readonly first: number;
  readonly count: number;
}

/** All scores, fast and with a bound of their error, each query's in a unit of its own that keeps them in range. */
export interface FastScores {
  /** How many passages a query sets aside, as a multiple of k: the less sure its scores are, the more. */
  readonly listed: number;
  /** Writes the queries as they are multiplied, and their scales and errors. */
  prepare(memory: ScanMemory, queries: Embeddings): void;
  /** Writes the rows of a tile that was loaded as they are multiplied, where that is another form. */
  load(memory: ScanMemory, rows: number): void;
  /** Multiplies a block, and has the kernel note the scores that reach their queries' thresholds. */
  score(memory: ScanMemory, block: ScoreBlock): Promise<void>;
}
