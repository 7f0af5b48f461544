import { PASSAGE_LEVELS, ZERO } from './byte-products.js';
import type { ScanKernel, ScanMemory } from './scan-memory.js';
import { padDimension } from './scan-plan.js';
import type { TilePlace, Tiles } from './tiles.js';

/** What a tile is loaded to. */
export type TileMemory = Pick<ScanMemory, 'parts' | 'shape' | 'tile' | 'bytes' | 'rowSteps' | 'rowResiduals'>;

/** The pool's tiles rounded to bytes, each row in steps of its own. */
export interface ByteTiles {
  load(memory: TileMemory, tile: TilePlace): void;
  /** Rounds rows that are loaded already. */
  round(memory: TileMemory, rows: number): void;
}

/** Of the largest value: the steps of rows with smaller ones become no smaller. */
const SMALLEST_ROW = 2 ** -30;

/**
 * @param maxValue the largest magnitude of all values
 * @param shared where the tiles are kept for all workers, with room for `measureByteTiles`
 */
export function createByteTiles(
  kernel: ScanKernel,
  tiles: Tiles,
  maxValue: number,
  shared: SharedArrayBuffer | undefined,
): ByteTiles {
  const leastStep = (maxValue / PASSAGE_LEVELS) * SMALLEST_ROW;
  const round = ({ parts, shape: { dim } }: TileMemory, rows: number) =>
    kernel.toBytes(parts.tile, rows, dim, parts.bytes, ZERO, leastStep, parts.rowSteps, parts.rowResiduals);
  const roundTile = (memory: TileMemory, tile: TilePlace) => {
    tiles.load(memory.tile, tile);
    round(memory, tile.rows);
  };
  return { round, load: shared ? keepIn(shared, tiles.passages, roundTile) : roundTile };
}

/** The size of a pool's tiles in shared memory, in bytes. */
export function measureByteTiles({ dim, count }: { dim: number; count: number }): number {
  // A step, a residual and, for a tile of one row, a flag.
  return count * (padDimension(dim) + 3 * Int32Array.BYTES_PER_ELEMENT);
}

/** Any worker may round a tile that is not there yet, more than one of them too: all write the same. */
function keepIn(shared: SharedArrayBuffer, count: number, roundTile: ByteTiles['load']): ByteTiles['load'] {
  const flags = new Int32Array(shared, 0, count);
  const steps = new Float32Array(shared, 4 * count, count);
  const residuals = new Float32Array(shared, 8 * count, count);
  const bytes = new Uint8Array(shared, 12 * count);
  return (memory, tile) => {
    const { number, firstPassage, rows } = tile;
    const { dim } = memory.shape;
    const end = firstPassage + rows;
    const parts = [
      [steps.subarray(firstPassage, end), memory.rowSteps.subarray(0, rows)],
      [residuals.subarray(firstPassage, end), memory.rowResiduals.subarray(0, rows)],
      [bytes.subarray(firstPassage * dim, end * dim), memory.bytes.subarray(0, rows * dim)],
    ] as const;
    const isThere = Atomics.load(flags, number) === 1;
    if (!isThere) roundTile(memory, tile);
    for (const [kept, own] of parts) {
      if (isThere) own.set(kept);
      else kept.set(own);
    }
    Atomics.store(flags, number, 1);
  };
}
