import { createHash } from 'node:crypto';
import type { RowRecord } from './records.js';

/** The documented hash once more (`test/select/draw.test.ts` fixes it by values from Python), in 64-bit integers. */

type Words = readonly [high: bigint, low: bigint];

const MASK = 0xffff_ffffn;

function wordsOf(text: string): Words {
  const head = BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  return [head >> 32n, head & MASK];
}

function mix(value: bigint): bigint {
  let h = value & MASK;
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & MASK;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & MASK;
  return h ^ (h >> 16n);
}

/** The draws of the row at a position: the same for rows with the same query and positives, but for wholly equal rows. */
export function drawsOf(input: readonly RowRecord[], position: number, seed: number): (passage: string) => number {
  const { query, pos } = input[position] as RowRecord;
  const line = JSON.stringify(input[position]);
  const copy = input.slice(0, position).filter((row) => JSON.stringify(row) === line).length;
  const row = wordsOf(JSON.stringify([seed, query, pos, copy]));
  const known = new Map<string, number>();
  const draw = (passage: string) => {
    const words = wordsOf(passage);
    const first = mix(row[0] ^ words[0]);
    const high = mix(first ^ row[1] ^ words[1]);
    return (Number(high) + Number(mix(high + first)) / 2 ** 32) / 2 ** 32;
  };
  return (passage) => {
    const drawn = known.get(passage) ?? draw(passage);
    known.set(passage, drawn);
    return drawn;
  };
}
