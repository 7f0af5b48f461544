import { constants } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';

/** One record's source text and where it stands. */
export interface Line {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Records as a file's path, a stream of JSONL, or the objects themselves. */
export type Source = string | Readable | Iterable<unknown> | AsyncIterable<unknown>;

const NEWLINE = 0x0a;
const GZIP_MAGIC = [0x1f, 0x8b];
const PARQUET_MAGIC = Buffer.from('PAR1');
const BYTE_ORDER_MARK = '\ufeff';
/** In bytes, of which a character takes one or more. */
const LONGEST_LINE = constants.MAX_STRING_LENGTH;

/**
 * The lines of a source that hold something, gzip unpacked, byte order mark and carriage returns removed. Objects, and rows of
 * Parquet files, become the lines that would have been read from a file.
 *
 * @param name what messages call a source that is no file
 * @throws HnMineError `input`, naming the file and the line
 */
export async function* readLines(source: Source, name: string): AsyncGenerator<Line> {
  if (typeof source === 'string' && (await isParquet(source))) {
    const { readParquet } = await import('./parquet.js');
    yield* readParquet(source);
  } else if (typeof source === 'string') {
    yield* splitLines(createReadStream(source, { highWaterMark: 1 << 18 }), source);
  } else if (isByteStream(source)) {
    yield* splitLines(source, name);
  } else {
    yield* stringifyItems(source, name);
  }
}

/** Whether a file begins as Parquet does. A pipe is not opened: what is read of it is gone. */
async function isParquet(path: string): Promise<boolean> {
  if ((await stat(path).catch(() => undefined))?.isFile() !== true) return false;
  const file = await open(path, 'r').catch(() => undefined);
  try {
    const read = await file?.read(Buffer.alloc(PARQUET_MAGIC.length), 0, PARQUET_MAGIC.length, 0);
    return read?.buffer.equals(PARQUET_MAGIC) === true;
  } finally {
    await file?.close();
  }
}

/** A source in a message: its path, or else what it is. */
export function nameSource(source: Source, name: string): string {
  return typeof source === 'string' ? source : name;
}

/** `FILE:LINE`, the head of every message about a record. */
export function placeOf(line: Line): string {
  return `${line.file}:${line.number}`;
}

function isByteStream(source: object): source is Readable {
  return 'pipe' in source && !('readableObjectMode' in source && source.readableObjectMode === true);
}

async function* splitLines(bytes: Readable, file: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let number = 0;
  const addPending = (part: Buffer) => {
    pending.push(part);
    pendingBytes += part.length;
    if (pendingBytes > LONGEST_LINE)
      throw new HnMineError('input', `${file}:${number + 1}: expected a line of at most ${LONGEST_LINE} bytes`);
  };
  const finish = (): Line | undefined => {
    const bytes = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    const text = decodeLine(decoder, bytes, file, ++number);
    return text === '' ? undefined : { file, number, text };
  };
  for await (const chunk of unpack(bytes, file)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      addPending(chunk.subarray(start, end));
      const line = finish();
      if (line) yield line;
      start = end + 1;
    }
    if (start < chunk.length) addPending(chunk.subarray(start));
  }
  if (pending.length > 0) {
    const line = finish();
    if (line) yield line;
  }
}

function decodeLine(decoder: TextDecoder, bytes: Buffer, file: string, number: number): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    const found = `byte ${findInvalidUtf8(bytes) + 1} of the line`;
    throw new HnMineError('input', `${file}:${number}: not valid UTF-8 (${found})`, { cause });
  }
  if (number === 1 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  return text.trimEnd();
}

/** The offset of the first byte that cannot be decoded, by halving; of the last one where a character is cut off. */
function findInvalidUtf8(bytes: Buffer): number {
  const decodes = (start: number, end: number) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (decodes(startOfCharacter(bytes, valid), middle)) valid = middle;
    else invalid = middle;
  }
  return invalid - 1;
}

/** Where the character begins that byte `at` may belong to; all bytes before it are valid. */
function startOfCharacter(bytes: Buffer, at: number): number {
  let start = Math.max(0, at - 3);
  while (start < at && ((bytes[start] as number) & 0xc0) === 0x80) start++;
  return start;
}

async function* unpack(bytes: Readable, file: string): AsyncGenerator<Buffer> {
  let isPacked = false;
  try {
    const chunks: AsyncIterator<Buffer> = bytes[Symbol.asyncIterator]();
    let head: Buffer = Buffer.alloc(0);
    for (let isAtEnd = false; !isAtEnd && head.length < PARQUET_MAGIC.length; ) {
      const next = await chunks.next();
      isAtEnd = next.done === true;
      if (next.done !== true) head = Buffer.concat([head, next.value]);
    }
    if (head.subarray(0, PARQUET_MAGIC.length).equals(PARQUET_MAGIC))
      throw new HnMineError('input', `${file}: Parquet is read from a file by its name (found a stream)`);
    isPacked = GZIP_MAGIC.every((byte, i) => head[i] === byte);
    const all = prepend(head, chunks);
    yield* isPacked ? pipeline(Readable.from(all), createGunzip(), () => {}) : all;
  } catch (cause) {
    if (cause instanceof HnMineError) throw cause;
    throw new HnMineError('input', `${file}: ${describeReadError(cause, isPacked)}`, { cause });
  } finally {
    bytes.destroy();
  }
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function describeReadError(cause: unknown, isPacked: boolean): string {
  if (hasErrno(cause, 'ENOENT')) return 'no such file';
  if (hasErrno(cause, 'EISDIR')) return 'expected a file (found a folder)';
  if (hasErrno(cause, 'EACCES')) return 'permission denied';
  if (isPacked) return `damaged or truncated gzip (${reasonOf(cause)})`;
  return `cannot be read (${reasonOf(cause)})`;
}

async function* stringifyItems(items: Iterable<unknown> | AsyncIterable<unknown>, name: string): AsyncGenerator<Line> {
  let number = 0;
  for await (const item of items) {
    number++;
    const text = stringifyItem(item, `${name}:${number}`);
    if (text === undefined)
      throw new HnMineError('input', `${name}:${number}: expected an object (found ${typeof item})`);
    yield { file: name, number, text };
  }
}

function stringifyItem(item: unknown, place: string): string | undefined {
  try {
    return JSON.stringify(item);
  } catch (cause) {
    throw new HnMineError('input', `${place}: cannot be written as JSON (${reasonOf(cause)})`, { cause });
  }
}
