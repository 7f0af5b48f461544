import type { Embeddings } from '../embed/encoder.js';
import { sliceRows } from '../embed/gather-rows.js';
import type { SessionPlace } from '../onnx/session.js';
import type { FastScores } from './fast-scores.js';
import type { PassageVectors } from './passage-vectors.js';
import { roundDown, roundUp } from './rounding.js';
import {
  layOut,
  loadScanKernel,
  roundToLanes,
  type ScanKernel,
  type ScanMemory,
  type ScanShape,
} from './scan-memory.js';
import { planSearch, planTile, type ScanLimits } from './scan-plan.js';
import { openScoreWays } from './score-ways.js';
import { createTiles, type Tiles } from './tiles.js';
import type { Neighbours } from './vector-index.js';

/** Searches below ceilings, one for each query, where they are given. */
export type TileSearch = (queries: Embeddings, k: number, below?: Float64Array) => Promise<Neighbours[]>;

/**
 * Exact search over the pool's tiles. Fast approximate scores of known error leave out all passages that k
 * others surely surpass; the exact scores of the rest decide. They are computed in a second pass over the tiles, or, where that
 * would cost more than it spares, while a tile is in memory.
 */
export async function createTileSearch(
  pool: PassageVectors,
  place: SessionPlace,
  limits: ScanLimits,
): Promise<TileSearch> {
  const kernel = loadScanKernel();
  // The kernel sums four products at a time.
  const dim = Math.ceil(pool.dim / 4) * 4;
  const tileRows = planTile(dim, pool.count, limits);
  const tiles = createTiles(pool, { dim, tileRows });
  const ways = await openScoreWays({ kernel, tiles, place }, { dim, tileRows }, limits.product);
  return async (queries, k, below) => {
    const wanted = Math.min(k, pool.count);
    if (wanted === 0) return Array.from({ length: queries.count }, () => NOTHING);
    const found: Neighbours[] = [];
    while (found.length < queries.count) {
      const start = found.length;
      const rest = { k: wanted, queries: queries.count - start };
      const { scores, tell } = await ways.choose({ ...rest, passages: pool.count, isLimited: below !== undefined });
      const shape = planSearch({ dim, tileRows, count: pool.count }, { ...rest, listed: scores.listed }, limits);
      const batch = sliceRows(queries, start, start + shape.queries);
      const ceilings = below?.subarray(start, start + batch.count);
      const began = performance.now();
      found.push(...(await searchTiles({ kernel, tiles, scores }, shape, batch, ceilings)));
      tell((performance.now() - began) / batch.count);
    }
    return found;
  };
}

const NOTHING: Neighbours = { passages: new Int32Array(0), scores: new Float64Array(0) };

interface Engine {
  readonly kernel: ScanKernel;
  readonly tiles: Tiles;
  readonly scores: FastScores;
}

async function searchTiles(
  { kernel, tiles, scores }: Engine,
  shape: ScanShape,
  queries: Embeddings,
  below: Float64Array | undefined,
): Promise<Neighbours[]> {
  const memory = layOut(kernel, shape);
  const laneCount = roundToLanes(shape.queries);
  startSearch(memory, queries, below);
  scores.prepare(memory, queries);
  if (below) setCeilings(memory, below);
  const order = tiles.visitAll();
  for (const tile of order) {
    const { firstPassage, rows } = tiles.load(memory.tile, tile);
    memory.tellKernel(firstPassage);
    scores.load(memory, rows);
    for (let firstRow = 0; firstRow < rows; firstRow += shape.blockRows) {
      const count = Math.min(shape.blockRows, rows - firstRow);
      for (let first = 0; first < laneCount; first += shape.blockQueries) {
        const lanes = Math.min(shape.blockQueries, laneCount - first);
        await scores.score(memory, { firstRow, rows: count, first, count: lanes });
      }
    }
    kernel.settle(0, queries.count);
  }
  if (shape.pending > 0) resolvePending({ kernel, tiles }, memory, { order, count: queries.count });
  kernel.finish(0, queries.count);
  return Array.from({ length: queries.count }, (_, query) => readNeighbours(memory, query));
}

/** Scores what was put off, now that no more will be dropped; the tile that is loaded comes first. */
function resolvePending(
  { kernel, tiles }: Pick<Engine, 'kernel' | 'tiles'>,
  memory: ScanMemory,
  { order, count }: { order: readonly number[]; count: number },
): void {
  for (const tile of order.toReversed()) {
    const { firstPassage, rows } = tiles.load(memory.tile, tile);
    memory.tellKernel(firstPassage);
    kernel.resolve(0, count, rows);
  }
}

/** Queries that only fill a block up take no passage. */
function startSearch(memory: ScanMemory, { data, dim, count }: Embeddings, below: Float64Array | undefined): void {
  memory.thresholds.fill(Number.POSITIVE_INFINITY).fill(Number.NEGATIVE_INFINITY, 0, count);
  memory.ceilings.fill(Number.POSITIVE_INFINITY);
  memory.surelyBelow.fill(Number.POSITIVE_INFINITY);
  memory.limits.fill(Number.POSITIVE_INFINITY);
  if (below) memory.limits.set(below);
  memory.cuts.fill(Number.NEGATIVE_INFINITY);
  memory.hitCounts.fill(0);
  memory.bestCounts.fill(0);
  memory.pendingCounts.fill(0);
  const width = memory.shape.dim;
  memory.vectors.fill(0);
  for (let query = 0; query < count; query++) {
    memory.vectors.set(data.subarray(query * dim, (query + 1) * dim), query * width);
  }
}

function setCeilings(memory: ScanMemory, below: Float64Array): void {
  const { ceilings, surelyBelow, scales, errors } = memory;
  for (let query = 0; query < below.length; query++) {
    const limit = (below[query] as number) * (scales[query] as number);
    ceilings[query] = roundUp(limit + (errors[query] as number));
    surelyBelow[query] = roundDown(limit - (errors[query] as number));
  }
}

function readNeighbours({ bestCounts, bestPassages, bestScores, shape }: ScanMemory, query: number): Neighbours {
  const start = query * shape.room;
  const end = start + (bestCounts[query] as number);
  return { passages: bestPassages.slice(start, end), scores: bestScores.slice(start, end) };
}
