import { measureShape, roundToLanes, type ScanShape } from './scan-memory.js';

/** What a search may take, and how it is cut; no choice changes a result. */
export interface ScanLimits {
  /** Bytes. */
  readonly memory: number;
  readonly tileSize?: number | undefined;
  readonly blockSize?: number | undefined;
  /** What is multiplied; whichever is faster where nothing is said. */
  readonly product?: 'float32' | 'int8' | undefined;
}

/** Vectors of a tile stay in a processor's outer cache while all queries pass, scores of a block in an inner one. */
const TILE_ROWS = 4096;
const BLOCK_ROWS = 1024;
const BLOCK_QUERIES = 256;

/** Of the 4 GiB that a WebAssembly module can address. */
const MOST_MEMORY = 2 ** 31;

/** Beyond what lists need, so that dropping the rest is rare. */
const EXTRA_ROOM = 64;
const EXTRA_CAPACITY = 256;

/** The kernel sums four products at a time: shorter rows end with zeros. */
export function padDimension(dim: number): number {
  return Math.ceil(dim / 4) * 4;
}

/** How a pool is cut into tiles, a quarter of the memory each at most. */
export function planTile(dim: number, count: number, { memory, tileSize = TILE_ROWS }: ScanLimits): number {
  const affordable = Math.floor(memory / 4 / (5 * dim));
  return Math.max(1, Math.min(tileSize, affordable, count));
}

/** How many queries go through the tiles together, and what each may set aside. */
export function planSearch(
  { dim, tileRows, count }: { dim: number; tileRows: number; count: number },
  { k, queries, listed }: { k: number; queries: number; listed: number },
  { memory, blockSize = BLOCK_QUERIES }: ScanLimits,
): ScanShape {
  // More than the pool has is never set aside, nor kept.
  const capacity = Math.min(listed * k + EXTRA_CAPACITY, count + 1);
  const room = Math.min(2 * k + EXTRA_ROOM, count + 1);
  // Deciding in the end spares most exact scores, but loads every tile again.
  const isPutOff = tileRows < count && 2 * k * queries >= count;
  const blockQueries = roundToLanes(Math.min(blockSize, queries));
  const shape = { dim, tileRows, blockRows: Math.min(BLOCK_ROWS, tileRows), blockQueries, k, capacity, isPutOff, room };
  const { fixed, perQuery } = measureShape(shape);
  const affordable = Math.floor((Math.min(memory, MOST_MEMORY) - fixed) / perQuery);
  return { ...shape, queries: Math.max(1, Math.min(queries, affordable)) };
}
