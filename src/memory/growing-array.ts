type Numbers = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** A typed array that grows at its end. */
export class GrowingArray<T extends Numbers> {
  #data: T;
  #length = 0;

  /** @param make makes an array of zeros */
  constructor(private readonly make: (length: number) => T) {
    this.#data = make(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): number {
    if (this.#length === this.#data.length) {
      const larger = this.make(Math.ceil(1.5 * this.#length));
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length] = value;
    return this.#length++;
  }

  at(i: number): number {
    return this.#data[i] as number;
  }

  /** All values, valid until the next one is added. */
  view(): T {
    return this.#data.subarray(0, this.#length) as T;
  }

  set(i: number, value: number): void {
    this.#data[i] = value;
  }
}
