import { measureOtherWork } from './machine.js';

/**
 * @typedef {{ seconds: number, detail?: unknown }} Timing
 *
 * @typedef {object} Comparison
 * @property {Timing[]} ours
 * @property {Timing[]} peer empty where there is no peer
 * @property {number} oursSeconds median
 * @property {number | null} peerSeconds median
 * @property {number | null} ratio how many times as fast as the peer: the median over the rounds
 * @property {number[]} otherWork before each round, the share of the cores that was busy
 */

/**
 * Ours and the peer in turn, so that whatever else runs on the machine is met by both.
 * @param {number} rounds
 * @param {() => Promise<Timing>} runOurs
 * @param {(() => Promise<Timing>) | undefined} runPeer
 * @returns {Promise<Comparison>}
 */
export async function compare(rounds, runOurs, runPeer) {
  /** @type {Timing[]} */
  const ours = [];
  /** @type {Timing[]} */
  const peer = [];
  const otherWork = [];
  for (let round = 0; round < rounds; round++) {
    otherWork.push(await measureOtherWork());
    ours.push(await runOurs());
    if (runPeer) peer.push(await runPeer());
  }
  const ratios = peer.map((timing, round) => timing.seconds / (ours[round]?.seconds ?? Number.NaN));
  return {
    ours,
    peer,
    oursSeconds: median(ours.map((timing) => timing.seconds)),
    peerSeconds: peer.length > 0 ? median(peer.map((timing) => timing.seconds)) : null,
    ratio: ratios.length > 0 ? median(ratios) : null,
    otherWork,
  };
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
