import type { PassageVectors } from './passage-vectors.js';
import { loadScanKernel } from './scan-memory.js';
import { growTo } from './wasm.js';

/** Computes exact scores, the same bits as `innerProduct`, several times as fast. */
export interface Scorer {
  /** The scores of some passages for one query. */
  score(query: Float32Array, passages: PassageVectors, wanted: Int32Array): Float64Array;
  /** The length of the longest vector. */
  longestNorm(passages: PassageVectors): number;
}

/** Vectors scored at once: enough to make a call cheap, few enough to stay in cache. */
const BATCH_ROWS = 256;
/** The kernel scores four vectors at a time. */
const MOST_BEYOND = 3;

/**
 * A scorer in WebAssembly (`scripts/scan.ts`): two float64 lanes at a time, which JavaScript has no instruction for.
 *
 * @param dim of query and passages
 */
export function createScorer(dim: number): Scorer {
  const kernel = loadScanKernel();
  const stride = Math.ceil(dim / 4) * 4;
  const rowsAt = stride * Float64Array.BYTES_PER_ELEMENT;
  const scoresAt = rowsAt + BATCH_ROWS * stride * Float32Array.BYTES_PER_ELEMENT;
  const bytes = scoresAt + (BATCH_ROWS + MOST_BEYOND) * Float64Array.BYTES_PER_ELEMENT;
  growTo(kernel.memory, bytes);
  const { buffer } = kernel.memory;
  const queryMemory = new Float64Array(buffer, 0, dim);
  const rowMemory = new Float32Array(buffer, rowsAt, BATCH_ROWS * stride);
  const scoreMemory = new Float64Array(buffer, scoresAt, BATCH_ROWS);
  return {
    score(query, passages, wanted) {
      const scores = new Float64Array(wanted.length);
      queryMemory.set(query);
      for (let start = 0; start < wanted.length; start += BATCH_ROWS) {
        const count = Math.min(BATCH_ROWS, wanted.length - start);
        for (let i = 0; i < count; i++) passages.copyRows(wanted[start + i] as number, 1, rowMemory, i * stride);
        kernel.score(0, rowsAt, count, stride, scoresAt);
        scores.set(scoreMemory.subarray(0, count), start);
      }
      return scores;
    },
    longestNorm(passages) {
      // Without padding, vectors can be copied many at a time.
      const batch = stride === dim ? BATCH_ROWS : 1;
      let longest = 0;
      for (let start = 0; start < passages.count; start += batch) {
        const count = Math.min(batch, passages.count - start);
        passages.copyRows(start, count, rowMemory, 0);
        longest = Math.max(longest, kernel.longest(rowsAt, count, stride));
      }
      return longest;
    },
  };
}
