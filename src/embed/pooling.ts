import { HnMineError } from '../errors.js';
import type { Role } from './encoder.js';

/** How token vectors become one: the names and order are those of sentence-transformers' `Pooling`. */
export type PoolingMode = 'cls' | 'max' | 'mean' | 'mean_sqrt_len' | 'weightedmean' | 'lasttoken';

/** The token vectors of one text: `count` rows of `width` values at `start`, the first `skip` of them not pooled. */
export interface TokenVectors {
  readonly data: Float32Array;
  readonly start: number;
  readonly count: number;
  readonly width: number;
  readonly skip: number;
}

/** Pools in each mode and joins the results. Sums are kept in float64 over the text's own tokens, padding never among them. */
export function poolTokens(tokens: TokenVectors, modes: readonly PoolingMode[]): Float32Array {
  const pooled = new Float32Array(modes.length * tokens.width);
  modes.forEach((mode, i) => {
    pooled.set(poolOne(tokens, mode), i * tokens.width);
  });
  return pooled;
}

function poolOne(tokens: TokenVectors, mode: PoolingMode): Float32Array | Float64Array {
  const { data, start, count, width } = tokens;
  // A prompt that fills the whole text leaves nothing: then everything counts, and no vector is empty.
  const skip = tokens.skip < count ? tokens.skip : 0;
  const rowAt = (token: number) => data.subarray(start + token * width, start + (token + 1) * width);
  switch (mode) {
    case 'cls':
      return rowAt(skip);
    case 'lasttoken':
      return rowAt(count - 1);
    case 'max':
      return foldRows(tokens, skip, Number.NEGATIVE_INFINITY, (most, value) => Math.max(most, value));
    case 'mean':
      return scale(foldRows(tokens, skip, 0, add), 1 / (count - skip));
    case 'mean_sqrt_len':
      return scale(foldRows(tokens, skip, 0, add), 1 / Math.sqrt(count - skip));
    case 'weightedmean': {
      const weights = ((count - skip) * (count + skip + 1)) / 2;
      return scale(
        foldRows(tokens, skip, 0, (sum, value, token) => sum + value * (token + 1)),
        1 / weights,
      );
    }
  }
}

function add(sum: number, value: number): number {
  return sum + value;
}

function foldRows(
  { data, start, count, width }: TokenVectors,
  skip: number,
  initial: number,
  fold: (folded: number, value: number, token: number) => number,
): Float64Array {
  const folded = new Float64Array(width).fill(initial);
  for (let token = skip; token < count; token++) {
    const row = start + token * width;
    for (let i = 0; i < width; i++) folded[i] = fold(folded[i] as number, data[row + i] as number, token);
  }
  return folded;
}

function scale(values: Float64Array, factor: number): Float64Array {
  return values.map((value) => value * factor);
}

/** Brings a vector to length 1, in place; a zero vector stays as it is. */
export function normalizeVector(vector: Float32Array): void {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  if (length === 0) return;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}

/** The error for the vector of a text that cannot be ranked by. @param found see `describeUnusable` */
export function unusableEmbedding(name: string, role: Role, text: string, found: string): HnMineError {
  const start = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return new HnMineError('model', `${name}: the embedding of the ${role} ${start} ${found}`);
}

/** Why a vector cannot be ranked by; nothing where it can. */
export function describeUnusable(vector: Float32Array): string | undefined {
  if (vector.every((value) => value === 0)) return 'is all zeros';
  return vector.every(Number.isFinite) ? undefined : 'holds a value that is no number';
}
