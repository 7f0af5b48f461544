import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../child.js';
import { copyFirstVectors, writeNumberedTexts, writeRandomNpy } from '../scale-data.js';

const DIM = 384;
const MILLION = 1_000_000;

/** Rows mined in two gigabytes, and of each pool as it grows. */
const SLICE = 2000;
const SMALL_SLICE = 200;

/** What Node and ONNX Runtime take before there is any data. */
const RUNTIME_BYTES = 160 * 2 ** 20;

/** Offsets, hashes and numbers that stay in memory for a passage and its row. */
const MOST_BYTES_A_PASSAGE = 150;

/**
 * A million rows against a million passages with vectors given, in two gigabytes; and what memory does as the pool grows at a
 * fixed limit. Both mine a slice of the rows: the pool is read and searched whole all the same.
 * @type {import('./measure.js').Measure}
 */
export async function measureMemory({ scratch }) {
  const million = await prepare(scratch, MILLION, (to) => writeRandomNpy(to, { count: MILLION, dim: DIM, seed: 1 }));
  const mined = await mine(million, SLICE, '2GB', path.join(scratch, 'million.json'));
  const growth = [];
  for (const count of [125_000, 250_000, 500_000]) {
    const copy = (/** @type {string} */ to) => copyFirstVectors(million.vectors.pool, to, { count, dim: DIM });
    const data = await prepare(scratch, count, copy);
    growth.push({ count, ...(await mine(data, SMALL_SLICE, '256MB', path.join(scratch, `${count}.json`))) });
  }
  growth.push({ count: MILLION, ...(await mine(million, SMALL_SLICE, '256MB', path.join(scratch, 'small.json'))) });
  const [first, last] = [growth[0], growth.at(-1)];
  if (!first || !last) throw new Error('nothing was measured');
  return [
    {
      what: `memory of ${SLICE} of 1,000,000 rows × 1,000,000 passages × ${DIM}, --memory 2GB`,
      figure: mined.peakBytes,
      most: 2e9 + RUNTIME_BYTES,
      unit: 'bytes',
      detail: { ...mined, queriesPerSecond: SLICE / mined.searching },
    },
    {
      what: 'memory a passage and row, from 125,000 to 1,000,000 of each, --memory 256MB',
      figure: (last.peakBytes - first.peakBytes) / (last.count - first.count),
      most: MOST_BYTES_A_PASSAGE,
      unit: 'bytes',
      detail: growth,
    },
  ];
}

/**
 * @param {string} scratch
 * @param {number} count
 * @param {(file: string) => void | Promise<void>} writePool
 */
async function prepare(scratch, count, writePool) {
  const folder = path.join(scratch, String(count));
  mkdirSync(folder);
  const files = await writeNumberedTexts(folder, count);
  const vectors = { pool: path.join(folder, 'pool.npy'), queries: path.join(folder, 'queries.npy') };
  await writePool(vectors.pool);
  writeRandomNpy(vectors.queries, { count, dim: DIM, seed: 2, written: SLICE });
  return { count, files, vectors };
}

/**
 * @param {Awaited<ReturnType<typeof prepare>>} data
 * @param {number} rows
 * @param {string} memory
 * @param {string} summary
 */
async function mine({ count, files, vectors }, rows, memory, summary) {
  const data = ['--input', files.input, '--pool', files.pool];
  const given = ['--pool-embeddings', vectors.pool, '--query-embeddings', vectors.queries];
  const slice = ['--shard', `1/${count / rows}`, '--memory', memory];
  const report = ['--output', `${summary}.rows`, '--summary', summary, '--no-cache'];
  const { seconds, peakBytes } = await runProgram('node', ['bin/hn-mine.js', ...data, ...given, ...slice, ...report]);
  return { peakBytes, wall: seconds, ...JSON.parse(readFileSync(summary, 'utf8')).seconds };
}
