import type { PassageVectors } from './passage-vectors.js';
import { layOut, type ScanKernel, type ScanMemory, type ScanShape } from './scan-memory.js';

/** The pool in tiles, of which the last one visited stays loaded. */
export interface Tiles {
  readonly count: number;
  /** The length of the longest passage vector. */
  readonly maxNorm: number;
  /** All tiles' numbers, beginning with the loaded one. */
  visitAll(): number[];
  load(memory: ScanMemory, tile: number): { firstPassage: number; rows: number };
}

/** @param shape of a search's memory, as far as it is the same for all searches */
export function createTiles(pool: PassageVectors, kernel: ScanKernel, shape: TileShape): Tiles {
  const { dim, tileRows } = shape;
  const count = Math.ceil(pool.count / tileRows);
  let loaded = -1;
  const load = (memory: ScanMemory, tile: number) => {
    const firstPassage = tile * tileRows;
    const rows = Math.min(tileRows, pool.count - firstPassage);
    if (tile !== loaded) copyRows(pool, { firstPassage, rows }, memory.tile, dim);
    loaded = tile;
    return { firstPassage, rows };
  };
  const visitAll = () => {
    const forwards = Array.from({ length: count }, (_, tile) => tile);
    return loaded <= 0 ? forwards : forwards.reverse();
  };
  const measureLongest = () => {
    const memory = layOut(kernel, {
      ...shape,
      blockRows: 0,
      blockQueries: 0,
      queries: 0,
      k: 1,
      capacity: 0,
      pending: 0,
      room: 0,
    });
    memory.tellKernel(0);
    return visitAll().reduce((most, tile) => {
      const { rows } = load(memory, tile);
      return Math.max(most, kernel.longest(memory.parts.tile, rows));
    }, 0);
  };
  return { count, visitAll, load, maxNorm: measureLongest() };
}

export type TileShape = Pick<ScanShape, 'dim' | 'tileRows'>;

function copyRows(
  pool: PassageVectors,
  { firstPassage, rows }: { firstPassage: number; rows: number },
  tile: Float32Array,
  dim: number,
): void {
  if (dim === pool.dim) pool.copyRows(firstPassage, rows, tile, 0);
  else {
    tile.fill(0);
    for (let row = 0; row < rows; row++) pool.copyRows(firstPassage + row, 1, tile, row * dim);
  }
}
