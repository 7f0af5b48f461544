import { expect, it } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { measureByteTiles } from '#dist/search/byte-tiles.js';
import { vectorsInMemory } from '#dist/search/passage-vectors.js';
import { loadScanKernel } from '#dist/search/scan-memory.js';
import { openScoreWays } from '#dist/search/score-ways.js';
import { createTiles } from '#dist/search/tiles.js';
import { randomVectors } from './brute-force.js';

/** Queries set aside twice k where scores are of float32, and more where they are of bytes. */
const [FLOATS, BYTES] = [2, 9];

const LARGE = { k: 20, queries: 1000, passages: 100_000, isLimited: false };

interface More {
  readonly expected?: number;
  readonly shared?: SharedArrayBuffer;
}

function openWays(passages: Embeddings, product?: 'float32' | 'int8', more: More = {}) {
  const shape = { dim: passages.dim, tileRows: 300 };
  const engine = {
    kernel: loadScanKernel(),
    tiles: createTiles(vectorsInMemory(passages), shape),
    place: { threads: 1 },
    shared: more.shared,
  };
  return openScoreWays(engine, shape, { product, expected: more.expected });
}

it('tries both ways on large searches, and goes on with the faster one', async () => {
  const ways = await openWays(randomVectors(900, 32, 1));
  const listed = [];
  for (let i = 0; i < 6; i++) {
    const { scores, tell } = await ways.choose(LARGE);
    listed.push(scores.listed);
    tell(scores.listed === BYTES ? 1 : 2);
  }
  expect(listed).toEqual([FLOATS, BYTES, FLOATS, BYTES, BYTES, BYTES]);
  expect((await ways.choose({ ...LARGE, queries: 3 })).scores.listed).toBe(FLOATS);
  expect((await ways.choose({ ...LARGE, isLimited: true })).scores.listed).toBe(FLOATS);
});

it('rounds the pool to bytes before the first search where many queries are expected', async () => {
  const passages = randomVectors(900, 32, 1);
  const isRounded = async (expected: number) => {
    const shared = new SharedArrayBuffer(measureByteTiles(passages));
    await openWays(passages, undefined, { expected, shared });
    return new Uint8Array(shared).some((byte) => byte !== 0);
  };
  expect(await isRounded(1000)).toBe(false);
  expect(await isRounded(2 ** 20)).toBe(true);
});

it('multiplies what it is told to', async () => {
  const ways = await Promise.all((['float32', 'int8'] as const).map((one) => openWays(randomVectors(40, 8, 2), one)));
  const chosen = await Promise.all(ways.map((one) => one.choose({ ...LARGE, queries: 1 })));
  expect(chosen.map(({ scores }) => scores.listed)).toEqual([FLOATS, BYTES]);
});

it.each([1e30, 1e-30, 0])('does not round values of about %d to bytes', async (size) => {
  const { data, ...rest } = randomVectors(40, 8, 3);
  const ways = await openWays({ ...rest, data: data.map((value) => value * size) }, 'int8');
  expect((await ways.choose(LARGE)).scores.listed).toBe(FLOATS);
});
