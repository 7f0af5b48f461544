import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { measureByteTiles } from '#dist/search/byte-tiles.js';
import { openVectors, type PassageVectors, vectorsInMemory } from '#dist/search/passage-vectors.js';
import type { ScanLimits } from '#dist/search/scan-plan.js';
import { createTileSearch, type TileSearch } from '#dist/search/tile-search.js';
import { createTiles } from '#dist/search/tiles.js';
import type { Neighbours } from '#dist/search/vector-index.js';
import { randomVectors, searchByLoop } from './brute-force.js';
import { EXTREME_POOLS } from './extreme-pools.js';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

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

const CUTS: Partial<ScanLimits>[] = [
  {},
  { tileSize: 13 },
  { tileSize: 257, blockSize: 1 },
  { tileSize: 600, blockSize: 17 },
  { memory: 25_000 },
];

const PRODUCTS = [{ product: 'float32' }, { product: 'int8' }, { product: undefined }] as const;

describe.each(PRODUCTS)('search by tiles with products of $product, against a plain loop', ({ product }) => {
  /** As a worker of the flat index searches. */
  const openSearch = (
    passages: PassageVectors,
    limits: Partial<ScanLimits> = {},
    bytes?: SharedArrayBuffer,
  ): Promise<TileSearch> =>
    createTileSearch(passages, { threads: 1 }, { memory: 2 ** 24, product, ...limits }, { bytes });

  it.each(EXTREME_POOLS)('finds the same however it is cut: $name', async ({ passages, queries }) => {
    const all = searchByLoop(passages, queries, passages.count);
    const ceilings = Float64Array.from(
      all,
      ({ scores }, query) => scores[(query * 37 + 100) % scores.length] as number,
    );
    const none = new Float64Array(queries.count).fill(Number.POSITIVE_INFINITY);
    const sources = [vectorsInMemory(passages), vectorsInFile(passages)];
    for (const [i, limits] of CUTS.entries()) {
      const search = await openSearch(
        sources[i % 2] as PassageVectors,
        limits,
        i % 3 === 0 ? shareFor(passages) : undefined,
      );
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

  it('finds the same with bytes that another worker has rounded, all of them or some', async () => {
    const passages = randomVectors(2000, 21, 28);
    const queries = randomVectors(50, 21, 29);
    const expected = searchByLoop(passages, queries, 40);
    const shared = shareFor(passages);
    for (let worker = 0; worker < 3; worker++) {
      const search = await openSearch(vectorsInMemory(passages), { tileSize: 300 }, shared);
      expectNeighbours(await search(queries, 40), expected);
      // Flags of tiles come first.
      if (worker === 1) new Int32Array(shared, 0, 3).fill(0);
    }
  });

  it('takes a ceiling for what it is to the last bit', async () => {
    const { passages, queries } = EXTREME_POOLS[2] as (typeof EXTREME_POOLS)[number];
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
      expectNeighbours(await search(queries, 33), expected);
      const last = { ...queries, data: queries.data.subarray(299 * 24), count: 1 };
      expectNeighbours(await search(last, 33), expected.slice(299));
    }
  });

  it.each([0.05, 0.02, 1e-6, 3e-7])(
    'makes room in lists of scores that rise by %d, too close to tell apart',
    async (rise) => {
      const [count, dim] = [3000, 24];
      const noise = randomVectors(count, dim, 30).data;
      const data = noise.map(
        (value, at) => Math.cos(at % dim) * (1 + rise * (Math.floor(at / dim) / count + value / 4)),
      );
      const passages = { data, dim, count };
      const queries = { data: data.slice(0, 90 * dim), dim, count: 90 };
      const search = await openSearch(vectorsInMemory(passages), { tileSize: 200 });
      for (const k of [20, 100]) expectNeighbours(await search(queries, k), searchByLoop(passages, queries, k));
    },
  );

  /** So many expected in the sample that cuts are guessed by it. */
  const GUESSED = { passages: 3000, tileSize: 256, k: 110 };

  it.each([
    ['better', 90, 4],
    ['better, and as many as are wanted', 110, 4],
    ['equal to each other', 256, 0],
    ['worse', 256, 0.01],
    ['opposite', 256, -1],
  ])('is not misled by a sample of the pool that is %s', async (_, changed, factor) => {
    const passages = randomVectors(GUESSED.passages, 24, 26);
    for (const [i, row] of sampleOf(passages, GUESSED.tileSize).entries()) {
      if (i >= changed) break;
      for (let at = row * 24; at < (row + 1) * 24; at++) {
        passages.data[at] = factor === 0 ? 0.2 : (passages.data[at] as number) * factor;
      }
    }
    const queries = randomVectors(40, 24, 27);
    const search = await openSearch(vectorsInMemory(passages), { tileSize: GUESSED.tileSize });
    for (const k of [GUESSED.k, 2 * GUESSED.k]) {
      expectNeighbours(await search(queries, k), searchByLoop(passages, queries, k));
    }
  });
});

/** Memory for the bytes of a pool. */
function shareFor(pool: Embeddings): SharedArrayBuffer {
  return new SharedArrayBuffer(measureByteTiles(pool));
}

/** The passages by which a search guesses. */
function sampleOf({ dim, count }: Embeddings, tileRows: number): number[] {
  const numbers = Float32Array.from({ length: count * dim }, (_, i) => Math.floor(i / dim));
  const sample = new Float32Array(tileRows * dim);
  createTiles(vectorsInMemory({ data: numbers, dim, count }), { dim, tileRows }).loadSample(sample);
  return Array.from({ length: tileRows }, (_, row) => sample[row * dim] as number);
}
