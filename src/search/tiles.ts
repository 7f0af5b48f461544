import type { PassageVectors } from './passage-vectors.js';

/** The pool in tiles, of which the last one visited stays loaded. */
export interface Tiles {
  /** All tiles' numbers, beginning with the loaded one. */
  visitAll(): number[];
  /** Copies a tile, unless it is the loaded one. @param target the same for all */
  load(target: Float32Array, tile: number): { firstPassage: number; rows: number };
}

/** @param dim of the rows, no less than the pool's; the rest are zeros */
export function createTiles(pool: PassageVectors, { dim, tileRows }: { dim: number; tileRows: number }): Tiles {
  const count = Math.ceil(pool.count / tileRows);
  let loaded = -1;
  return {
    visitAll: () => {
      const forwards = Array.from({ length: count }, (_, tile) => tile);
      return loaded <= 0 ? forwards : forwards.reverse();
    },
    load: (target, tile) => {
      const firstPassage = tile * tileRows;
      const rows = Math.min(tileRows, pool.count - firstPassage);
      if (tile !== loaded) copyRows(pool, { firstPassage, rows }, target, dim);
      loaded = tile;
      return { firstPassage, rows };
    },
  };
}

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
