import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createRunInto } from '#dist/onnx/run-into.js';
import { openSession } from '#dist/onnx/session.js';
import { createByteScores } from '#dist/search/byte-scores.js';
import { createByteTiles } from '#dist/search/byte-tiles.js';
import { vectorsInMemory } from '#dist/search/passage-vectors.js';
import { layOut, loadScanKernel } from '#dist/search/scan-memory.js';
import { createTiles } from '#dist/search/tiles.js';
import { randomVectors } from './brute-force.js';

const GRAPH = fileURLToPath(new URL('../../models/byte-products.onnx', import.meta.url));

it.each([
  { largest: 127, pair: 254 },
  { largest: 127, pair: 128 },
  { largest: 63, pair: 126 },
])('rounds queries to bytes up to $largest, two of one sign up to $pair', async (queryLevels) => {
  const [dim, count] = [24, 40];
  const { data } = randomVectors(count, dim, 1);
  // Both of the largest pair lie halfway between two bytes.
  for (let query = 0; query < 20; query++) data.set([63.5, 64.5, -63.5, -64.5], query * dim + 2 * (query % 11));
  const kernel = loadScanKernel();
  const shape = { dim, tileRows: 8, blockRows: 8, blockQueries: 48, queries: count, k: 1 };
  const memory = layOut(kernel, { ...shape, capacity: 9, isPutOff: false, room: 2 });
  const tiles = createTiles(vectorsInMemory(randomVectors(8, dim, 2)), { dim, tileRows: 8 });
  const byteTiles = createByteTiles(kernel, tiles, 1, undefined);
  const run = createRunInto(await openSession(GRAPH, { threads: 1 }));
  const pool = { maxNorm: 1, maxResidual: 0.01, queryLevels };
  createByteScores({ kernel, tiles, byteTiles }, run, pool).prepare(memory, {
    data,
    dim,
    count,
  });
  const bytes = new Int8Array(memory.buffer, memory.parts.factors, 48 * dim);
  const byteOf = (query: number, i: number) => bytes[i * 48 + query] as number;
  let [largest, largestPair] = [0, 0];
  for (let query = 0; query < count; query++) {
    const step = 1 / (memory.scales[query] as number);
    for (let i = 0; i < dim; i++) {
      expect(Math.abs((data[query * dim + i] as number) / step - byteOf(query, i))).toBeLessThanOrEqual(0.5);
      largest = Math.max(largest, Math.abs(byteOf(query, i)));
      const pair = [byteOf(query, i), byteOf(query, i + 1)] as const;
      if (i % 2 === 0 && pair[0] * pair[1] > 0) largestPair = Math.max(largestPair, Math.abs(pair[0] + pair[1]));
    }
  }
  expect(largest).toBe(queryLevels.largest);
  expect(largestPair).toBeLessThanOrEqual(queryLevels.pair);
  expect(largestPair).toBeGreaterThanOrEqual(Math.min(queryLevels.pair, 2 * queryLevels.largest) - 3);
});
