import { KEY_BYTES, keyAt, type Segment } from './segment.js';

/** Where a key's record is. */
export interface RecordPlace {
  readonly segment: number;
  readonly record: number;
}

/** Finds keys among segments: open addressing over record numbers, about 8 bytes a key beside the keys themselves. */
export class KeyTable {
  readonly #segments: Segment[] = [];
  /** The number of all records before a segment's first. */
  readonly #starts: number[] = [];
  #slots = new Int32Array(1024).fill(-1);
  #count = 0;

  addSegment(segment: Segment): void {
    const start = (this.#starts.at(-1) ?? 0) + (this.#segments.at(-1)?.count ?? 0);
    this.#segments.push(segment);
    this.#starts.push(start);
    for (let record = 0; record < segment.count; record++) this.#insert(keyAt(segment, record), start + record);
  }

  /** The record of a key; of the newest segment where several have it. */
  find(key: Uint8Array): RecordPlace | undefined {
    const number = this.#slots[this.#slotOf(key)] as number;
    return number === -1 ? undefined : this.#placeOf(number);
  }

  #insert(key: Uint8Array, number: number): void {
    if (2 * (this.#count + 1) > this.#slots.length) this.#grow();
    const slot = this.#slotOf(key);
    if (this.#slots[slot] === -1) this.#count++;
    this.#slots[slot] = number;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length).fill(-1);
    for (const number of old) {
      if (number === -1) continue;
      this.#slots[this.#slotOf(this.#keyOf(number))] = number;
    }
  }

  /** The slot that holds the key, or the free one where it belongs. Keys are hashes, so their head is one too. */
  #slotOf(key: Uint8Array): number {
    const mask = this.#slots.length - 1;
    const head = new DataView(key.buffer, key.byteOffset, KEY_BYTES).getUint32(0, true);
    for (let slot = head & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] as number;
      if (number === -1 || isEqual(key, this.#keyOf(number))) return slot;
    }
  }

  #keyOf(number: number): Uint8Array {
    const { segment, record } = this.#placeOf(number);
    return keyAt(this.#segments[segment] as Segment, record);
  }

  #placeOf(number: number): RecordPlace {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= number) low = middle;
      else high = middle;
    }
    return { segment: low, record: number - (this.#starts[low] as number) };
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < KEY_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}
