import { readFully } from './file-access.js';
import { GrowingArray } from './growing-array.js';
import type { Workspace } from './workspace.js';

/** What is written to the file at once. */
const PIECE_LENGTH = 1 << 16;

/** Lists of whole numbers: in memory up to a limit, all in a temporary file beyond it; 8 bytes a list stay in memory. */
export class ListSpool {
  readonly #ends = new GrowingArray((length) => new Float64Array(length));
  /** What is not in the file. */
  #tail = new GrowingArray((length) => new Int32Array(length));
  #tailStart = 0;
  #file: number | undefined;

  /** @param limit bytes */
  constructor(
    private readonly workspace: Workspace,
    private readonly limit: number,
  ) {}

  /** @returns the list's number @throws HnMineError `output` where the disk is full */
  add(values: Iterable<number>): number {
    for (const value of values) this.#tail.push(value);
    const list = this.#ends.push(this.#tailStart + this.#tail.length);
    const isFull = this.#tail.length * Int32Array.BYTES_PER_ELEMENT > this.limit && this.#tail.length >= PIECE_LENGTH;
    if (isFull) this.#moveToFile();
    return list;
  }

  at(list: number): Int32Array {
    const start = list === 0 ? 0 : this.#ends.at(list - 1);
    const end = this.#ends.at(list);
    // A list is never cut in two.
    if (start >= this.#tailStart) return this.#tail.view().slice(start - this.#tailStart, end - this.#tailStart);
    const values = new Int32Array(end - start);
    readFully(this.#file as number, new Uint8Array(values.buffer), start * Int32Array.BYTES_PER_ELEMENT);
    return values;
  }

  #moveToFile(): void {
    this.#file ??= this.workspace.openFile();
    this.workspace.write(this.#file, this.#tail.view(), this.#tailStart * Int32Array.BYTES_PER_ELEMENT);
    this.#tailStart += this.#tail.length;
    this.#tail = new GrowingArray((length) => new Int32Array(length));
  }
}
