import { GrowingArray } from '../memory/growing-array.js';
import type { Texts } from '../memory/text-spool.js';
import type { Workspace } from '../memory/workspace.js';
import { createPacer } from '../pacer.js';
import { openPostings, POSTING_BYTES, type PostingsPlace, placePostings } from './postings.js';
import { Vocabulary } from './vocabulary.js';

/** BM25's two parameters. */
export interface Bm25Settings {
  /** How fast repeated words stop to count. */
  readonly k1: number;
  /** How much long passages are held back: 0 not at all, 1 by their whole length. */
  readonly b: number;
}

/** An inverted index of a pool: which passages have which words, and how often. */
export interface Bm25Index {
  readonly size: number;
  readonly vocabulary: Vocabulary;
  readonly postings: PostingsPlace;
  /** Where the postings of each term start, and at the end of all where the last ones end. */
  readonly starts: Float64Array;
  /** Of each passage what stands beside the count in BM25's denominator: k1 · (1 - b + b · length / mean length). */
  readonly norms: Float64Array;
}

const NONE = -1;

/** The texts are not read more often than so many times, about, however little memory there is. */
const MOST_PARTS = 16;

/** Where a passage has a word more often, it counts as so often. */
const MOST_COUNTED = 0xffff;

/**
 * Indexes texts, in two readings: the first counts postings, the second puts them where they belong, so that nothing but the
 * index is ever in memory. Where it must go to a file, terms are done in parts, with a reading for each.
 *
 * @param memory bytes that the postings may take in memory, 6 each
 * @param onProgress called with the share of the work that is done
 * @throws HnMineError `output` where the workspace is full
 */
export async function indexTexts(
  texts: Texts,
  { k1, b }: Bm25Settings,
  { workspace, memory }: { workspace: Workspace; memory: number },
  onProgress: (share: number) => void = () => {},
): Promise<Bm25Index> {
  const { vocabulary, frequencies, lengths } = await countWords(texts, (share) => onProgress(share / 2));
  const starts = sumUp(frequencies);
  const postings = placePostings(workspace, memory, starts.at(-1) as number);
  const isOnDisk = typeof postings.source === 'number';
  const most = isOnDisk ? Math.max(memory / POSTING_BYTES, postings.count / MOST_PARTS) : Infinity;
  for (const { first, end } of cutTerms(starts, most)) {
    const start = starts[first] as number;
    const length = (starts[end] as number) - start;
    const part = openPostings(postings, { start, length, workspace });
    await fillPostings(texts, vocabulary, { starts, first, end, part }, (share) => {
      onProgress(0.5 + (start + share * length) / postings.count / 2);
    });
    part.keep();
  }
  return { size: texts.length, vocabulary, postings, starts, norms: weighLengths(lengths, { k1, b }) };
}

/** The words of all texts, how many texts have each, and how many each text has. */
async function countWords(texts: Texts, onProgress: (share: number) => void) {
  const pause = createPacer();
  const vocabulary = new Vocabulary();
  const frequencies = new GrowingArray((length) => new Int32Array(length));
  const lastText = new GrowingArray((length) => new Int32Array(length));
  const lengths = new Int32Array(texts.length);
  for (let i = 0; i < texts.length; i++) {
    const terms = vocabulary.addWords(texts.at(i));
    lengths[i] = terms.length;
    for (const term of terms) {
      if (term === frequencies.length) {
        frequencies.push(0);
        lastText.push(NONE);
      }
      if (lastText.at(term) === i) continue;
      lastText.set(term, i);
      frequencies.set(term, frequencies.at(term) + 1);
    }
    onProgress((i + 1) / texts.length);
    await pause();
  }
  return { vocabulary, frequencies: frequencies.view(), lengths };
}

function sumUp(frequencies: Int32Array): Float64Array {
  const starts = new Float64Array(frequencies.length + 1);
  frequencies.forEach((frequency, term) => {
    starts[term + 1] = (starts[term] as number) + frequency;
  });
  return starts;
}

/** Terms `first` to `end`, the latter not included, with no more postings than `most` unless one term alone has more. */
function* cutTerms(starts: Float64Array, most: number): Generator<{ first: number; end: number }> {
  const count = starts.length - 1;
  for (let first = 0, end = 0; first < count; first = end) {
    end = first + 1;
    while (end < count && (starts[end + 1] as number) - (starts[first] as number) <= most) end++;
    yield { first, end };
  }
}

interface Part {
  readonly starts: Float64Array;
  readonly first: number;
  readonly end: number;
  readonly part: { readonly passages: Int32Array; readonly counts: Uint16Array };
}

async function fillPostings(
  texts: Texts,
  vocabulary: Vocabulary,
  { starts, first, end, part: { passages, counts } }: Part,
  onProgress: (share: number) => void,
): Promise<void> {
  const pause = createPacer();
  const base = starts[first] as number;
  const next = Float64Array.from(starts.subarray(first, end), (start) => start - base);
  for (let i = 0; i < texts.length; i++) {
    for (const term of vocabulary.termsOf(texts.at(i))) {
      if (term < first || term >= end) continue;
      const at = next[term - first] as number;
      const isSeen = at + base > (starts[term] as number) && passages[at - 1] === i;
      if (isSeen) {
        counts[at - 1] = Math.min((counts[at - 1] as number) + 1, MOST_COUNTED);
      } else {
        passages[at] = i;
        counts[at] = 1;
        next[term - first] = at + 1;
      }
    }
    onProgress((i + 1) / texts.length);
    await pause();
  }
}

function weighLengths(lengths: Int32Array, { k1, b }: Bm25Settings): Float64Array {
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const norms = new Float64Array(new SharedArrayBuffer(lengths.length * Float64Array.BYTES_PER_ELEMENT));
  // Without a single word in the pool there is nothing to look up either.
  lengths.forEach((length, i) => {
    norms[i] = mean === 0 ? 0 : k1 * (1 - b + (b * length) / mean);
  });
  return norms;
}
