import type { Embeddings } from '#dist/embed/encoder.js';
import { randomVectors } from './brute-force.js';

const fill = (count: number, dim: number, value: (row: number, i: number) => number): Embeddings => {
  return {
    data: Float32Array.from({ length: count * dim }, (_, at) => value(Math.floor(at / dim), at % dim)),
    dim,
    count,
  };
};

const scaled = (vectors: Embeddings, factor: (row: number) => number): Embeddings => {
  return { ...vectors, data: vectors.data.map((value, at) => value * factor(Math.floor(at / vectors.dim))) };
};

/** Every value one ulp up or down, or not at all: scores that float32 cannot tell apart. */
const jitter = (vector: Float32Array, count: number): Embeddings => {
  const dim = vector.length;
  const bits = new Int32Array(vector.slice().buffer);
  const moved = Int32Array.from({ length: count * dim }, (_, at) => {
    return (bits[at % dim] as number) + (((Math.imul(at, 40_503) >>> 7) % 3) - 1);
  });
  return { data: new Float32Array(moved.buffer), dim, count };
};

/** Vectors on which bounds of rounding errors could fail. */
export const EXTREME_POOLS: { name: string; passages: Embeddings; queries: Embeddings }[] = [
  { name: 'all scores equal', passages: fill(900, 20, () => 0.25), queries: randomVectors(5, 20, 1) },
  { name: 'scores of all zeros', passages: randomVectors(700, 12, 2), queries: fill(3, 12, () => 0) },
  {
    name: 'values an ulp apart',
    passages: jitter(randomVectors(1, 37, 3).data, 900),
    queries: randomVectors(5, 37, 4),
  },
  {
    name: 'the same few vectors again and again',
    passages: fill(900, 6, (row, i) => ((row % 5) + 1) * (i - 2)),
    queries: randomVectors(4, 6, 5),
  },
  {
    name: 'values near the largest',
    passages: scaled(randomVectors(700, 9, 6), () => 3e38),
    queries: randomVectors(4, 9, 7),
  },
  {
    name: 'values and queries near the largest',
    passages: scaled(randomVectors(700, 33, 8), () => 3e38),
    queries: scaled(randomVectors(4, 33, 9), () => 3e38),
  },
  {
    name: 'subnormal values and queries',
    passages: scaled(randomVectors(700, 17, 10), () => 1e-40),
    queries: scaled(randomVectors(4, 17, 11), () => 1e-40),
  },
  {
    name: 'the smallest values against the largest',
    passages: fill(700, 5, (row, i) => ((row * 7 + i) % 3) * 2 ** -149),
    queries: scaled(randomVectors(4, 5, 12), () => 3e38),
  },
  {
    name: 'lengths from the smallest to the largest',
    passages: scaled(randomVectors(700, 16, 13), (row) => 10 ** ((row % 75) - 38)),
    queries: scaled(randomVectors(6, 16, 14), (row) => 10 ** (15 * row - 38)),
  },
  {
    name: 'negative scores alone',
    passages: fill(700, 7, (row) => 1 + (row % 90) / 7),
    queries: fill(2, 7, () => -0.3),
  },
  {
    name: 'one dimension',
    passages: fill(700, 1, (row) => ((row * 31) % 97) - 48),
    queries: fill(3, 1, (row) => row - 1),
  },
  { name: '385 dimensions', passages: randomVectors(500, 385, 15), queries: randomVectors(20, 385, 16) },
  {
    name: 'one value that dwarfs the others',
    passages: fill(700, 20, (row, i) => (row === 350 && i === 3 ? 1e6 : Math.sin(row * 20 + i))),
    queries: randomVectors(5, 20, 17),
  },
  {
    name: 'passages close together, which bytes hardly tell apart',
    passages: fill(900, 48, (row, i) => Math.cos(i) + Math.sin(row * 48 + i) / 300),
    queries: randomVectors(20, 48, 18),
  },
  {
    name: 'queries of one value, rounded to the last step',
    passages: randomVectors(700, 40, 19),
    queries: fill(40, 40, (row, i) => (row === i ? 0.7 : (i % 5) / 1000)),
  },
  {
    name: '1,100 dimensions, of the same sign',
    passages: fill(400, 1100, (row, i) => 1 - Math.abs(Math.sin(row * 1100 + i)) / 50),
    queries: fill(5, 1100, (row, i) => 1 - Math.abs(Math.cos(row * 1100 + i)) / 50),
  },
  {
    name: 'vectors of two values, whose scores are often about zero',
    passages: fill(700, 200, (row, i) => Math.fround(0.0721) * (Math.sin(row * 200 + i * i) < 0 ? -1 : 1)),
    queries: fill(20, 200, (row, i) => Math.fround(0.0303) * (Math.cos(row * 200 + i * i) < 0 ? -1 : 1)),
  },
  { name: 'scores that rise', passages: fill(900, 3, (row) => row / 3), queries: fill(2, 3, () => 1) },
  {
    name: 'passages that rounding brings out of order, by as much as it can',
    passages: fill(900, 32, (row, i) => {
      if (i < 2) return i * 127;
      return 50 + (row % 2 === 0 ? 0.49 : i % 2 === 0 ? 0.51 : 0.29) - row / 1e5;
    }),
    queries: fill(3, 32, (_, i) => (i < 2 ? (1 - i) * 127 : 20)),
  },
];
