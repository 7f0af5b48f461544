import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../child.js';
import { compare } from '../compare.js';
import { writeNumberedTexts } from '../scale-data.js';
import { compareWithFaiss, searchOurs } from './search.js';

const ROUNDS = 3;
const COUNT = 65_536;
/** What reading, writing and choosing may take beside the search of a warm rerun. */
const WARM = { times: 1.3, seconds: 5 };
const MOST_BYTES = 2 ** 30;
/** Of the time that encoding takes, what another phase than the search may. */
const MOST_SHARE = 10;

/**
 * Tens of thousands of rows against as many passages, with the built-in model and the defaults: once with nothing stored, and
 * again with everything stored, beside the search alone over the same vectors, and that beside FAISS's.
 * @type {import('./measure.js').Measure}
 */
export async function measureScale({ largeData, peers, scratch, rounds = ROUNDS }) {
  const files = largeData ?? (await writeNumberedTexts(scratch, COUNT));
  const data = ['--input', files.input, '--pool', files.pool];
  const cache = ['--cache-dir', path.join(scratch, 'scale-cache')];
  const summary = path.join(scratch, 'scale.json');
  const output = ['--output', path.join(scratch, 'scale.jsonl'), '--summary', summary];

  async function mine() {
    const { seconds, peakBytes } = await runProgram('node', ['bin/hn-mine.js', ...data, ...cache, ...output]);
    return { seconds, detail: { peakBytes, ...JSON.parse(readFileSync(summary, 'utf8')) } };
  }

  const cold = (await mine()).detail;
  const queries = await embed(scratch, 'queries', ['--input', files.input, ...cache]);
  const passages = await embed(scratch, 'passages', ['--pool', files.pool, ...cache]);
  const vectors = { queries: queries.file, passages: passages.file };
  const bare = { dim: queries.dim, repeats: 1, found: path.join(scratch, 'scale-found.i32') };
  const comparison = await compare(rounds, mine, () => searchOurs(vectors, bare));
  const warm = comparison.ours.map(({ detail }) => /** @type {typeof cold} */ (detail));
  if (warm.some(({ texts }) => texts.reused !== texts.distinct)) throw new Error('a warm rerun encoded texts');
  const { reading, writing, embedding } = cold.seconds;
  const size = `${cold.rows.read.toLocaleString('en')} rows × ${cold.passages.distinct.toLocaleString('en')} passages`;
  const counts = { queries: queries.count, passages: passages.count, dim: queries.dim, repeats: 1, rounds };
  const searches = await compareWithFaiss('exact search of texts', counts, vectors, { peers, scratch });
  return [
    ...searches,
    {
      what: `a warm rerun, ${size} (beside the search alone)`,
      comparison,
      bar: { seconds: WARM.times * /** @type {number} */ (comparison.peerSeconds) + WARM.seconds },
    },
    {
      what: 'the slower of reading and writing, of encoding',
      figure: (100 * Math.max(reading, writing)) / embedding,
      most: MOST_SHARE,
      unit: '%',
      detail: cold,
    },
    { what: `memory, ${size}, nothing stored`, figure: cold.peakBytes, most: MOST_BYTES, unit: 'bytes' },
    {
      what: `memory, ${size}, everything stored`,
      figure: Math.max(...warm.map(({ peakBytes }) => peakBytes)),
      most: MOST_BYTES,
      unit: 'bytes',
    },
  ];
}

/**
 * The vectors of all records, each distinct passage once, as the miner searches them.
 * @param {string} scratch
 * @param {'queries' | 'passages'} what
 * @param {readonly string[]} args
 */
async function embed(scratch, what, args) {
  const npy = path.join(scratch, `${what}.npy`);
  const file = path.join(scratch, `${what}-65k.f32`);
  await runProgram('node', ['bin/hn-mine.js', 'embed', ...args, '--output', npy]);
  const bytes = readFileSync(npy);
  const start = 10 + bytes.readUInt16LE(8);
  const [, count, dim] = /\((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, start)) ?? [];
  const rowBytes = Number(dim) * Float32Array.BYTES_PER_ELEMENT;
  const rows = Array.from({ length: Number(count) }, (_, i) =>
    bytes.subarray(start + i * rowBytes, start + (i + 1) * rowBytes),
  );
  const distinct = what === 'passages' ? dropCopies(rows) : rows;
  writeFileSync(file, Buffer.concat(distinct));
  return { file, count: distinct.length, dim: Number(dim) };
}

/** @param {readonly Buffer[]} rows */
function dropCopies(rows) {
  return [...new Map(rows.map((row) => [row.toString('latin1'), row])).values()];
}
