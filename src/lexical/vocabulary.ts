import { type Hash64, mixBits } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';
import { listWords } from './words.js';

/** Numbers for words, from 0 in first-seen order. Words are known by 64-bit hashes, so that millions take 16 to 32 bytes each. */
export class Vocabulary {
  readonly #termOf = new HashTable();

  get size(): number {
    return this.#termOf.size;
  }

  /** The term of each word of a text, in order; new words get a term. */
  addWords(text: string): number[] {
    return listWords(text).map((word) => {
      const hash = hashWord(word);
      const known = this.#termOf.get(hash);
      if (known !== undefined) return known;
      const term = this.#termOf.size;
      this.#termOf.set(hash, term);
      return term;
    });
  }

  /** The term of each known word of a text, in order. */
  termsOf(text: string): number[] {
    return listWords(text).flatMap((word) => this.#termOf.get(hashWord(word)) ?? []);
  }
}

/**
 * Two lanes of multiply and rotate over the UTF-16 units, each ended by `fmix32` of MurmurHash3: SHA-256 would take longer than
 * all else that is done with a word.
 */
export function hashWord(word: string): Hash64 {
  let high = 0x9e3779b9 ^ word.length;
  let low = 0x243f6a88;
  for (let i = 0; i < word.length; i++) {
    const unit = word.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x85ebca6b);
    high = (high << 13) | (high >>> 19);
    low = Math.imul(low ^ unit, 0xc2b2ae35);
    low = (low << 17) | (low >>> 15);
  }
  return { high: mixBits(high) >>> 0, low: mixBits(low) >>> 0 };
}
