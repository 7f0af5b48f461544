import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';
import { GrowingArray } from './growing-array.js';

/** Texts by position, wherever they are kept. */
export interface Texts {
  readonly length: number;
  at(i: number): string;
  /** Grows with the text's length, and costs nothing to ask for. */
  sizeOf(i: number): number;
}

/** Texts that are there already. */
export function listTexts(texts: readonly string[]): Texts {
  return { length: texts.length, at: (i) => texts[i] as string, sizeOf: (i) => (texts[i] as string).length };
}

const PIECE_BYTES = 1 << 20;

/** Bytes in memory up to a limit, beyond it in a temporary file; 8 bytes a text stay in memory. */
export class TextSpool implements Texts {
  readonly #limit: number;
  /** Where each text ends, counted from the first byte of the first. */
  readonly #ends = new GrowingArray((length) => new Float64Array(length));
  /** Texts with lone surrogates, which UTF-8 cannot hold: these are kept as UTF-16. */
  readonly #wide = new Set<number>();
  /** Full pieces that are in memory, and where each starts. */
  #pieces: Buffer[] = [];
  #starts: number[] = [];
  #tail = Buffer.alloc(PIECE_BYTES);
  #tailStart = 0;
  #end = 0;
  #file: number | undefined;

  /** @param limit bytes kept in memory */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#ends.length;
  }

  /** Whether the texts have outgrown the memory. */
  get isOnDisk(): boolean {
    return this.#file !== undefined;
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
    const start = this.#startOf(i);
    return this.#read(start, this.#ends.at(i) - start).toString(this.#wide.has(i) ? 'utf16le' : 'utf8');
  }

  sizeOf(i: number): number {
    return this.#ends.at(i) - this.#startOf(i);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#pieces = [];
  }

  #startOf(i: number): number {
    return i === 0 ? 0 : this.#ends.at(i - 1);
  }

  #read(start: number, length: number): Buffer {
    if (start >= this.#tailStart) return this.#tail.subarray(start - this.#tailStart, start - this.#tailStart + length);
    if (this.#file !== undefined) {
      const bytes = Buffer.allocUnsafe(length);
      for (let done = 0; done < length; ) done += readSync(this.#file, bytes, done, length - done, start + done);
      return bytes;
    }
    const piece = findLast(this.#starts, start);
    const offset = start - (this.#starts[piece] as number);
    return (this.#pieces[piece] as Buffer).subarray(offset, offset + length);
  }

  #startPiece(needed: number): void {
    const full = this.#tail.subarray(0, this.#end - this.#tailStart);
    if (this.#file !== undefined) {
      this.#write(full);
    } else if (this.#end > this.#limit) {
      this.#file = openTemporaryFile();
      for (const piece of [...this.#pieces, full]) this.#write(piece);
      this.#pieces = [];
      this.#starts = [];
    } else {
      this.#pieces.push(full);
      this.#starts.push(this.#tailStart);
      this.#tail = Buffer.alloc(0);
    }
    if (this.#tail.length < Math.max(needed, PIECE_BYTES)) this.#tail = Buffer.alloc(Math.max(needed, PIECE_BYTES));
    this.#tailStart = this.#end;
  }

  #write(bytes: Buffer): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file as number, bytes, done);
    } catch (cause) {
      const reason = hasErrno(cause, 'ENOSPC') ? 'the disk is full' : reasonOf(cause);
      const advice = 'free space, set TMPDIR to a folder on another disk, or give more --memory';
      throw new HnMineError('output', `${tmpdir()}: texts cannot be kept there (${reason}); ${advice}`, { cause });
    }
  }
}

/** Without a name from the start, where the system allows it, so that a killed run leaves nothing behind. */
export function openTemporaryFile(): number {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'hn-mine-'));
    const file = openSync(join(folder, 'data'), 'wx+');
    rmSync(folder, { recursive: true, force: true });
    return file;
  } catch (cause) {
    const advice = 'set TMPDIR to a folder that can be written';
    throw new HnMineError('output', `${tmpdir()}: no temporary file (${reasonOf(cause)}); ${advice}`, { cause });
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
