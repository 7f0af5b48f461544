import { fileURLToPath } from 'node:url';
import { createRunInto, type RunInto } from '../onnx/run-into.js';
import { openSession, type SessionPlace } from '../onnx/session.js';
import { findQueryLevels } from './byte-products.js';
import { createByteScores } from './byte-scores.js';
import { type ByteTiles, createByteTiles } from './byte-tiles.js';
import type { FastScores } from './fast-scores.js';
import { createFasterChoice } from './faster-choice.js';
import { createFloatScores } from './float-scores.js';
import { layOut, type ScanKernel } from './scan-memory.js';
import type { ScanLimits } from './scan-plan.js';
import type { Tiles } from './tiles.js';

export interface SearchSize {
  readonly k: number;
  readonly queries: number;
  readonly passages: number;
  /** Whether the queries have ceilings. */
  readonly isLimited: boolean;
}

/** The ways to multiply, which all lead to the same results. */
export interface ScoreWays {
  /** One of them, and whom to tell how long it took a query. */
  choose(size: SearchSize): Promise<{ scores: FastScores; tell(time: number): void }>;
}

interface Engine {
  readonly kernel: ScanKernel;
  readonly tiles: Tiles;
  readonly place: SessionPlace;
  readonly shared?: SharedArrayBuffer | undefined;
}

interface TileShape {
  readonly dim: number;
  readonly tileRows: number;
}

/** In smaller searches the second way would cost more to set up than it could spare: scores. */
const LEAST_WORK = 2 ** 24;

/** With so many times that work ahead, the second way will be tried. */
const MUCH_WORK = 8;

/** Larger and smaller values would leave the range of float32 where they are rounded to bytes. */
const [SMALLEST_VALUE, LARGEST_VALUE] = [2 ** -60, 2 ** 60];

/**
 * Products of float32 and of bytes. Which is faster depends on the processor, and on how many passages score so alike that
 * bytes do not tell them apart, so each is tried, on searches of about the same k.
 *
 * @param product the only one, where it is given
 * @param expected how many queries; for many, both ways are set up at once
 */
export async function openScoreWays(
  engine: Engine,
  shape: TileShape,
  { product, expected = 0 }: { product?: ScanLimits['product'] | undefined; expected?: number | undefined },
): Promise<ScoreWays> {
  const longest = measureLongest(engine, shape);
  const floats = createFloatScores(engine, await openGraph('scores', engine.place), longest.norm);
  let opening: Promise<FastScores | undefined> | undefined;
  const openBytes = () => {
    opening ??= openByteScores(engine, shape, longest);
    return opening;
  };
  if (product === undefined && expected * engine.tiles.passages >= MUCH_WORK * LEAST_WORK) await openBytes();
  const choice = createFasterChoice<FastScores>();
  return {
    async choose({ k, queries, passages, isLimited }) {
      const isSmall = queries * passages < LEAST_WORK;
      if (product === 'float32' || (product === undefined && isSmall)) return { scores: floats, tell() {} };
      if (product === 'int8') return { scores: (await openBytes()) ?? floats, tell() {} };
      const kind = `${Math.round(Math.log2(k))} ${Math.round(Math.log2(queries))} ${isLimited}`;
      // The first search of a kind sets nothing up: it may be the only one.
      const bytes = choice.hasTried(kind, floats) ? await openBytes() : undefined;
      const scores = choice.choose(kind, bytes ? [floats, bytes] : [floats]);
      return { scores, tell: (time) => choice.tell(kind, scores, time) };
    },
  };
}

/** Nothing where the pool's values, or the processor, allow no exact products of bytes. */
async function openByteScores(
  engine: Engine,
  shape: TileShape,
  { norm: maxNorm, value }: { norm: number; value: number },
): Promise<FastScores | undefined> {
  if (!(value >= SMALLEST_VALUE && value <= LARGEST_VALUE)) return undefined;
  const run = await openGraph('byte-products', engine.place);
  const queryLevels = await findQueryLevels(run, shape.dim);
  if (queryLevels === undefined) return undefined;
  const byteTiles = createByteTiles(engine.kernel, engine.tiles, value, engine.shared);
  const maxResidual = measureResidual(engine, shape, byteTiles);
  return createByteScores({ ...engine, byteTiles }, run, { maxNorm, maxResidual, queryLevels });
}

async function openGraph(name: string, place: SessionPlace): Promise<RunInto> {
  const file = fileURLToPath(new URL(`../../models/${name}.onnx`, import.meta.url));
  return createRunInto(await openSession(file, place));
}

const NOTHING = { blockRows: 0, blockQueries: 0, queries: 0, k: 1, capacity: 0, isPutOff: false, room: 0 };

/** The length of the longest passage vector, and the largest of all values. */
function measureLongest({ kernel, tiles }: Engine, shape: TileShape): { norm: number; value: number } {
  const memory = layOut(kernel, { ...shape, ...NOTHING });
  let [norm, value] = [0, 0];
  for (const tile of tiles.visitAll()) {
    tiles.load(memory.tile, tile);
    norm = Math.max(norm, kernel.longest(memory.parts.tile, tile.rows, shape.dim));
    value = Math.max(value, kernel.largest(memory.parts.tile, tile.rows * shape.dim));
  }
  return { norm, value };
}

/** The length of the longest difference that rounding to bytes makes. */
function measureResidual({ kernel, tiles }: Engine, shape: TileShape, byteTiles: ByteTiles): number {
  const memory = layOut(kernel, { ...shape, ...NOTHING });
  const { rowSteps, rowResiduals } = memory;
  let longest = 0;
  for (const tile of tiles.visitAll()) {
    byteTiles.load(memory, tile);
    for (let row = 0; row < tile.rows; row++) {
      longest = Math.max(longest, (rowSteps[row] as number) * (rowResiduals[row] as number));
    }
  }
  return longest;
}
