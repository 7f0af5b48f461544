import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { openVectors, type PassageVectors, vectorsInMemory } from '#dist/search/passage-vectors.js';
import type { ScanLimits } from '#dist/search/scan-plan.js';
import { createTileSearch, type TileSearch } from '#dist/search/tile-search.js';
import type { Neighbours } from '#dist/search/vector-index.js';
import { randomVectors, searchByLoop } from './brute-force.js';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

/** As a worker of the flat index searches. */
const openSearch = (passages: PassageVectors, limits: Partial<ScanLimits> = {}): Promise<TileSearch> =>
  createTileSearch(passages, { threads: 1 }, { memory: 2 ** 24, ...limits });

function vectorsInFile({ data, dim, count }: Embeddings): PassageVectors {
  const folder = mkdtempSync(join(tmpdir(), 'tiles-'));
  const path = join(folder, 'vectors');
  writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const source = openSync(path, 'r');
  cleanups.push(
    () => rmSync(folder, { recursive: true }),
    () => closeSync(source),
  );
  return openVectors({ dim, count, source });
}

/** To the bit; the slower comparison, which says what differs, only where something does. */
function expectNeighbours(found: readonly Neighbours[], expected: readonly Neighbours[]): void {
  expect(found.length).toBe(expected.length);
  const areSame = found.every(({ passages, scores }, query) => {
    const other = expected[query] as Neighbours;
    return haveSameBytes(passages, other.passages) && haveSameBytes(scores, other.scores);
  });
  if (!areSame) expect(found).toStrictEqual(expected);
}

function haveSameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

/** The k best of complete rankings that are not above the queries' ceilings. */
function cutBelow(all: readonly Neighbours[], k: number, below: Float64Array): Neighbours[] {
  return all.map(({ passages, scores }, query) => {
    const above = scores.findIndex((score) => score <= (below[query] as number));
    const start = above === -1 ? scores.length : above;
    return { passages: passages.slice(start, start + k), scores: scores.slice(start, start + k) };
  });
}

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

const POOLS: { name: string; passages: Embeddings; queries: Embeddings }[] = [
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
  { name: 'scores that rise', passages: fill(900, 3, (row) => row / 3), queries: fill(2, 3, () => 1) },
];

const CUTS: Partial<ScanLimits>[] = [
  {},
  { tileSize: 13 },
  { tileSize: 257, blockSize: 1 },
  { tileSize: 600, blockSize: 17 },
  { memory: 25_000 },
];

describe('search by tiles, against a plain loop', () => {
  it.each(POOLS)('finds the same however it is cut: $name', async ({ passages, queries }) => {
    const all = searchByLoop(passages, queries, passages.count);
    const ceilings = Float64Array.from(
      all,
      ({ scores }, query) => scores[(query * 37 + 100) % scores.length] as number,
    );
    const none = new Float64Array(queries.count).fill(Number.POSITIVE_INFINITY);
    const sources = [vectorsInMemory(passages), vectorsInFile(passages)];
    for (const [i, limits] of CUTS.entries()) {
      const search = await openSearch(sources[i % 2] as PassageVectors, limits);
      for (const k of [1, 60, passages.count - 1, passages.count + 5]) {
        expectNeighbours(await search(queries, k), cutBelow(all, k, none));
        expectNeighbours(await search(queries, k, ceilings), cutBelow(all, k, ceilings));
      }
    }
  });

  it('finds the same with memory for one passage and one query at a time', async () => {
    const passages = randomVectors(50, 10, 24);
    const queries = randomVectors(3, 10, 25);
    const search = await openSearch(vectorsInMemory(passages), { memory: 1 });
    for (const k of [1, 20, 50]) expectNeighbours(await search(queries, k), searchByLoop(passages, queries, k));
  });

  it('takes a ceiling for what it is to the last bit', async () => {
    const { passages, queries } = POOLS[2] as (typeof POOLS)[number];
    const all = searchByLoop(passages, queries, passages.count);
    const search = await openSearch(vectorsInMemory(passages), { tileSize: 300 });
    for (const rank of [0, 1, 450, 899]) {
      for (const step of [-1n, 0n, 1n]) {
        const ceilings = Float64Array.from(all, ({ scores }) => scores[rank] as number);
        const bits = new BigInt64Array(ceilings.buffer);
        bits.forEach((value, query) => {
          bits[query] = value + step;
        });
        expectNeighbours(await search(queries, 50, ceilings), cutBelow(all, 50, ceilings));
      }
    }
  });

  it('finds nothing below a ceiling that every score exceeds', async () => {
    const search = await openSearch(vectorsInMemory(randomVectors(400, 8, 20)));
    const found = await search(randomVectors(3, 8, 21), 10, new Float64Array(3).fill(-2));
    expect(found).toEqual(Array(3).fill({ passages: new Int32Array(0), scores: new Float64Array(0) }));
  });

  it('finds the best of several tiles whatever the neighbours of a query are', async () => {
    const passages = randomVectors(9000, 24, 22);
    const queries = randomVectors(300, 24, 23);
    const expected = searchByLoop(passages, queries, 33);
    for (const limits of [{}, { memory: 2 ** 20 }, { blockSize: 48 }]) {
      const search = await openSearch(vectorsInMemory(passages), limits);
      expectNeighbours(await search(queries, 33), expected);
      const last = { ...queries, data: queries.data.subarray(299 * 24), count: 1 };
      expectNeighbours(await search(last, 33), expected.slice(299));
    }
  });
});
