import type { RunInto } from '../onnx/run-into.js';
import { int8Tensor, int32Tensor, uint8Tensor } from '../onnx/session.js';

/** The byte that stands for zero in a passage, and the most that others differ from it. */
export const ZERO = 128;
export const PASSAGE_LEVELS = 127;

/** How large the signed bytes of a query may be, so that their products with passages are summed up exactly. */
export interface QueryLevels {
  readonly largest: number;
  /** The magnitudes of two values that stand side by side, the first of them in an even place, and have the same sign. */
  readonly pair: number;
}

export interface ByteProduct {
  /** rows · dim unsigned bytes around ZERO */
  readonly passages: Uint8Array;
  /** dim · count signed bytes: a query is a column */
  readonly queries: Int8Array;
  /** rows · count */
  readonly sums: Int32Array;
  readonly dim: number;
}

/** @param run `models/byte-products.onnx` */
export async function multiplyBytes(run: RunInto, { passages, queries, sums, dim }: ByteProduct): Promise<void> {
  const [rows, count] = [passages.length / dim, queries.length / dim];
  await run(
    {
      passages: uint8Tensor(passages, [rows, dim]),
      queries: int8Tensor(queries, [dim, count]),
      zero: uint8Tensor(Uint8Array.of(ZERO), []),
    },
    { sums: int32Tensor(sums, [rows, count]) },
  );
}

/**
 * VNNI has room for all sums. AVX2 adds the products of two neighbours in 16 bits, which 255 · (127 + 127) overflows and
 * 255 · (64 + 64) does not; what adds up others can take half of the levels.
 */
const CHOICES: readonly QueryLevels[] = [
  { largest: 127, pair: 254 },
  { largest: 127, pair: 128 },
  { largest: 63, pair: 126 },
];

/** Of the shape of a block; the sums of shorter tiles are made by the same instructions. */
const CHECKED_ROWS = 1024;
const LANES = 256;

/**
 * The largest signed bytes of queries that this processor multiplies exactly; nothing where even small ones come out wrong.
 *
 * @param run `models/byte-products.onnx`
 */
export async function findQueryLevels(run: RunInto, dim: number): Promise<QueryLevels | undefined> {
  for (const levels of CHOICES) if (await isExact(run, dim, levels)) return levels;
  return undefined;
}

/** Tries the largest products of one sign, with which every sum of some of them is as large as can be. */
async function isExact(run: RunInto, dim: number, levels: QueryLevels): Promise<boolean> {
  const patterns = layPatterns(dim, levels);
  const count = Math.ceil(patterns.length / LANES) * LANES;
  const queries = new Int8Array(dim * count);
  for (const [column, pattern] of patterns.entries()) {
    for (const [i, value] of pattern.entries()) queries[i * count + column] = value;
  }
  const passages = new Uint8Array(CHECKED_ROWS * dim).fill(ZERO + PASSAGE_LEVELS);
  const sums = new Int32Array(CHECKED_ROWS * count);
  await multiplyBytes(run, { passages, queries, sums, dim });
  const expected = patterns.map((pattern) => PASSAGE_LEVELS * pattern.reduce((sum, value) => sum + value, 0));
  return sums.every((sum, at) => sum === (expected[at % count] ?? 0));
}

/**
 * Queries of a large and a small value in each pair, in either order. Any two places of different pairs are both large in one of
 * them: their pairs' numbers differ in a bit, by which the order goes in one pattern, and have it the same way round in another.
 */
function layPatterns(dim: number, { largest, pair }: QueryLevels): number[][] {
  const small = pair - largest;
  const bits = Math.ceil(Math.log2(dim / 2)) + 1;
  const patterns: number[][] = [];
  for (let bit = 0; bit < bits; bit++) {
    for (const turned of [0, 1]) {
      const place = (i: number) => (((i >> 1) >> bit) & 1) ^ turned ^ (i & 1);
      const values = Array.from({ length: dim }, (_, i) => (place(i) === 0 ? largest : small));
      patterns.push(
        values,
        values.map((value) => -value),
      );
    }
  }
  return patterns;
}
