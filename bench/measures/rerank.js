import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runTimed } from '../child.js';
import { compare } from '../compare.js';
import { PEER_ENV, peerScript, prepareCrossEncoder } from '../peers.js';
import { largestDifference, readFloats } from '../vectors.js';
import { Skipped } from './measure.js';

const ROUNDS = 3;
const BAR = { ratio: 1 };
const PAIRS = 256;
const PEER_BATCH_SIZES = '8,32';
/** Of any one score, between two runtimes on the same weights. */
const TOLERANCE = 1e-4;

/**
 * Scoring pairs with the same fp32 weights: against sentence-transformers' CrossEncoder at its better batch size.
 * @type {import('./measure.js').Measure}
 */
export async function measureRerank({ peers, fp32Reranker, data, scratch, rounds = ROUNDS }) {
  const model = fp32Reranker ?? (peers && (await prepareCrossEncoder(peers.python)));
  if (!model) throw new Skipped('no fp32 reranker: give --fp32-reranker DIR, or Python with the peers, which make one');
  const pairs = path.join(scratch, 'pairs.json');
  writePairs(data, pairs);
  const oursTo = path.join(scratch, 'ours-scores.f32');
  const peerTo = path.join(scratch, 'peer-scores.f32');

  const runOurs = () =>
    runTimed('node', ['bench/ours-rerank.js', '--model', model, '--pairs', pairs, '--scores', oursTo]);

  /** @param {{ python: string }} peers */
  const runPeer = ({ python }) => {
    const files = ['--model', model, '--pairs', pairs, '--scores', peerTo];
    const args = [peerScript('rerank.py'), ...files, '--batch-sizes', PEER_BATCH_SIZES];
    return runTimed(python, args, { env: PEER_ENV });
  };

  const hasPeer = existsSync(path.join(model, 'model.safetensors'));
  const comparison = await compare(rounds, runOurs, peers && hasPeer ? () => runPeer(peers) : undefined);
  const difference = peers && hasPeer ? largestDifference(readFloats(oursTo), readFloats(peerTo), TOLERANCE) : null;
  return [
    {
      what: `rerank ${PAIRS} pairs, fp32`,
      comparison,
      bar: BAR,
      work: { count: PAIRS, unit: 'pairs/s' },
      detail: { data: path.basename(data), model: path.basename(model), largestDifference: difference },
    },
  ];
}

/**
 * Queries and passages from the whole length of their files.
 * @param {string} data
 * @param {string} target
 */
function writePairs(data, target) {
  const queries = takeSpread(path.join(data, 'train.jsonl'), PAIRS);
  const passages = takeSpread(path.join(data, 'pool.jsonl'), PAIRS);
  writeFileSync(target, JSON.stringify(queries.map(({ query }, i) => [query, passages[i]?.text])));
}

/**
 * @param {string} file JSONL
 * @param {number} count
 */
function takeSpread(file, count) {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return Array.from({ length: count }, (_, i) => JSON.parse(lines[Math.floor((i * lines.length) / count)] ?? ''));
}
