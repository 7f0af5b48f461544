import { readFully } from './file-access.js';
import { GrowingArray } from './growing-array.js';
import type { CostlyList } from './take-fitting.js';
import type { Workspace } from './workspace.js';

/** Texts by position, wherever they are kept. */
export interface Texts extends CostlyList<string>, Iterable<string> {}

/** Texts that are made when they are asked for. */
export function listLazily(length: number, at: (i: number) => string, sizeOf: (i: number) => number): Texts {
  return {
    length,
    at,
    sizeOf,
    *[Symbol.iterator]() {
      for (let i = 0; i < length; i++) yield at(i);
    },
  };
}

/** Texts that are there already. */
export function listTexts(texts: readonly string[]): Texts {
  const at = (i: number) => texts[i] as string;
  return listLazily(texts.length, at, (i) => at(i).length);
}

/** Some of other texts, in the order of their positions. */
export function selectTexts(texts: Texts, positions: ArrayLike<number>): Texts {
  const position = (i: number) => positions[i] as number;
  return listLazily(
    positions.length,
    (i) => texts.at(position(i)),
    (i) => texts.sizeOf(position(i)),
  );
}

const PIECE_BYTES = 1 << 20;

/** Bytes in memory up to a limit, beyond it in a temporary file; 8 bytes a text stay in memory. */
export class TextSpool implements Texts {
  readonly #workspace: Workspace | undefined;
  readonly #limit: number;
  /** Where each text ends, counted from the first byte of the first. */
  readonly #ends = new GrowingArray((length) => new Float64Array(length));
  /** Texts with lone surrogates, which UTF-8 cannot hold: these are kept as UTF-16. */
  readonly #wide = new Set<number>();
  /** Full pieces that are in memory, and where each starts. */
  #pieces: Buffer[] = [];
  #starts: number[] = [];
  #tail = Buffer.alloc(0);
  #tailStart = 0;
  #end = 0;
  #file: number | undefined;

  /**
   * @param workspace where the file is made; without one, everything stays in memory
   * @param limit bytes kept in memory
   */
  constructor(workspace?: Workspace, limit = Number.POSITIVE_INFINITY) {
    this.#workspace = workspace;
    this.#limit = limit;
  }

  get length(): number {
    return this.#ends.length;
  }

  /** @returns the text's position @throws HnMineError `output` where the temporary folder is full */
  add(text: string): number {
    const isWide = !text.isWellFormed();
    const bytes = Buffer.from(text, isWide ? 'utf16le' : 'utf8');
    if (bytes.length > this.#tail.length - (this.#end - this.#tailStart)) this.#startPiece(bytes.length);
    bytes.copy(this.#tail, this.#end - this.#tailStart);
    this.#end += bytes.length;
    const position = this.#ends.push(this.#end);
    if (isWide) this.#wide.add(position);
    return position;
  }

  at(i: number): string {
    return this.bytesAt(i).toString(this.#wide.has(i) ? 'utf16le' : 'utf8');
  }

  /** The bytes of a text, to be read only: UTF-8, or UTF-16 where it has lone surrogates. */
  bytesAt(i: number): Buffer {
    return this.#read(this.#startOf(i), this.sizeOf(i));
  }

  sizeOf(i: number): number {
    return this.#ends.at(i) - this.#startOf(i);
  }

  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  #startOf(i: number): number {
    return i === 0 ? 0 : this.#ends.at(i - 1);
  }

  #read(start: number, length: number): Buffer {
    if (start >= this.#tailStart) return this.#tail.subarray(start - this.#tailStart, start - this.#tailStart + length);
    if (this.#file !== undefined) {
      const bytes = Buffer.allocUnsafe(length);
      readFully(this.#file, bytes, start);
      return bytes;
    }
    const piece = findLast(this.#starts, start);
    const offset = start - (this.#starts[piece] as number);
    return (this.#pieces[piece] as Buffer).subarray(offset, offset + length);
  }

  /** Texts never lie across two pieces. */
  #startPiece(needed: number): void {
    const full = this.#tail.subarray(0, this.#end - this.#tailStart);
    if (this.#file !== undefined) this.#write(full, this.#tailStart);
    else if (this.#workspace && this.#end > this.#limit) this.#moveToFile(this.#workspace, full);
    else this.#keepPiece(full);
    const size = Math.max(needed, PIECE_BYTES);
    if (this.#tail.length < size || this.#file === undefined) this.#tail = Buffer.allocUnsafeSlow(size);
    this.#tailStart = this.#end;
  }

  #keepPiece(full: Buffer): void {
    this.#pieces.push(full);
    this.#starts.push(this.#tailStart);
  }

  #moveToFile(workspace: Workspace, full: Buffer): void {
    this.#file = workspace.openFile();
    this.#keepPiece(full);
    for (const [i, piece] of this.#pieces.entries()) this.#write(piece, this.#starts[i] as number);
    this.#pieces = [];
    this.#starts = [];
  }

  #write(bytes: Buffer, position: number): void {
    this.#workspace?.write(this.#file as number, bytes, position);
  }
}

/** The last position whose value is at most `limit`, in an ascending list. */
function findLast(values: readonly number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= limit) low = middle;
    else high = middle;
  }
  return low;
}
