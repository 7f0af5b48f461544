import { describe, expect, it } from 'vitest';
import { normalizeVector, type PoolingMode, poolTokens } from '#dist/embed/pooling.js';

/** Three tokens of two values, between rows that belong to other texts or to padding. */
const DATA = Float32Array.of(9, 9, /**/ 1, 2, 3, -4, 5, 6, /**/ 99, -99);
const TOKENS = { data: DATA, start: 2, count: 3, width: 2 };

describe('poolTokens', () => {
  it.each<{ mode: PoolingMode; skip: number; expected: number[] }>([
    { mode: 'cls', skip: 0, expected: [1, 2] },
    { mode: 'lasttoken', skip: 0, expected: [5, 6] },
    { mode: 'max', skip: 0, expected: [5, 6] },
    { mode: 'mean', skip: 0, expected: [3, 4 / 3] },
    { mode: 'mean_sqrt_len', skip: 0, expected: [9 / Math.sqrt(3), 4 / Math.sqrt(3)] },
    { mode: 'weightedmean', skip: 0, expected: [(1 + 2 * 3 + 3 * 5) / 6, (2 - 2 * 4 + 3 * 6) / 6] },
    { mode: 'cls', skip: 1, expected: [3, -4] },
    { mode: 'lasttoken', skip: 1, expected: [5, 6] },
    { mode: 'max', skip: 2, expected: [5, 6] },
    { mode: 'mean', skip: 1, expected: [4, 1] },
    { mode: 'mean_sqrt_len', skip: 1, expected: [8 / Math.sqrt(2), 2 / Math.sqrt(2)] },
    // The weights stay those of the places in the whole text.
    { mode: 'weightedmean', skip: 1, expected: [(2 * 3 + 3 * 5) / 5, (-2 * 4 + 3 * 6) / 5] },
    { mode: 'mean', skip: 3, expected: [3, 4 / 3] },
    { mode: 'cls', skip: 7, expected: [1, 2] },
  ])('$mode without the first $skip tokens', ({ mode, skip, expected }) => {
    expect(poolTokens({ ...TOKENS, skip }, [mode])).toEqual(Float32Array.from(expected));
  });

  it('takes the largest value where all are negative', () => {
    const data = Float32Array.of(-3, -1, -2, -5);
    expect(poolTokens({ data, start: 0, count: 2, width: 2, skip: 0 }, ['max'])).toEqual(Float32Array.of(-2, -1));
  });

  it('joins several modes in the order given', () => {
    expect(poolTokens({ ...TOKENS, skip: 0 }, ['lasttoken', 'cls', 'mean'])).toEqual(
      Float32Array.of(5, 6, 1, 2, 3, 4 / 3),
    );
  });

  it('does not change the token vectors', () => {
    const before = DATA.slice();
    poolTokens({ ...TOKENS, skip: 0 }, ['mean', 'cls']).fill(0);
    expect(DATA).toEqual(before);
  });
});

describe('normalizeVector', () => {
  it.each([
    { vector: [3, 4], expected: [0.6, 0.8] },
    { vector: [-2], expected: [-1] },
    { vector: [0, 0], expected: [0, 0] },
    { vector: [1e-30, 0], expected: [1, 0] },
    { vector: [3 * 2 ** 99, 4 * 2 ** 99], expected: [0.6, 0.8] },
  ])('brings $vector to $expected', ({ vector, expected }) => {
    const normalized = Float32Array.from(vector);
    normalizeVector(normalized);
    expect(normalized).toEqual(Float32Array.from(expected));
  });
});
