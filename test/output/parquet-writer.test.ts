import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { afterEach, describe, expect, it } from 'vitest';
import { readParquet } from '#dist/input/parquet.js';
import { createParquetWriter } from '#dist/output/parquet-writer.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';

afterEach(removeTemporaryFolders);

/** Writes lines, and reads what was written. */
async function write(lines: readonly string[]) {
  const path = join(makeTemporaryFolder(), 'rows.parquet');
  const writer = createParquetWriter(createWriteStream(path), path);
  for (const line of lines) await writer.write([Buffer.from(line)]);
  await writer.end();
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const rows = await parquetReadObjects({ file, compressors });
  const lists = parquetSchema(metadata).children.map(({ element, children }) => {
    const leaf = children[0]?.children[0]?.element ?? element;
    const kind = `${leaf.type}${leaf.logical_type ? ` ${leaf.logical_type.type}` : ''}`;
    return `${element.name}: ${children.length > 0 ? `list of ${kind}` : kind}`;
  });
  const read: string[] = [];
  for await (const { text } of readParquet(path)) read.push(text);
  return { path, rows, columns: lists, groups: metadata.row_groups.length, read };
}

describe('a Parquet file', () => {
  it('has a column for each key, of what all of its values can be', async () => {
    const { rows, columns } = await write([
      '{"query": "a", "id": 1152921504606846977, "w": 1, "tag": null, "on": true, "neg": ["x", "ä\\u0000\\""], "ranks": [1, null]}',
      '{"query": "b", "id": -2, "w": 1.5, "neg": [], "ranks": [], "late": "y", "scores": [1, 2.5]}',
      '{"tag": "t", "big": 18446744073709551616}',
    ]);
    expect(columns).toEqual([
      'query: BYTE_ARRAY',
      'id: INT64',
      'w: DOUBLE',
      'tag: BYTE_ARRAY',
      'on: BOOLEAN',
      'neg: list of BYTE_ARRAY',
      'ranks: list of INT64',
      'late: BYTE_ARRAY',
      'scores: list of DOUBLE',
      'big: DOUBLE',
    ]);
    expect(rows).toEqual([
      {
        ...{ query: 'a', id: 1152921504606846977n, w: 1, tag: null, on: true, neg: ['x', 'ä\0"'] },
        ...{ ranks: [1n, null], late: null, scores: null, big: null },
      },
      {
        ...{ query: 'b', id: -2n, w: 1.5, tag: null, on: null, neg: [], ranks: [] },
        ...{ late: 'y', scores: [1, 2.5], big: null },
      },
      {
        ...{ query: null, id: null, w: null, tag: 't', on: null, neg: null, ranks: null },
        ...{ late: null, scores: null, big: 18446744073709552000 },
      },
    ]);
  });

  it('holds what is of no kind as JSON, to the letter', async () => {
    const { columns, read } = await write([
      '{"mixed": 1, "object": {"a": [1.0]}, "nested": [["x"], null], "both": ["x", 1], "list": ["x"], "flags": [true]}',
      '{"mixed": "one", "object": null, "nested": [], "both": null, "list": "x", "flags": [false, 2]}',
    ]);
    expect(columns).toEqual(
      ['mixed', 'object', 'nested', 'both', 'list', 'flags'].map((name) => `${name}: BYTE_ARRAY JSON`),
    );
    expect(read.map((line) => JSON.parse(line))).toEqual([
      { mixed: '1', object: '{"a": [1.0]}', nested: '[["x"], null]', both: '["x", 1]', list: '["x"]', flags: '[true]' },
      { mixed: '"one"', object: null, nested: '[]', both: null, list: '"x"', flags: '[false, 2]' },
    ]);
  });

  it('has several row groups where there is much', async () => {
    const text = 'x'.repeat(2 ** 20);
    const lines = Array.from({ length: 100 }, (_, i) => JSON.stringify({ query: `${i} ${text}`, neg: [`${i}`] }));
    const { groups, read } = await write(lines);
    expect(groups).toBe(4);
    expect(read.map((line) => JSON.parse(line))).toEqual(lines.map((line) => JSON.parse(line)));
  });

  it('of no lines is one that can be read', async () => {
    const { path, rows } = await write([]);
    expect(rows).toEqual([]);
    expect(statSync(path).size).toBeGreaterThan(8);
    expect(readFileSync(path).subarray(-4).toString()).toBe('PAR1');
  });
});
