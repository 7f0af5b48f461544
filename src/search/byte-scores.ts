import type { Embeddings } from '../embed/encoder.js';
import { float32Tensor, int8Tensor, type Session, uint8Tensor } from '../onnx/session.js';
import type { FastScores } from './fast-scores.js';
import { roundToLanes, type ScanKernel, type ScanMemory } from './scan-memory.js';

/** The byte that stands for zero in a passage, and the most that others differ from it. */
export const ZERO = 128;
export const PASSAGE_LEVELS = 127;

/** What a pool's vectors are rounded by, and what that means for their scores. */
export interface BytePool {
  /** A passage's value is about step · (byte - ZERO). */
  readonly step: number;
  /** The length of the longest vector, and of the longest difference from a rounded one. */
  readonly maxNorm: number;
  readonly maxResidual: number;
  /** The largest signed byte of a query. */
  readonly queryLevels: number;
}

/** Covers what float64 loses in the lengths that a bound is made from. */
const SLACK = 1 + 2 ** -30;

/**
 * Scores of vectors that are rounded to bytes. With q', x' the rounded ones, |q·x - q'·x'| <= |q - q'|·|x| + |q'|·|x - x'|, of which
 * the longest x and x - x' of the pool are taken.
 *
 * @param session `models/byte-scores.onnx`
 */
export function createByteScores(
  kernel: ScanKernel,
  session: Session,
  { step, maxNorm, maxResidual, queryLevels }: BytePool,
): FastScores {
  return {
    listed: 6,
    prepare(memory, queries) {
      const width = memory.shape.dim;
      const bytes = bytesOf(memory).fill(0);
      const lost = boundLost(width, queryLevels);
      for (let query = 0; query < queries.count; query++) {
        const queryStep = stepOf(queries, query, queryLevels);
        const { residual, norm } = roundQuery(queries, query, queryStep, placesOf(memory, query, bytes));
        const scale = 1 / (step * queryStep);
        memory.scales[query] = scale;
        memory.errors[query] = (residual * maxNorm + norm * maxResidual) * scale * SLACK + lost;
      }
    },
    load({ parts, shape: { dim } }, rows) {
      kernel.toBytes(parts.tile, rows * dim, parts.bytes, 1 / step, PASSAGE_LEVELS, ZERO);
    },
    async score({ buffer, parts, shape: { dim } }, { firstRow, rows, first, count }) {
      const passages = new Uint8Array(buffer, parts.bytes + firstRow * dim, rows * dim);
      const queries = new Int8Array(buffer, parts.factors + first * dim, count * dim);
      const scores = new Float32Array(buffer, parts.scores, rows * count);
      await multiply(session, { passages, queries, scores, dim });
      kernel.scan(parts.scores, firstRow, rows, first, count);
    },
  };
}

/**
 * What a sum of products of bytes can be off by beside their rounding: beyond 2^24 whole numbers are off by 2^-24 in float32, and
 * the score that it stands for is itself a sum in float64, as are the lengths, which may come out as 0.
 */
function boundLost(width: number, queryLevels: number): number {
  const largestSum = width * queryLevels * PASSAGE_LEVELS;
  const ofFloat32 = largestSum > 2 ** 24 ? 2 ** -24 : 0;
  return largestSum * (ofFloat32 + (width + 8) * 2 ** -52);
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
function stepOf({ data, dim }: Embeddings, query: number, levels: number): number {
  let largest = 0;
  for (let i = query * dim; i < (query + 1) * dim; i++) largest = Math.max(largest, Math.abs(data[i] as number));
  return largest === 0 ? 1 : largest / levels;
}

/** @returns the lengths of what rounding a query leaves, and of the rounded query */
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
  return { residual: step * Math.sqrt(residual), norm: step * Math.sqrt(norm) };
}

/** Of the shape of a block; the sums of shorter tiles are made by the same instructions. */
const [CHECKED_ROWS, CHECKED_QUERIES] = [1024, 256];

/**
 * The largest signed bytes of queries that this processor multiplies exactly: some add up two products in 16 bits, which
 * 2 · 255 · 127 overflows. Nothing where even smaller ones come out wrong.
 *
 * @param session `models/byte-scores.onnx`
 */
export async function findQueryLevels(session: Session, dim: number): Promise<number | undefined> {
  for (const levels of [127, 63]) {
    if ((await isExact(session, dim, levels)) && (await isExact(session, dim, -levels))) return levels;
  }
  return undefined;
}

/** Tries the largest products of one sign, with which every sum of some of them is as large as can be. */
async function isExact(session: Session, dim: number, level: number): Promise<boolean> {
  const passages = new Uint8Array(CHECKED_ROWS * dim).fill(ZERO + PASSAGE_LEVELS);
  const queries = new Int8Array(CHECKED_QUERIES * dim).fill(level);
  const scores = new Float32Array(CHECKED_ROWS * CHECKED_QUERIES);
  await multiply(session, { passages, queries, scores, dim });
  const expected = Math.fround(dim * PASSAGE_LEVELS * level);
  return scores.every((score) => score === expected);
}

interface ByteProduct {
  readonly passages: Uint8Array;
  readonly queries: Int8Array;
  readonly scores: Float32Array;
  readonly dim: number;
}

async function multiply(session: Session, { passages, queries, scores, dim }: ByteProduct): Promise<void> {
  const [rows, count] = [passages.length / dim, queries.length / dim];
  await session.run(
    {
      passages: uint8Tensor(passages, [rows, dim]),
      queries: int8Tensor(queries, [dim, count]),
      zero: uint8Tensor(Uint8Array.of(ZERO), []),
    },
    { scores: float32Tensor(scores, [rows, count]) },
  );
}
