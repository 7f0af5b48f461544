import { asyncBufferFromFile, type ParquetParsers, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';

import { compressors } from 'hyparquet-compressors';
import { HnMineError, reasonOf } from '../errors.js';
import type { Line } from './lines.js';

/**
 * The rows of a Parquet file as the lines of JSON that they would be, a row group at a time.
 *
 * @throws HnMineError `input` where the file is damaged, or holds what JSON cannot
 */
export async function* readParquet(path: string): AsyncGenerator<Line> {
  let number = 0;
  for await (const rows of readGroups(path)) {
    for (const row of rows) yield { file: path, number: ++number, text: formatJson(row) };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Times keep all their digits, and text that is none is refused. */
const PARSERS = {
  stringFromBytes: (bytes: Uint8Array) => bytes && utf8.decode(bytes),
  timestampFromMicroseconds: (micros: bigint) => formatTime(micros, 1_000_000n, 6),
  timestampFromNanoseconds: (nanos: bigint) => formatTime(nanos, 1_000_000_000n, 9),
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

function formatTime(time: bigint, unit: bigint, digits: number): string {
  const rest = ((time % unit) + unit) % unit;
  const seconds = new Date(Number((time - rest) / unit) * 1000).toISOString().slice(0, -'.000Z'.length);
  return `${seconds}.${String(rest).padStart(digits, '0')}Z`;
}

async function* readGroups(path: string): AsyncGenerator<Record<string, unknown>[]> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const parsers = PARSERS as unknown as Partial<ParquetParsers>;
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      yield await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false, rowStart, rowEnd });
      rowStart = rowEnd;
    }
  } catch (cause) {
    // What the library stumbles over in a damaged file says nothing to its user.
    const isStumble = cause instanceof TypeError || cause instanceof RangeError;
    const isText = cause instanceof Error && 'code' in cause && cause.code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const reason = isText ? 'text that is not valid UTF-8' : isStumble ? 'damaged or cut off' : reasonOf(cause);
    throw new HnMineError('input', `${path}: cannot be read as Parquet (${reason})`, { cause });
  }
}

/** As `JSON.stringify`, with Python's spaces, all digits of whole numbers, and columns of numbers as lists. */
function formatJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value) ?? 'null';
  if (value instanceof Uint8Array) return JSON.stringify(decodeBytes(value));
  if (ArrayBuffer.isView(value)) return formatJson(Array.from(value as unknown as ArrayLike<number | bigint>));
  if (Array.isArray(value)) return `[${value.map(formatJson).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${formatJson(one)}`)
    .join(', ')}}`;
}

/** Some programs write text without saying that it is text; what cannot be text is base64. */
function decodeBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('base64');
  }
}
