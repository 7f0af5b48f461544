import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ROOT } from './paths.js';
import { createUnitVectors } from './vectors.js';

/** Vectors written at once. */
const BATCH = 4096;

const HEADER_BYTES = 128;

/**
 * So many rows and passages, each text another one: those of the fixtures, numbered.
 * @param {string} folder
 * @param {number} count
 */
export async function writeNumberedTexts(folder, count) {
  const pool = readRecords('pool.jsonl').map(({ text }) => text);
  const queries = readRecords('train.jsonl').map(({ query }) => query);
  const text = (/** @type {number} */ i) => `${i}: ${pool[i % pool.length]}`;
  const query = (/** @type {number} */ i) => `${i}: ${queries[i % queries.length]}`;
  const files = { pool: path.join(folder, 'pool.jsonl'), input: path.join(folder, 'train.jsonl') };
  await writeLines(files.pool, count, (i) => ({ text: text(i) }));
  await writeLines(files.input, count, (i) => ({ query: query(i), pos: [text(i)] }));
  return files;
}

/**
 * Random unit vectors as a NumPy file, of which only the first are written: the rest is a hole, for rows that nobody reads.
 * @param {string} file
 * @param {{ count: number, dim: number, seed: number, written?: number }} shape
 */
export function writeRandomNpy(file, { count, dim, seed, written = count }) {
  const next = createUnitVectors({ dim, seed });
  const handle = openSync(file, 'w');
  writeSync(handle, formatNpyHeader(count, dim));
  const batch = new Float32Array(BATCH * dim);
  for (let done = 0; done < written; done += BATCH) {
    const rows = Math.min(BATCH, written - done);
    for (let i = 0; i < rows; i++) next(batch, i * dim);
    writeSync(handle, new Uint8Array(batch.buffer, 0, rows * dim * Float32Array.BYTES_PER_ELEMENT));
  }
  ftruncateSync(handle, sizeOf(count, dim));
  closeSync(handle);
}

/**
 * The first vectors of a NumPy file as another one.
 * @param {string} from
 * @param {string} to
 * @param {{ count: number, dim: number }} shape
 */
export async function copyFirstVectors(from, to, { count, dim }) {
  const rows = createReadStream(from, { start: HEADER_BYTES, end: sizeOf(count, dim) - 1 });
  writeFileSync(to, formatNpyHeader(count, dim));
  await pipeline(rows, createWriteStream(to, { flags: 'a' }));
}

/**
 * @param {number} count
 * @param {number} dim
 */
function sizeOf(count, dim) {
  return HEADER_BYTES + count * dim * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * @param {number} count
 * @param {number} dim
 */
function formatNpyHeader(count, dim) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${dim}), }`;
  const header = Buffer.alloc(HEADER_BYTES, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(HEADER_BYTES - 10, 8);
  header.write(text, 10);
  header.write('\n', HEADER_BYTES - 1);
  return header;
}

/** @param {string} name */
function readRecords(name) {
  const text = readFileSync(path.join(ROOT, 'fixtures', name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/**
 * @param {string} file
 * @param {number} count
 * @param {(i: number) => unknown} record
 */
async function writeLines(file, count, record) {
  const stream = createWriteStream(file);
  for (let i = 0; i < count; i++) {
    if (!stream.write(`${JSON.stringify(record(i))}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}
