import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createRunInto } from '#dist/onnx/run-into.js';
import { openSession } from '#dist/onnx/session.js';
import { findQueryLevels, multiplyBytes, PASSAGE_LEVELS, type QueryLevels, ZERO } from '#dist/search/byte-products.js';
import { randomVectors } from './brute-force.js';

const GRAPH = fileURLToPath(new URL('../../models/byte-products.onnx', import.meta.url));

/** Each pair as large as it may be, its values of any share and sign. */
function drawQueries(count: number, dim: number, { largest, pair }: QueryLevels): number[][] {
  const { data } = randomVectors(count, dim, 3, false);
  return Array.from({ length: count }, (_, query) => {
    return Array.from({ length: dim / 2 }, (_, i) => {
      const [share, signs] = [0, 1].map((at) => (data[query * dim + 2 * i + at] as number) + 0.5) as [number, number];
      const first = Math.min(largest, Math.max(pair - largest, Math.round(share * pair)));
      const second = signs < 0.6 ? pair - first : -largest;
      return (signs < 0.3 ? [-first, -second] : [first, second]) as [number, number];
    }).flat();
  });
}

it.each([4, 64, 100, 384, 1100])('finds levels of queries whose products of %d dimensions are exact', async (dim) => {
  const run = createRunInto(await openSession(GRAPH, { threads: 1 }));
  const levels = await findQueryLevels(run, dim);
  expect(levels?.largest).toBeGreaterThanOrEqual(63);
  const rows = drawQueries(64, dim, levels as QueryLevels);
  const passages = [ZERO + PASSAGE_LEVELS, ZERO - PASSAGE_LEVELS, ZERO].map((byte) => new Uint8Array(dim).fill(byte));
  const queries = Int8Array.from(
    { length: dim * 64 },
    (_, at) => (rows[at % 64] as number[])[Math.floor(at / 64)] as number,
  );
  const sums = new Int32Array(3 * 64);
  await multiplyBytes(run, { passages: Uint8Array.from(passages.flatMap((row) => [...row])), queries, sums, dim });
  const totals = rows.map((row) => row.reduce((sum, value) => sum + value, 0));
  const expected = [PASSAGE_LEVELS, -PASSAGE_LEVELS, 0].flatMap((value) => totals.map((total) => value * total));
  expect([...sums]).toEqual(expected.map((sum) => sum + 0));
});
