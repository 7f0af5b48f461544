import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
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

async function* readGroups(path: string): AsyncGenerator<Record<string, unknown>[]> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      yield await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
      rowStart = rowEnd;
    }
  } catch (cause) {
    throw new HnMineError('input', `${path}: not a whole Parquet file (${reasonOf(cause)})`, { cause });
  }
}

/** As `JSON.stringify`, with Python's spaces, all digits of whole numbers, and columns of numbers as lists. */
function formatJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value) ?? 'null';
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  if (ArrayBuffer.isView(value)) return formatJson(Array.from(value as unknown as ArrayLike<number | bigint>));
  if (Array.isArray(value)) return `[${value.map(formatJson).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${formatJson(one)}`)
    .join(', ')}}`;
}
