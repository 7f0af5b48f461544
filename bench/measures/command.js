import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../child.js';
import { compare } from '../compare.js';
import { PEER_ENV, peerScript } from '../peers.js';

const ROUNDS = 2;
const BAR = { ratio: 3 };
const NEGATIVES = 15;
const MINING = ['--range', '10-210', '--neg', String(NEGATIVES)];

/**
 * The whole command from a cold start: the built-in int8 model against FlagEmbedding's script on its fp32 weights.
 * @type {import('./measure.js').Measure}
 */
export async function measureCommand({ peers, data, scratch, hnMineScript, rounds = ROUNDS }) {
  const input = path.join(data, 'train.jsonl');
  const pool = path.join(data, 'pool.jsonl');
  const files = ['--input', input, '--pool', pool];

  async function runOurs() {
    const output = path.join(scratch, 'ours.jsonl');
    // An empty cache each time: no vector may come from an earlier run.
    const cache = mkdtempSync(path.join(scratch, 'cache-'));
    const args = ['bin/hn-mine.js', ...files, ...MINING, '--cache-dir', cache, '--output', output];
    const { seconds } = await runProgram('node', args);
    checkMined(output, input);
    return { seconds };
  }

  /** @param {{ python: string, torchModel?: string | undefined }} peers */
  async function runPeer({ python, torchModel }) {
    const output = path.join(scratch, 'peer.jsonl');
    const script = hnMineScript ? ['--script', hnMineScript] : [];
    const model = ['--model', torchModel ?? ''];
    const args = [peerScript('hn_mine.py'), ...script, ...model, ...files, ...MINING, '--output', output];
    const { seconds } = await runProgram(python, args, { env: PEER_ENV });
    checkMined(output, input);
    return { seconds };
  }

  const comparison = await compare(rounds, runOurs, peers?.torchModel ? () => runPeer(peers) : undefined);
  const size = { queries: readRows(input).length, passages: readRows(pool).length };
  return [
    {
      what: `the whole command, ${size.queries} queries, ${size.passages.toLocaleString('en')} passages`,
      comparison,
      bar: BAR,
      detail: { ...size, data: path.basename(data), peer: hnMineScript ? 'its own script' : 'the steps of its script' },
    },
  ];
}

/**
 * A run that wrote too little did not do the work that was timed.
 * @param {string} output
 * @param {string} input
 */
function checkMined(output, input) {
  const rows = readRows(output);
  const expected = readRows(input).length;
  const short = rows.filter((row) => row.neg.length !== NEGATIVES).length;
  if (rows.length !== expected || short > 0) {
    throw new Error(`expected ${expected} rows of ${NEGATIVES} negatives (found ${rows.length}, ${short} short)`);
  }
}

/** @param {string} file */
function readRows(file) {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
