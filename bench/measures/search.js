import path from 'node:path';
import { runTimed } from '../child.js';
import { compare } from '../compare.js';
import { PEER_ENV, peerScript, TUNED_PEER_ENV } from '../peers.js';
import { readInts, writeRandomVectors } from '../vectors.js';

const ROUNDS = 5;
const REPEATS = 3;
const BAR = { ratio: 1 };
const PASSAGES = 65_536;
const QUERIES = 2_048;
const DIM = 384;
const K = 210;
const OPERATIONS = 2 * PASSAGES * QUERIES * DIM;

/**
 * Exact search, our rescoring included, against faiss-cpu's flat index over the same vectors.
 * @type {import('./measure.js').Measure}
 */
export async function measureSearch({ peers, scratch, rounds = ROUNDS }) {
  const passages = path.join(scratch, 'passages.f32');
  const queries = path.join(scratch, 'queries.f32');
  writeRandomVectors(passages, { count: PASSAGES, dim: DIM, seed: 1 });
  writeRandomVectors(queries, { count: QUERIES, dim: DIM, seed: 2 });
  const files = ['--passages', passages, '--queries', queries];
  const shape = ['--dim', String(DIM), '--k', String(K), '--repeats', String(REPEATS)];
  const oursTo = path.join(scratch, 'ours-found.i32');
  const peerTo = path.join(scratch, 'peer-found.i32');

  const runOurs = () => runTimed('node', ['bench/ours-search.js', ...files, ...shape, '--found', oursTo]);

  /**
   * @param {{ python: string }} peers
   * @param {NodeJS.ProcessEnv} env
   */
  const runPeer = ({ python }, env) =>
    runTimed(python, [peerScript('search.py'), ...files, ...shape, '--found', peerTo], { env });

  const outcomes = [];
  for (const [name, env] of Object.entries({
    'faiss-cpu as installed': PEER_ENV,
    'its fastest BLAS': TUNED_PEER_ENV,
  })) {
    const comparison = await compare(rounds, runOurs, peers ? () => runPeer(peers, env) : undefined);
    outcomes.push({
      what: `exact search, ${QUERIES.toLocaleString('en')} × ${PASSAGES.toLocaleString('en')} × ${DIM}, ${name}`,
      comparison,
      bar: BAR,
      work: { count: OPERATIONS / 1e9, unit: 'GFLOP/s' },
      detail: {
        queriesWithEqualSets: peers ? countEqualSets(readInts(oursTo), readInts(peerTo)) : null,
        queries: QUERIES,
      },
    });
    if (!peers) break;
  }
  return outcomes;
}

/**
 * Scores a rounding error apart may change places at the cut, so a few sets may differ; many would mean different work.
 * @param {Int32Array} ours
 * @param {Int32Array} peer
 */
function countEqualSets(ours, peer) {
  let equal = 0;
  for (let start = 0; start < QUERIES * K; start += K) {
    const found = new Set(ours.subarray(start, start + K));
    if (found.size === K && peer.subarray(start, start + K).every((passage) => found.has(passage))) equal++;
  }
  if (equal < 0.98 * QUERIES)
    throw new Error(`expected the peer's neighbours (equal for ${equal} of ${QUERIES} queries)`);
  return equal;
}
