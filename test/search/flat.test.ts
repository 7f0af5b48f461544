import { afterEach, describe, expect, it } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { createFlatIndex, type FlatOptions } from '#dist/search/flat.js';
import type { VectorIndex } from '#dist/search/vector-index.js';
import { adversarialPools, randomVectors, searchByLoop } from './brute-force.js';

const open: VectorIndex[] = [];
afterEach(async () => {
  for (const index of open.splice(0)) await index.close();
});

async function searchFlat(passages: Embeddings, queries: Embeddings, k: number, options: Partial<FlatOptions> = {}) {
  const index = await createFlatIndex(passages, { workers: 1, ...options });
  open.push(index);
  return index.search(queries, k);
}

describe('flat', () => {
  it.each(adversarialPools())('gives the neighbours of a plain loop: $name', async ({ passages, queries, ks }) => {
    for (const k of ks) expect(await searchFlat(passages, queries, k)).toEqual(searchByLoop(passages, queries, k));
  });

  it.each([
    { tileSize: 1, blockSize: 1 },
    { tileSize: 7, blockSize: 3 },
    { tileSize: 64, blockSize: 8 },
    { tileSize: 300, blockSize: 2 },
    { tileSize: 1000, blockSize: 100 },
  ])('does not depend on tiles of $tileSize and blocks of $blockSize', async (options) => {
    const passages = randomVectors(300, 24, 1);
    const queries = randomVectors(8, 24, 2);
    const expected = searchByLoop(passages, queries, 20);
    expect(await searchFlat(passages, queries, 20, options)).toEqual(expected);
    expect(await searchFlat(passages, queries, 20, { ...options, workers: 3 })).toEqual(expected);
  });

  it.each(adversarialPools())("leaves out what is above a query's limit: $name", async ({ passages, queries, ks }) => {
    const all = searchByLoop(passages, queries, passages.count);
    for (const k of ks) {
      // Limits at, just below and far from scores that occur, and none.
      const below = Float64Array.from(all, ({ scores }, i) => {
        const score = scores[Math.floor(scores.length / 3)] as number;
        return [score, score - 1e-12, Number.POSITIVE_INFINITY, -1e9, score + 1e-9][i % 5] as number;
      });
      const expected = all.map((neighbours, i) => {
        const first = neighbours.scores.findIndex((score) => score <= (below[i] as number));
        const start = first === -1 ? passages.count : first;
        return {
          passages: neighbours.passages.slice(start, start + k),
          scores: neighbours.scores.slice(start, start + k),
        };
      });
      for (const tileSize of [64, 1000]) {
        const index = await createFlatIndex(passages, { workers: 1, tileSize });
        open.push(index);
        expect(await index.search(queries, k, below)).toEqual(expected);
      }
    }
  });

  it('answers overlapping searches and searches one after the other', async () => {
    const passages = randomVectors(500, 16, 3);
    const queries = [4, 5, 6].map((seed) => randomVectors(5, 16, seed));
    const index = await createFlatIndex(passages, { workers: 2, tileSize: 100 });
    open.push(index);
    const found = await Promise.all(queries.map((some) => index.search(some, 10)));
    expect(found).toEqual(queries.map((some) => searchByLoop(passages, some, 10)));
    expect(await index.search(queries[0] as Embeddings, 3)).toEqual(
      searchByLoop(passages, queries[0] as Embeddings, 3),
    );
  });

  it('gives nothing for no queries', async () => {
    expect(await searchFlat(randomVectors(5, 4, 1), { data: new Float32Array(0), dim: 4, count: 0 }, 3)).toEqual([]);
  });
});
