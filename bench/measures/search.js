import { rmSync } from 'node:fs';
import path from 'node:path';
import { runTimed } from '../child.js';
import { compare } from '../compare.js';
import { PEER_ENV, peerScript, TUNED_PEER_ENV } from '../peers.js';
import { readInts, writeRandomVectors } from '../vectors.js';

const BAR = { ratio: 1 };
const DIM = 384;
const K = 210;
const POOLS = [
  { passages: 65_536, queries: 2048, repeats: 3, rounds: 5 },
  { passages: 1_000_000, queries: 512, repeats: 1, rounds: 3 },
];

/**
 * Exact search, our rescoring included, against faiss-cpu's flat index over the same vectors.
 * @type {import('./measure.js').Measure}
 */
export async function measureSearch({ peers, scratch, rounds }) {
  const outcomes = [];
  for (const pool of POOLS) {
    const files = {
      passages: path.join(scratch, `${pool.passages}.f32`),
      queries: path.join(scratch, `queries-${pool.passages}.f32`),
    };
    writeRandomVectors(files.passages, { count: pool.passages, dim: DIM, seed: 1 });
    writeRandomVectors(files.queries, { count: pool.queries, dim: DIM, seed: 2 });
    const size = { ...pool, dim: DIM, rounds: rounds ?? pool.rounds };
    outcomes.push(...(await compareWithFaiss('exact search', size, files, { peers, scratch })));
    rmSync(files.passages);
  }
  return outcomes;
}

/**
 * @param {{ passages: string, queries: string }} files
 * @param {{ dim: number, repeats: number, found: string }} search
 */
export function searchOurs(files, search) {
  return runTimed('node', ['bench/ours-search.js', ...describeSearch(files, search)]);
}

/**
 * The arguments of either side's search.
 * @param {{ passages: string, queries: string }} files
 * @param {{ dim: number, repeats: number, found: string }} search
 */
function describeSearch({ passages, queries }, { dim, repeats, found }) {
  const shape = ['--dim', String(dim), '--k', String(K), '--repeats', String(repeats)];
  return ['--passages', passages, '--queries', queries, ...shape, '--found', found];
}

/**
 * Our search and FAISS's over the same vectors, as pip installs it and with its fastest code.
 * @param {string} name
 * @param {{ passages: number, queries: number, dim: number, repeats: number, rounds: number }} size
 * @param {{ passages: string, queries: string }} files
 * @param {Pick<import('./measure.js').Setup, 'peers' | 'scratch'>} setup
 */
export async function compareWithFaiss(name, { passages, queries, dim, repeats, rounds }, files, { peers, scratch }) {
  const oursTo = path.join(scratch, 'ours-found.i32');
  const peerTo = path.join(scratch, 'peer-found.i32');

  const runOurs = () => searchOurs(files, { dim, repeats, found: oursTo });

  /**
   * @param {{ python: string }} peers
   * @param {NodeJS.ProcessEnv} env
   */
  const runPeer = ({ python }, env) =>
    runTimed(python, [peerScript('search.py'), ...describeSearch(files, { dim, repeats, found: peerTo })], { env });

  const outcomes = [];
  for (const [peer, env] of Object.entries({
    'faiss-cpu as installed': PEER_ENV,
    'its fastest BLAS': TUNED_PEER_ENV,
  })) {
    const comparison = await compare(rounds, runOurs, peers ? () => runPeer(peers, env) : undefined);
    outcomes.push({
      what: `${name}, ${queries.toLocaleString('en')} × ${passages.toLocaleString('en')} × ${dim}, ${peer}`,
      comparison,
      bar: BAR,
      work: { count: (2 * passages * queries * dim) / 1e9, unit: 'GFLOP/s' },
      detail: {
        queriesWithEqualSets: peers ? countEqualSets(readInts(oursTo), readInts(peerTo), queries) : null,
        queries,
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
 * @param {number} queries
 */
function countEqualSets(ours, peer, queries) {
  let equal = 0;
  for (let start = 0; start < queries * K; start += K) {
    const found = new Set(ours.subarray(start, start + K));
    if (found.size === K && peer.subarray(start, start + K).every((passage) => found.has(passage))) equal++;
  }
  if (equal < 0.98 * queries)
    throw new Error(`expected the peer's neighbours (equal for ${equal} of ${queries} queries)`);
  return equal;
}
