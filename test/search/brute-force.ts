import type { Embeddings } from '#dist/embed/encoder.js';
import { innerProduct } from '#dist/search/inner-product.js';
import type { Neighbours } from '#dist/search/vector-index.js';

/** What every index must give: all inner products, sorted by score descending, then pool order ascending. */
export function searchByLoop(passages: Embeddings, queries: Embeddings, k: number): Neighbours[] {
  return Array.from({ length: queries.count }, (_, query) => {
    const ranked = Array.from({ length: passages.count }, (_, passage) => ({
      passage,
      score: innerProduct(queries.data, query * queries.dim, passages.data, passage * passages.dim, passages.dim),
    }));
    const best = ranked.sort((a, b) => b.score - a.score || a.passage - b.passage).slice(0, k);
    return {
      passages: Int32Array.from(best, ({ passage }) => passage),
      scores: Float64Array.from(best, ({ score }) => score),
    };
  });
}

/** Normalized vectors from a fixed seed. */
export function randomVectors(count: number, dim: number, seed: number, isNormalized = true): Embeddings {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32 - 0.5;
  };
  const data = Float32Array.from({ length: count * dim }, next);
  for (let row = 0; isNormalized && row < count; row++) {
    const vector = data.subarray(row * dim, (row + 1) * dim);
    const length = Math.hypot(...vector);
    vector.forEach((value, i) => {
      vector[i] = value / length;
    });
  }
  return { data, dim, count };
}

const fromRows = (rows: number[][]): Embeddings => {
  return { data: Float32Array.from(rows.flat()), dim: (rows[0] as number[]).length, count: rows.length };
};

const repeatRow = (row: number[], times: number) => Array.from({ length: times }, () => row);

/** Pools on which a search could go wrong. */
export function adversarialPools(): { name: string; passages: Embeddings; queries: Embeddings; ks: number[] }[] {
  const many = randomVectors(400, 32, 7);
  const near = Float32Array.from(many.data, (value, i) => (many.data[i % 32] as number) + value * 1e-7);
  return [
    { name: 'random vectors', passages: many, queries: randomVectors(9, 32, 8), ks: [1, 10, 399, 400] },
    { name: 'k beyond the pool', passages: randomVectors(10, 8, 9), queries: randomVectors(3, 8, 10), ks: [11, 1000] },
    { name: 'one passage', passages: fromRows([[1, 2, 3]]), queries: fromRows([[1, 1, 1]]), ks: [1, 3, 10] },
    {
      name: 'dimension 1',
      passages: fromRows([[1], [-1], [0], [2], [1]]),
      queries: fromRows([[1], [-3], [0]]),
      ks: [1, 3, 5],
    },
    { name: 'dimension 1,024', passages: randomVectors(50, 1024, 11), queries: randomVectors(4, 1024, 12), ks: [5] },
    { name: 'all equal', passages: fromRows(repeatRow([0.6, 0.8], 200)), queries: fromRows([[1, 0]]), ks: [1, 50] },
    {
      name: 'all zero',
      passages: fromRows(repeatRow([0, 0, 0], 100)),
      queries: fromRows([
        [1, 2, 3],
        [0, 0, 0],
      ]),
      ks: [7],
    },
    {
      name: 'duplicates among others',
      passages: fromRows([...repeatRow([1, 0], 40), [0, 1], ...repeatRow([0.5, 0.5], 40), ...repeatRow([1, 0], 40)]),
      queries: fromRows([
        [1, 0],
        [0, 1],
        [-1, -1],
      ]),
      ks: [1, 39, 41, 90],
    },
    {
      name: 'only negative scores',
      passages: fromRows([
        [-1, -2],
        [-3, -1],
        [-1, -1],
      ]),
      queries: fromRows([[1, 1]]),
      ks: [2, 3],
    },
    {
      name: 'differences below float32',
      passages: { ...many, data: near },
      queries: randomVectors(5, 32, 13),
      ks: [1, 20, 200],
    },
    {
      name: 'long vectors of any length',
      passages: { ...many, data: many.data.map((value, i) => value * 10 ** ((i >> 5) % 7)) },
      queries: randomVectors(4, 32, 14, false),
      ks: [10, 100],
    },
  ];
}
