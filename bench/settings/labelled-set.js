import { createReadStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { createRandom } from '../vectors.js';

/**
 * @typedef {object} LabelledSet queries of which several answers are known
 * @property {string} pool
 * @property {{ query: string, answers: string[] }[]} queries
 */

/**
 * The queries of `{query, pos}` rows that have two answers or more, over all rows with the same query.
 * @param {{ input: string, pool: string }} files
 * @returns {Promise<LabelledSet>}
 */
export async function readLabelledSet({ input, pool }) {
  /** @type {Map<string, Map<string, string>>} */
  const answers = new Map();
  for await (const { query, pos } of readRecords(input)) {
    const known = answers.get(query) ?? new Map();
    // What the miner takes for the same text is one answer.
    for (const text of pos) known.set(normalize(text), text);
    answers.set(query, known);
  }
  const queries = [...answers].map(([query, texts]) => ({ query, answers: [...texts.values()] }));
  return { pool, queries: queries.filter(({ answers }) => answers.length > 1) };
}

/**
 * Writes the queries as rows with one answer each, drawn by the seed, and keeps the other ones back.
 * @param {LabelledSet} set
 * @param {{ folder: string, seed: number }} to
 * @returns {{ input: string, hidden: Set<string>[] }} `hidden` by row
 */
export function hideAnswers({ queries }, { folder, seed }) {
  const random = createRandom(seed);
  const drawn = queries.map(({ query, answers }) => {
    const known = /** @type {string} */ (answers[Math.floor(random() * answers.length)]);
    return { row: { query, pos: [known] }, hidden: new Set(answers.filter((text) => text !== known).map(normalize)) };
  });
  const input = path.join(folder, `train-${seed}.jsonl`);
  writeFileSync(input, drawn.map(({ row }) => `${JSON.stringify(row)}\n`).join(''));
  return { input, hidden: drawn.map(({ hidden }) => hidden) };
}

/** @param {string} text */
export function normalize(text) {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/** @param {string} file */
async function* readRecords(file) {
  const bytes = createReadStream(file);
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  for await (const line of createInterface({ input })) yield JSON.parse(line);
}
