import { createPostingsReader, type PostingsPlace } from './postings.js';

/** The best passages of one query, best first: by score descending, then pool order ascending. */
export interface Scored {
  readonly passages: Int32Array;
  readonly scores: Float64Array;
}

/** A query as what its words are: which postings they have, and what each of them weighs. */
export interface WeighedTerms {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly weights: Float64Array;
}

/** One of so many sums is looked at to guess how high the best ones are. */
const SAMPLE_STEP = 32;

/** Returns what scores all passages that share a word with a query, term by term in the order given, in float64. */
export function createScan(place: PostingsPlace, norms: Float64Array): (query: WeighedTerms, depth: number) => Scored {
  const readPostings = createPostingsReader(place);
  const sums = new Float64Array(norms.length);
  const scratch = {
    sample: new Float64Array(Math.ceil(norms.length / SAMPLE_STEP)),
    found: new Int32Array(norms.length),
  };
  return ({ starts, ends, weights }, depth) => {
    sums.fill(0);
    for (let term = 0; term < starts.length; term++) {
      const { passages, counts } = readPostings(starts[term] as number, ends[term] as number);
      addTerm(sums, norms, passages, counts, weights[term] as number);
    }
    return takeBest(sums, depth, scratch);
  };
}

function addTerm(sums: Float64Array, norms: Float64Array, passages: Int32Array, counts: Uint16Array, weight: number) {
  for (let i = 0; i < passages.length; i++) {
    const passage = passages[i] as number;
    const count = counts[i] as number;
    sums[passage] = (sums[passage] as number) + (weight * count) / (count + (norms[passage] as number));
  }
}

interface Scratch {
  readonly sample: Float64Array;
  readonly found: Int32Array;
}

/**
 * The `depth` best passages whose sum is above 0. A sample proposes a sum that a few more than those reach, so that only they
 * need sorting; where they turn out to be fewer, it proposes a lower one.
 */
function takeBest(sums: Float64Array, depth: number, { sample, found }: Scratch): Scored {
  for (let i = 0; i < sample.length; i++) sample[i] = sums[i * SAMPLE_STEP] as number;
  sample.sort();
  for (let reach = 4 + (1.25 * depth) / SAMPLE_STEP; ; reach *= 2) {
    const least = sample[sample.length - 1 - Math.ceil(reach)] ?? 0;
    const count = listAtLeast(sums, least, found);
    if (count < depth && least > 0) continue;
    const best = found.slice(0, count).sort((a, b) => (sums[b] as number) - (sums[a] as number) || a - b);
    const passages = best.slice(0, depth);
    return { passages, scores: Float64Array.from(passages, (passage) => sums[passage] as number) };
  }
}

/** Lists the passages whose sums are above 0 and not below `least`. @returns how many they are */
function listAtLeast(sums: Float64Array, least: number, found: Int32Array): number {
  let count = 0;
  for (let i = 0; i < sums.length; i++) {
    const sum = sums[i] as number;
    if (sum >= least && sum > 0) found[count++] = i;
  }
  return count;
}
