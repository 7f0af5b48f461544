import { type Hash64, hashText, mixBits } from '../memory/hash.js';

/**
 * What a row's draws are made from: the first 64 bits of SHA-256 over the JSON list `[seed, query, positives, copy]`, so that
 * no other row, thread or order changes them.
 *
 * @param copy how many wholly equal rows came before this one
 */
export function seedRow(row: { seed: number; query: string; pos: readonly string[]; copy: number }): Hash64 {
  return hashText(JSON.stringify([row.seed, row.query, row.pos, row.copy]));
}

/**
 * The draw of one passage for one row: uniform in (0, 1), a function of the two hashes alone. Three rounds of MurmurHash3's
 * 32-bit finalizer over their exclusive or.
 */
export function drawUniform(seed: Hash64, passage: Hash64): number {
  const first = mixBits(seed.high ^ passage.high);
  const high = mixBits(first ^ seed.low ^ passage.low);
  const low = mixBits(high + first);
  return ((high >>> 0) + (low >>> 0) / 2 ** 32) / 2 ** 32 || Number.MIN_VALUE;
}
