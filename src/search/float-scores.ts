import type { RunInto } from '../onnx/run-into.js';
import { float32Tensor } from '../onnx/session.js';
import type { FastScores } from './fast-scores.js';
import { vectorNorm } from './inner-product.js';
import { boundFloatError } from './rounding.js';
import { roundToLanes, type ScanKernel } from './scan-memory.js';
import type { Tiles } from './tiles.js';

/** Scores between these need no scaling: neither they nor their products leave the range of float32. */
const [SMALLEST_SCORE, LARGEST_SCORE] = [2 ** -40, 2 ** 40];
const LARGEST_QUERY = 2 ** 120;

/**
 * Scores in float32.
 *
 * @param run `models/scores.onnx`
 * @param maxNorm the length of the longest passage vector
 */
export function createFloatScores(
  { kernel, tiles }: { kernel: ScanKernel; tiles: Tiles },
  run: RunInto,
  maxNorm: number,
): FastScores {
  return {
    listed: 2,
    prepare(memory, { data, dim, count }) {
      const width = memory.shape.dim;
      const factors = new Float32Array(
        memory.buffer,
        memory.parts.factors,
        roundToLanes(memory.shape.queries) * width,
      ).fill(0);
      for (let query = 0; query < count; query++) {
        const norm = vectorNorm(data, query * dim, dim);
        const scale = chooseScale(norm, maxNorm);
        for (let i = 0; i < dim; i++) factors[query * width + i] = (data[query * dim + i] as number) * scale;
        const error = boundFloatError(norm * scale, maxNorm, width, scale);
        memory.scales[query] = scale;
        memory.above[query] = error;
        memory.below[query] = error;
      }
    },
    load({ tile }, place) {
      tiles.load(tile, place);
    },
    async score({ buffer, parts, shape: { dim } }, { firstRow, rows, first, count }) {
      const passages = new Float32Array(buffer, parts.tile + 4 * firstRow * dim, rows * dim);
      const queries = new Float32Array(buffer, parts.factors + 4 * first * dim, count * dim);
      const scores = new Float32Array(buffer, parts.scores, rows * count);
      await run(
        { passages: float32Tensor(passages, [rows, dim]), queries: float32Tensor(queries, [count, dim]) },
        { scores: float32Tensor(scores, [rows, count]) },
      );
      kernel.scan(parts.scores, firstRow, rows, first, count);
    },
  };
}

/** A power of two that keeps the largest possible score, and the query, in the range of float32. */
function chooseScale(norm: number, maxNorm: number): number {
  const largest = norm * maxNorm;
  if (largest === 0 || (largest >= SMALLEST_SCORE && largest <= LARGEST_SCORE)) return 1;
  return 2 ** Math.floor(Math.min(-Math.log2(largest), Math.log2(LARGEST_QUERY / norm)));
}
