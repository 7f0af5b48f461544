import type { Embeddings } from '../embed/encoder.js';
import { guessCuts } from './cut-guess.js';
import { type FastScores, scoreTile } from './fast-scores.js';
import { roundDown, roundUp } from './rounding.js';
import { clearLists, layOut, type ScanKernel, type ScanMemory, type ScanShape } from './scan-memory.js';
import type { TilePlace, Tiles } from './tiles.js';
import type { Neighbours } from './vector-index.js';

export interface Engine {
  readonly kernel: ScanKernel;
  readonly tiles: Tiles;
  readonly scores: FastScores;
}

/** Queries that pass the tiles together. */
export interface Batch {
  readonly queries: Embeddings;
  readonly below: Float64Array | undefined;
  /** The rank in a sample by which cuts are guessed. */
  readonly rank: number | undefined;
}

/**
 * All tiles against a batch of queries.
 *
 * @returns nothing for a query whose guess was too high
 */
export async function scanTiles(
  engine: Engine,
  shape: ScanShape,
  { queries, below, rank }: Batch,
): Promise<(Neighbours | undefined)[]> {
  const { kernel, tiles, scores } = engine;
  const { count } = queries;
  const memory = layOut(kernel, shape);
  startSearch(memory, queries, below);
  scores.prepare(memory, queries);
  if (below) setCeilings(memory, below);
  const guesses = rank === undefined ? undefined : await guessCuts(engine, memory, { rank, count });
  const order = tiles.visitAll();
  for (const tile of order) {
    enterTile(engine, memory, tile);
    scores.load(memory, tile);
    await scoreTile(scores, memory, { rows: tile.rows, bound: 1 });
    kernel.settle(0, count, shape.isPutOff);
  }
  if (shape.isPutOff) resolvePutOff(engine, memory, { order, count });
  kernel.finish(0, count);
  return Array.from({ length: count }, (_, query) => {
    const neighbours = readNeighbours(memory, query);
    return guesses && !isSure(memory, query, { neighbours, guess: guesses[query] as number }) ? undefined : neighbours;
  });
}

/** Exact scores are of this tile from now on. */
function enterTile({ kernel, tiles }: Engine, memory: ScanMemory, tile: TilePlace): void {
  memory.tellKernel(tile.firstPassage);
  kernel.hooks.loadTile = () => tiles.load(memory.tile, tile);
}

/**
 * Scores what was put off, now that no more will be dropped: first those that seem to be the best, and then what the exact scores of
 * these leave. The tile visited last comes first.
 */
function resolvePutOff(
  engine: Engine,
  memory: ScanMemory,
  { order, count }: { order: readonly TilePlace[]; count: number },
): void {
  const { kernel } = engine;
  const visit = (tile: TilePlace, isRest: boolean) => {
    enterTile(engine, memory, tile);
    kernel.resolve(0, count, tile.rows, isRest);
  };
  kernel.order(0, count);
  for (const tile of order.toReversed()) visit(tile, false);
  if (memory.listCounts.some((rest) => rest > 0)) for (const tile of order) visit(tile, true);
}

/** Queries that only fill a block up take no passage. */
function startSearch(memory: ScanMemory, { data, dim, count }: Embeddings, below: Float64Array | undefined): void {
  memory.thresholds.fill(Number.POSITIVE_INFINITY).fill(Number.NEGATIVE_INFINITY, 0, count);
  memory.ceilings.fill(Number.POSITIVE_INFINITY);
  memory.surelyBelow.fill(Number.POSITIVE_INFINITY);
  memory.limits.fill(Number.POSITIVE_INFINITY);
  if (below) memory.limits.set(below);
  clearLists(memory);
  const width = memory.shape.dim;
  memory.vectors.fill(0);
  for (let query = 0; query < count; query++) {
    memory.vectors.set(data.subarray(query * dim, (query + 1) * dim), query * width);
  }
}

function setCeilings(memory: ScanMemory, limits: Float64Array): void {
  const { ceilings, surelyBelow, scales, above, below } = memory;
  for (let query = 0; query < limits.length; query++) {
    const limit = (limits[query] as number) * (scales[query] as number);
    ceilings[query] = roundUp(limit + (below[query] as number));
    surelyBelow[query] = roundDown(limit - (above[query] as number));
  }
}

/** Whether all that scores as high as the last of k neighbours reached the guess. */
function isSure(
  { shape, scales, above }: ScanMemory,
  query: number,
  { neighbours, guess }: { neighbours: Neighbours; guess: number },
): boolean {
  const last = (neighbours.scores[shape.k - 1] ?? Number.NEGATIVE_INFINITY) * (scales[query] as number);
  return last - Math.abs(last) * 2 ** -50 > guess + (above[query] as number);
}

function readNeighbours({ bestCounts, bestPassages, bestScores, shape }: ScanMemory, query: number): Neighbours {
  const start = query * shape.room;
  const end = start + (bestCounts[query] as number);
  return { passages: bestPassages.slice(start, end), scores: bestScores.slice(start, end) };
}
