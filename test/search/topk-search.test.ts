import { describe, expect, it } from 'vitest';
import { vectorsInMemory } from '#dist/search/passage-vectors.js';
import { createTopKSearch } from '#dist/search/topk-search.js';
import { adversarialPools, searchByLoop } from './brute-force.js';

// The graphs that a GPU is given, on a CPU.
const openSearch = (passages: Parameters<typeof vectorsInMemory>[0], tileSize: number) =>
  createTopKSearch(vectorsInMemory(passages), { threads: 1 }, { tileSize, blockSize: 3 });

describe('the search that devices make', () => {
  it.each(adversarialPools())('gives the neighbours of a plain loop: $name', async ({ passages, queries, ks }) => {
    for (const tileSize of [64, 1000]) {
      const search = await openSearch(passages, tileSize);
      for (const k of ks) expect(await search(queries, k)).toEqual(searchByLoop(passages, queries, k));
    }
  });

  it.each(adversarialPools())("leaves out what is above a query's limit: $name", async ({ passages, queries, ks }) => {
    const all = searchByLoop(passages, queries, passages.count);
    const limits = Float64Array.from(all, ({ scores }) => scores[Math.floor(scores.length / 3)] as number);
    const search = await openSearch(passages, 64);
    for (const k of ks) {
      const expected = all.map(({ passages, scores }, query) => {
        const start = scores.findIndex((score) => score <= (limits[query] as number));
        return { passages: passages.slice(start, start + k), scores: scores.slice(start, start + k) };
      });
      expect(await search(queries, k, limits)).toEqual(expected);
    }
  });
});
