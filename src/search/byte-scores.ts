import type { Embeddings } from '../embed/encoder.js';
import type { RunInto } from '../onnx/run-into.js';
import { multiplyBytes, type QueryLevels } from './byte-products.js';
import type { ByteTiles } from './byte-tiles.js';
import type { FastScores } from './fast-scores.js';
import { roundToLanes, type ScanKernel, type ScanMemory } from './scan-memory.js';
import type { Tiles } from './tiles.js';

/** What a pool's vectors are rounded by, and what that means for their scores. */
export interface BytePool {
  /** The length of the longest vector, and of the longest difference from a rounded one. */
  readonly maxNorm: number;
  readonly maxResidual: number;
  readonly queryLevels: QueryLevels;
}

/** Covers what float64, and the float32 of rows' terms, lose of a bound. */
const SLACK = 1 + 2 ** -18;

/**
 * Scores of vectors that are rounded to bytes, each in steps of its own. With q', x' the rounded ones,
 * |q·x - q'·x'| <= |q - q'|·|x| + |q'|·|x - x'|. A row's products are raised by the second part, for the largest |q'| of the
 * queries in their steps; the first part, for the largest |x|, is how far an exact score can be above that.
 *
 * @param run `models/byte-products.onnx`
 */
export function createByteScores(
  { kernel, tiles, byteTiles }: { kernel: ScanKernel; tiles: Tiles; byteTiles: ByteTiles },
  run: RunInto,
  { maxNorm, maxResidual, queryLevels }: BytePool,
): FastScores {
  let longestQuery = 0;
  return {
    listed: 9,
    prepare(memory, queries) {
      longestQuery = 0;
      const bytes = bytesOf(memory).fill(0);
      for (let query = 0; query < queries.count; query++) {
        const step = stepOf(queries, query, queryLevels);
        const { residual, norm } = roundQuery(queries, query, step, placesOf(memory, query, bytes));
        longestQuery = Math.max(longestQuery, norm * SLACK);
        memory.scales[query] = 1 / step;
        memory.above[query] = residual * maxNorm * SLACK;
      }
      const raised = longestQuery * maxResidual;
      for (let query = 0; query < queries.count; query++) {
        memory.below[query] = (memory.above[query] as number) + 2 * raised * SLACK;
      }
    },
    load: byteTiles.load,
    loadSample(memory) {
      const rows = tiles.loadSample(memory.tile);
      byteTiles.round(memory, rows);
      return rows;
    },
    async score({ buffer, parts, shape: { dim } }, { firstRow, rows, first, count }, bound) {
      const passages = new Uint8Array(buffer, parts.bytes + firstRow * dim, rows * dim);
      const queries = new Int8Array(buffer, parts.factors + first * dim, count * dim);
      const sums = new Int32Array(buffer, parts.scores, rows * count);
      await multiplyBytes(run, { passages, queries, sums, dim });
      kernel.scanSums(parts.scores, firstRow, rows, first, count, bound * longestQuery);
    },
  };
}

function bytesOf({ buffer, parts, shape: { dim, queries } }: ScanMemory): Int8Array {
  return new Int8Array(buffer, parts.factors, roundToLanes(queries) * dim);
}

/** Where the values of a query go: a block of queries is a column each. */
function placesOf({ shape: { dim, queries, blockQueries } }: ScanMemory, query: number, bytes: Int8Array) {
  const first = query - (query % blockQueries);
  const columns = Math.min(blockQueries, roundToLanes(queries) - first);
  return { bytes, start: first * dim + (query - first), stride: columns };
}

/** A query of zeros is its own rounding, whatever the step. */
function stepOf({ data, dim }: Embeddings, query: number, levels: QueryLevels): number {
  let [largest, pair] = [0, 0];
  for (let i = query * dim; i < (query + 1) * dim; i += 2) {
    const a = data[i] as number;
    const b = i + 1 < (query + 1) * dim ? (data[i + 1] as number) : 0;
    largest = Math.max(largest, Math.abs(a), Math.abs(b));
    if (a * b > 0) pair = Math.max(pair, Math.abs(a + b));
  }
  // Each of a pair may be rounded up by a half.
  return largest === 0 ? 1 : Math.max(largest / levels.largest, pair / (levels.pair - 1));
}

/** @returns the lengths of what rounding a query leaves, and of the rounded query, in steps */
function roundQuery(
  { data, dim }: Embeddings,
  query: number,
  step: number,
  { bytes, start, stride }: ReturnType<typeof placesOf>,
): { residual: number; norm: number } {
  let [residual, norm] = [0, 0];
  for (let i = 0; i < dim; i++) {
    const units = (data[query * dim + i] as number) / step;
    const byte = Math.round(units);
    bytes[start + i * stride] = byte;
    residual += (units - byte) ** 2;
    norm += byte ** 2;
  }
  return { residual: Math.sqrt(residual), norm: Math.sqrt(norm) };
}
