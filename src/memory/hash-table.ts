/** 64 bits of a hash. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const EMPTY = -1;

/**
 * From 64-bit hashes to whole numbers of at least 0, in about 24 bytes an entry: hashes stand for texts, since two of a
 * million texts share one with a probability of 3e-8. A hash may have several values.
 */
export class HashTable {
  #keys = new Uint32Array(2 * 16);
  #values = new Int32Array(16).fill(EMPTY);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** The first value that was added for the hash. */
  get({ high, low }: Hash64): number | undefined {
    for (let slot = low & this.#mask; this.#values[slot] !== EMPTY; slot = (slot + 1) & this.#mask) {
      if (this.#keys[2 * slot] === high && this.#keys[2 * slot + 1] === low) return this.#values[slot];
    }
    return undefined;
  }

  /** All values that were added for the hash, in that order. */
  *getAll({ high, low }: Hash64): Generator<number> {
    for (let slot = low & this.#mask; this.#values[slot] !== EMPTY; slot = (slot + 1) & this.#mask) {
      if (this.#keys[2 * slot] === high && this.#keys[2 * slot + 1] === low) yield this.#values[slot] as number;
    }
  }

  add({ high, low }: Hash64, value: number): void {
    if (2 * (this.#count + 1) > this.#values.length) this.#grow();
    this.#insert(high, low, value);
    this.#count++;
  }

  get #mask(): number {
    return this.#values.length - 1;
  }

  #insert(high: number, low: number, value: number): void {
    let slot = low & this.#mask;
    while (this.#values[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
    this.#keys[2 * slot] = high;
    this.#keys[2 * slot + 1] = low;
    this.#values[slot] = value;
  }

  /** Old slots are walked from a free one on, so that values of one hash keep their order. */
  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const length = values.length;
    this.#keys = new Uint32Array(4 * length);
    this.#values = new Int32Array(2 * length).fill(EMPTY);
    const first = values.indexOf(EMPTY);
    for (let step = 0; step < length; step++) {
      const slot = (first + step) & (length - 1);
      const value = values[slot] as number;
      if (value !== EMPTY) this.#insert(keys[2 * slot] as number, keys[2 * slot + 1] as number, value);
    }
  }
}
