import type { Embeddings } from '../embed/encoder.js';
import { gatherRows, sliceRows } from '../embed/gather-rows.js';
import type { SessionPlace } from '../onnx/session.js';
import { planGuess } from './cut-guess.js';
import type { PassageVectors } from './passage-vectors.js';
import { loadScanKernel, type ScanShape } from './scan-memory.js';
import { padDimension, planSearch, planTile, type ScanLimits } from './scan-plan.js';
import { type Engine, scanTiles } from './scan-tiles.js';
import { openScoreWays } from './score-ways.js';
import { createTiles } from './tiles.js';
import type { Neighbours } from './vector-index.js';

/** Searches below ceilings, one for each query, where they are given. */
export type TileSearch = (queries: Embeddings, k: number, below?: Float64Array) => Promise<Neighbours[]>;

/**
 * Exact search over the pool's tiles. Fast approximate scores of known error leave out all passages that k
 * others surely surpass; the exact scores of the rest decide. They are computed in a second pass over the tiles, or, where that
 * would cost more than it spares, while a tile is in memory.
 *
 * @param bytes memory of `measureByteTiles` bytes, the same for all workers
 * @param expected how many queries
 */
export async function createTileSearch(
  pool: PassageVectors,
  place: SessionPlace,
  limits: ScanLimits,
  { bytes, expected = 0 }: { bytes?: SharedArrayBuffer | undefined; expected?: number } = {},
): Promise<TileSearch> {
  const kernel = loadScanKernel();
  const dim = padDimension(pool.dim);
  const tileRows = planTile(dim, pool.count, limits);
  const tiles = createTiles(pool, { dim, tileRows });
  const engine = { kernel, tiles, place, shared: bytes };
  const ways = await openScoreWays(engine, { dim, tileRows }, { product: limits.product, expected });
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
      found.push(...(await searchBatch({ kernel, tiles, scores }, shape, batch, ceilings)));
      tell((performance.now() - began) / batch.count);
    }
    return found;
  };
}

const NOTHING: Neighbours = { passages: new Int32Array(0), scores: new Float64Array(0) };

/** Begins with a guess where that pays, and goes without where it was too high. */
async function searchBatch(
  engine: Engine,
  shape: ScanShape,
  queries: Embeddings,
  below: Float64Array | undefined,
): Promise<Neighbours[]> {
  const isGuessed = engine.scores.loadSample && shape.isPutOff && !below;
  const rank = isGuessed ? planGuess({ k: shape.k, sample: shape.tileRows, count: engine.tiles.passages }) : undefined;
  const found = await scanTiles(engine, shape, { queries, below, rank });
  const unsure = found.flatMap((neighbours, query) => (neighbours ? [] : query));
  if (unsure.length > 0) {
    const again = { queries: gatherRows(queries, unsure), below: undefined, rank: undefined };
    const sure = await scanTiles(engine, { ...shape, queries: unsure.length }, again);
    for (const [i, query] of unsure.entries()) found[query] = sure[i];
  }
  return found as Neighbours[];
}
