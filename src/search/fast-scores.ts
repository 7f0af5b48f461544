import type { Embeddings } from '../embed/encoder.js';
import { roundToLanes, type ScanMemory } from './scan-memory.js';
import type { TilePlace } from './tiles.js';

/** A block of a tile: rows of it against some queries, a multiple of 16. */
export interface ScoreBlock {
  readonly firstRow: number;
  readonly rows: number;
  readonly first: number;
  readonly count: number;
}

/** All scores, fast and with a bound of their error, each query's in a unit of its own that keeps them in range. */
export interface FastScores {
  /** How many passages a query puts off deciding on, as a multiple of k: the less sure its scores are, the more. */
  readonly listed: number;
  /** Writes the queries as they are multiplied, their scales, and how far exact scores can be above and below. */
  prepare(memory: ScanMemory, queries: Embeddings): void;
  /** Writes a tile's rows as they are multiplied. */
  load(memory: ScanMemory, tile: TilePlace): void;
  /** The same of a sample of the pool, where a guess of the cuts spares more than it costs. @returns how many rows */
  readonly loadSample?: (memory: ScanMemory) => number;
  /**
   * Multiplies a block, and has the kernel note the scores that reach their queries' thresholds.
   *
   * @param bound what the bound of the scores' errors counts, 1 or 0
   */
  score(memory: ScanMemory, block: ScoreBlock, bound: 0 | 1): Promise<void>;
}

/** Scores the loaded rows, and has the kernel note what reaches its queries' thresholds. */
export async function scoreTile(
  scores: FastScores,
  memory: ScanMemory,
  { rows, bound }: { rows: number; bound: 0 | 1 },
): Promise<void> {
  const { queries, blockRows, blockQueries } = memory.shape;
  const lanes = roundToLanes(queries);
  for (let firstRow = 0; firstRow < rows; firstRow += blockRows) {
    const count = Math.min(blockRows, rows - firstRow);
    for (let first = 0; first < lanes; first += blockQueries) {
      const block = { firstRow, rows: count, first, count: Math.min(blockQueries, lanes - first) };
      await scores.score(memory, block, bound);
    }
  }
}
