import type { PassageVectors } from './passage-vectors.js';

/** Where a tile lies in the pool. */
export interface TilePlace {
  readonly number: number;
  readonly firstPassage: number;
  readonly rows: number;
}

/** The pool in tiles, of which one at a time is loaded. */
export interface Tiles {
  /** How many passages the pool has. */
  readonly passages: number;
  /** All tiles, beginning with the one loaded last if it is at an end. */
  visitAll(): TilePlace[];
  /** Copies a tile, unless it is the loaded one. @param target the same for all */
  load(target: Float32Array, tile: TilePlace): void;
  /** Copies passages from all over the pool, the same ones each time. @returns how many: a tile's */
  loadSample(target: Float32Array): number;
}

/** @param dim of the rows, no less than the pool's; the rest are zeros */
export function createTiles(pool: PassageVectors, { dim, tileRows }: { dim: number; tileRows: number }): Tiles {
  const all = Array.from({ length: Math.ceil(pool.count / tileRows) }, (_, number): TilePlace => {
    const firstPassage = number * tileRows;
    return { number, firstPassage, rows: Math.min(tileRows, pool.count - firstPassage) };
  });
  let loaded = -1;
  return {
    passages: pool.count,
    visitAll: () => (loaded <= 0 ? all : all.toReversed()),
    load(target, tile) {
      if (tile.number !== loaded) copyRows(pool, tile, target, dim);
      loaded = tile.number;
    },
    loadSample(target) {
      loaded = -1;
      if (dim !== pool.dim) target.fill(0);
      for (const [row, passage] of drawSample(tileRows, pool.count).entries()) {
        pool.copyRows(passage, 1, target, row * dim);
      }
      return tileRows;
    },
  };
}

function copyRows(pool: PassageVectors, { firstPassage, rows }: TilePlace, tile: Float32Array, dim: number): void {
  if (dim === pool.dim) pool.copyRows(firstPassage, rows, tile, 0);
  else {
    tile.fill(0);
    for (let row = 0; row < rows; row++) pool.copyRows(firstPassage + row, 1, tile, row * dim);
  }
}

/** A passage from each of as many equal parts of the pool: not every n-th one, which may be a special one. */
function drawSample(size: number, count: number): number[] {
  let state = 1;
  return Array.from({ length: size }, (_, part) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((part + state / 2 ** 32) * count) / size);
  });
}
