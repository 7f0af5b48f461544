import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.js';
import { createUnitVectors } from './vectors.js';

/** Vectors written at once. */
const BATCH = 4096;

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
 * Random unit vectors as a NumPy file.
 * @param {string} file
 * @param {{ count: number, dim: number, seed: number }} shape
 */
export function writeRandomNpy(file, { count, dim, seed }) {
  const next = createUnitVectors({ dim, seed });
  const handle = openSync(file, 'w');
  writeSync(handle, formatNpyHeader(count, dim));
  const batch = new Float32Array(BATCH * dim);
  for (let done = 0; done < count; done += BATCH) {
    const rows = Math.min(BATCH, count - done);
    for (let i = 0; i < rows; i++) next(batch, i * dim);
    writeSync(handle, new Uint8Array(batch.buffer, 0, rows * dim * Float32Array.BYTES_PER_ELEMENT));
  }
  closeSync(handle);
}

/**
 * @param {number} count
 * @param {number} dim
 */
function formatNpyHeader(count, dim) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${dim}), }`;
  const header = Buffer.alloc(128, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(118, 8);
  header.write(text, 10);
  header.write('\n', 127);
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
