import { GrowingArray } from './growing-array.js';
import type { Hash64 } from './hash.js';

const EMPTY = -1;

/** Slots that may be taken, of four. */
const MOST_TAKEN = 3;

/**
 * From 64-bit hashes to whole numbers of at least 0, in 16 to 32 bytes an entry. Two of ten million texts share a hash with a
 * probability of 3e-6: where that would matter, look at the texts as well.
 */
export class HashTable {
  // Arrays this small are made as fast as objects: many rows have a table of a few texts.
  #keys = new Uint32Array(2 * 4);
  #values = new Int32Array(4).fill(EMPTY);
  #count = 0;

  /** How many hashes have a value. */
  get size(): number {
    return this.#count;
  }

  get(hash: Hash64): number | undefined {
    const value = this.#values[this.#slotOf(hash.high, hash.low)] as number;
    return value === EMPTY ? undefined : value;
  }

  set(hash: Hash64, value: number): void {
    if (4 * (this.#count + 1) > MOST_TAKEN * this.#values.length) this.#grow();
    const slot = this.#slotOf(hash.high, hash.low);
    if (this.#values[slot] === EMPTY) this.#count++;
    this.#put(slot, hash.high, hash.low, value);
  }

  /** The slot that holds the hash, or the free one where it belongs. */
  #slotOf(high: number, low: number): number {
    const mask = this.#values.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      if (this.#values[slot] === EMPTY) return slot;
      if (this.#keys[2 * slot] === high && this.#keys[2 * slot + 1] === low) return slot;
    }
  }

  #put(slot: number, high: number, low: number, value: number): void {
    this.#keys[2 * slot] = high;
    this.#keys[2 * slot + 1] = low;
    this.#values[slot] = value;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Uint32Array(2 * keys.length);
    this.#values = new Int32Array(2 * values.length).fill(EMPTY);
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot] as number;
      if (value === EMPTY) continue;
      const [high, low] = [keys[2 * slot] as number, keys[2 * slot + 1] as number];
      this.#put(this.#slotOf(high, low), high, low, value);
    }
  }
}

/** From 64-bit hashes to lists of whole numbers: a table of each list's end, and rings that lead from there to its start. */
export class HashLists {
  readonly #lastOf = new HashTable();
  readonly #values = new GrowingArray((length) => new Int32Array(length));
  readonly #next = new GrowingArray((length) => new Int32Array(length));
  /** The largest value of its list up to each entry. */
  readonly #largest = new GrowingArray((length) => new Int32Array(length));

  /** How many hashes have a list. */
  get size(): number {
    return this.#lastOf.size;
  }

  /** Adds a value to a list that does not hold it yet. */
  add(hash: Hash64, value: number): void {
    const last = this.#lastOf.get(hash);
    if (last !== undefined && this.#holds(hash, last, value)) return;
    const entry = this.#values.push(value);
    this.#next.push(last === undefined ? entry : this.#next.at(last));
    this.#largest.push(last === undefined ? value : Math.max(value, this.#largest.at(last)));
    if (last !== undefined) this.#next.set(last, entry);
    this.#lastOf.set(hash, entry);
  }

  /** In the order in which they were added. */
  *get(hash: Hash64): Generator<number> {
    const last = this.#lastOf.get(hash);
    if (last === undefined) return;
    let entry = last;
    do {
      entry = this.#next.at(entry);
      yield this.#values.at(entry);
    } while (entry !== last);
  }

  /** Values mostly come in ascending order: a long list is rarely searched. */
  #holds(hash: Hash64, last: number, value: number): boolean {
    if (value > this.#largest.at(last)) return false;
    for (const other of this.get(hash)) if (other === value) return true;
    return false;
  }
}
