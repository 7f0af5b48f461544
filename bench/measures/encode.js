import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runTimed } from '../child.js';
import { compare } from '../compare.js';
import { PEER_ENV, peerScript } from '../peers.js';
import { largestDifference, readFloats } from '../vectors.js';
import { Skipped } from './measure.js';

const ROUNDS = 3;
const BAR = { ratio: 1.3 };
const TEXTS = 400;
const PEER_BATCH_SIZES = '8,32';
/** Of any one value, between two runtimes on the same weights. */
const TOLERANCE = 1e-4;

/**
 * Encoding passages with the same fp32 weights: against sentence-transformers at its better batch size.
 * @type {import('./measure.js').Measure}
 */
export async function measureEncode({ peers, fp32Model, data, scratch, rounds = ROUNDS }) {
  if (!fp32Model) throw new Skipped('no fp32 weights: give --fp32-model DIR (a folder with onnx/model.onnx)');
  const texts = path.join(scratch, 'texts.json');
  const count = writeTexts(path.join(data, 'pool.jsonl'), texts);
  const oursTo = path.join(scratch, 'ours-vectors.f32');
  const peerTo = path.join(scratch, 'peer-vectors.f32');

  const runOurs = () =>
    runTimed('node', ['bench/ours-encode.js', '--model', fp32Model, '--texts', texts, '--vectors', oursTo]);

  /** @param {{ python: string, torchModel?: string | undefined }} peers */
  const runPeer = ({ python, torchModel = '' }) => {
    const files = ['--model', torchModel, '--texts', texts, '--vectors', peerTo];
    const args = [peerScript('encode.py'), ...files, '--batch-sizes', PEER_BATCH_SIZES];
    return runTimed(python, args, { env: PEER_ENV });
  };

  const compared = Boolean(peers?.torchModel);
  const comparison = await compare(rounds, runOurs, peers && compared ? () => runPeer(peers) : undefined);
  const difference = compared ? largestDifference(readFloats(oursTo), readFloats(peerTo), TOLERANCE) : null;
  return [
    {
      what: `encode ${count} passages, fp32`,
      comparison,
      bar: BAR,
      work: { count, unit: 'passages/s' },
      detail: { data: path.basename(data), largestDifference: difference },
    },
  ];
}

/**
 * Texts from the whole length of the pool.
 * @param {string} pool
 * @param {string} target
 */
function writeTexts(pool, target) {
  const lines = readFileSync(pool, 'utf8').trimEnd().split('\n');
  const step = Math.max(1, Math.floor(lines.length / TEXTS));
  const texts = lines.filter((_, i) => i % step === 0).slice(0, TEXTS);
  writeFileSync(target, JSON.stringify(texts.map((line) => JSON.parse(line).text)));
  return texts.length;
}
