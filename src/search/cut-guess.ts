import { type FastScores, scoreTile } from './fast-scores.js';
import { roundDown } from './rounding.js';
import { clearLists, type ScanKernel, type ScanMemory } from './scan-memory.js';

/** Of the k best, so many must be expected in a sample, or it says too little about where the k-th one is. */
const LEAST_EXPECTED = 6;

/** A sample costs no more than this share of the products. */
const LARGEST_SHARE = 1 / 8;

/**
 * The rank in a sample of the pool whose score the pool's k-th best is hardly ever below: of a Poisson distribution with the mean m,
 * m + 4.5·√m + 4 is reached about once in 100,000 times.
 *
 * @returns nothing where a sample is not worth its products
 */
export function planGuess({ k, sample, count }: { k: number; sample: number; count: number }): number | undefined {
  const expected = (k * sample) / count;
  if (sample > LARGEST_SHARE * count || expected < LEAST_EXPECTED) return undefined;
  return Math.ceil(expected + 4.5 * Math.sqrt(expected) + 4);
}

/**
 * Sets the thresholds of some queries to what their k-th best score is hardly ever below, by a tile of random passages. Lists then
 * hold little else than what is wanted, from the first tile on; whether a guess was too high is seen in the end.
 *
 * @returns the thresholds
 */
export async function guessCuts(
  { kernel, scores }: { kernel: ScanKernel; scores: FastScores },
  memory: ScanMemory,
  { rank, count }: { rank: number; count: number },
): Promise<Float32Array> {
  const { above, below, thresholds } = memory;
  const bounds = { above: above.slice(), below: below.slice() };
  // A guess needs no bounds.
  above.fill(0);
  below.fill(0);
  kernel.hooks.loadTile = () => {};
  memory.tellKernel(0, { wanted: rank, listed: Math.min(4 * rank, memory.shape.capacity) });
  await scoreTile(scores, memory, { rows: scores.loadSample?.(memory) ?? 0, bound: 0 });
  kernel.order(0, count);
  above.set(bounds.above);
  below.set(bounds.below);
  clearLists(memory);
  // An approximate score can be so much below the exact one that the guess is of.
  for (let query = 0; query < count; query++) {
    thresholds[query] = roundDown((thresholds[query] as number) - (above[query] as number));
  }
  return thresholds.slice(0, count);
}
