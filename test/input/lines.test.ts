import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { placeOf, readLines, type Source } from '#dist/input/lines.js';

const folder = mkdtempSync(join(tmpdir(), 'lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(content: string | Uint8Array, name = 'rows.jsonl'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A stream that hands its bytes over in pieces of `size`. */
function streamOf(bytes: Uint8Array, size: number): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
  );
  return Readable.from(pieces, { objectMode: false });
}

async function read(source: Source): Promise<[number, string][]> {
  const lines: [number, string][] = [];
  for await (const { number, text } of readLines(source, 'input')) lines.push([number, text]);
  return lines;
}

const messageOf = (source: Source) =>
  read(source).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('readLines', () => {
  it.each<{ title: string; content: string; lines: [number, string][] }>([
    // biome-ignore format: number and text, side by side
    { title: 'lines', content: '{"a":1}\n{"b":2}\n', lines: [[1, '{"a":1}'], [2, '{"b":2}']] },
    // biome-ignore format: number and text, side by side
    { title: 'a last line without a line break', content: '{}\n{"b":2}', lines: [[1, '{}'], [2, '{"b":2}']] },
    // biome-ignore format: number and text, side by side
    { title: 'Windows line breaks', content: '{}\r\n{"b":2}\r\n', lines: [[1, '{}'], [2, '{"b":2}']] },
    { title: 'a byte order mark', content: '\ufeff{"a":1}\n', lines: [[1, '{"a":1}']] },
    { title: 'blank lines, counting them', content: '\n  \n\r\n{}\n\n', lines: [[4, '{}']] },
    { title: 'nothing', content: '', lines: [] },
    { title: 'only a byte order mark', content: '\ufeff', lines: [] },
    { title: 'only blank lines', content: '\n\n \n', lines: [] },
    {
      title: 'other kinds of line breaks inside a text',
      content: '"\u2028\u0085\v"\n',
      lines: [[1, '"\u2028\u0085\v"']],
    },
  ])('reads $title', async ({ content, lines }) => {
    expect(await read(fileOf(content))).toEqual(lines);
  });

  it('keeps a byte order mark that is not the first character', async () => {
    expect(await read(fileOf('{}\n"\ufeffa"\n'))).toEqual([
      [1, '{}'],
      [2, '"\ufeffa"'],
    ]);
  });

  it('reads any lines from pieces of any size, packed or not', async () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text) && text === text.trim());
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (texts, size, isPacked) => {
        const plain = Buffer.from(texts.join('\n'));
        const bytes = isPacked ? gzipSync(plain) : plain;
        const expected = texts.map((text, i) => [i + 1, text]).filter(([, text]) => text !== '');
        expect(await read(streamOf(bytes, size))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('reads a line that is longer than any piece', async () => {
    const long = JSON.stringify({ text: 'ü'.repeat(700_000) });
    expect(await read(fileOf(`${long}\n{}\n`))).toEqual([
      [1, long],
      [2, '{}'],
    ]);
  });

  it('unpacks gzip whatever the file is called, members one after the other included', async () => {
    const bytes = Buffer.concat([gzipSync('{"a":1}\n{"b'), gzipSync('":2}\n')]);
    expect(await read(fileOf(bytes))).toEqual([
      [1, '{"a":1}'],
      [2, '{"b":2}'],
    ]);
  });

  it.each<{ title: string; source: Source }>([
    { title: 'a list', source: [{ query: 'q' }, { query: 'r' }] },
    { title: 'a set', source: new Set([{ query: 'q' }, { query: 'r' }]) },
    { title: 'a stream of objects', source: Readable.from([{ query: 'q' }, { query: 'r' }]) },
    {
      title: 'a generator',
      source: (async function* () {
        yield { query: 'q' };
        yield { query: 'r' };
      })(),
    },
  ])('numbers the objects of $title', async ({ source }) => {
    const lines = [];
    for await (const line of readLines(source, 'input')) lines.push(line);
    expect(lines).toEqual([
      { file: 'input', number: 1, text: '{"query":"q"}' },
      { file: 'input', number: 2, text: '{"query":"r"}' },
    ]);
  });

  it('names the file of a line', async () => {
    const path = fileOf('{}\n');
    for await (const line of readLines(path, 'input')) expect(placeOf(line)).toBe(`${path}:1`);
    for await (const line of readLines(streamOf(Buffer.from('\n{}'), 1), 'input'))
      expect(placeOf(line)).toBe('input:2');
  });

  it('passes on what the source throws', async () => {
    const source = (async function* () {
      yield {};
      throw new Error('the database went away');
    })();
    expect(await messageOf(source)).toBe('the database went away');
  });

  it('closes the file when nobody reads on', async () => {
    const stream = streamOf(Buffer.from('{}\n{}\n{}\n'), 3);
    for await (const _ of readLines(stream, 'input')) break;
    expect(stream.destroyed).toBe(true);
  });
});

describe('readLines refuses', () => {
  const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));

  it.each([
    {
      title: 'a byte that starts nothing',
      content: bytes('{}\n"ab', [0xff], 'c"\n'),
      place: ':2',
      found: 'byte 4 of the line',
    },
    {
      title: 'a character that goes on wrongly',
      content: bytes('"ü', [0xe2, 0x82], '"'),
      place: ':1',
      found: 'byte 6 of the line',
    },
    {
      title: 'an overlong character',
      content: bytes('"', [0xc0, 0xaf], '"'),
      place: ':1',
      found: 'byte 2 of the line',
    },
    {
      title: 'half a surrogate pair',
      content: bytes('"', [0xed, 0xa0, 0x80], '"'),
      place: ':1',
      found: 'byte 3 of the line',
    },
    {
      title: 'a character that ends too soon',
      content: bytes('{}\n\n"', [0xe2, 0x82]),
      place: ':3',
      found: 'byte 3 of the line',
    },
    {
      title: 'the byte after a byte order mark',
      content: bytes('\ufeff', [0x80]),
      place: ':1',
      found: 'byte 4 of the line',
    },
  ])('$title', async ({ content, place, found }) => {
    const path = fileOf(content);
    expect(await messageOf(path)).toBe(`${path}${place}: not valid UTF-8 (${found})`);
  });

  it('a file that is not there', async () => {
    expect(await messageOf(join(folder, 'absent.jsonl'))).toBe(`${join(folder, 'absent.jsonl')}: no such file`);
  });

  it('a folder', async () => {
    expect(await messageOf(folder)).toBe(`${folder}: expected a file (found a folder)`);
  });

  it('gzip that was cut off', async () => {
    const packed = gzipSync(JSON.stringify({ text: Array.from({ length: 999 }, (_, i) => i * i) }));
    const path = fileOf(packed.subarray(0, packed.length - 9), 'cut.gz');
    expect(await messageOf(path)).toBe(`${path}: damaged or truncated gzip (unexpected end of file)`);
  });

  it('gzip that is damaged', async () => {
    const packed = gzipSync('{"text": "a text that is damaged"}');
    packed.writeUInt32LE(7, packed.length - 8);
    const path = fileOf(packed, 'damaged.gz');
    expect(await messageOf(path)).toBe(`${path}: damaged or truncated gzip (incorrect data check)`);
  });

  it.each([
    { title: 'undefined', item: undefined, found: 'undefined' },
    { title: 'a function', item: () => {}, found: 'function' },
    { title: 'a symbol', item: Symbol('s'), found: 'symbol' },
  ])('$title among the objects', async ({ item, found }) => {
    expect(await messageOf([{}, item])).toBe(`input:2: expected an object (found ${found})`);
  });

  it('an object that is no JSON', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(await messageOf([{}, { id: 1n }])).toBe(
      'input:2: cannot be written as JSON (Do not know how to serialize a BigInt)',
    );
    expect(await messageOf([circle])).toBe(
      'input:1: cannot be written as JSON (Converting circular structure to JSON)',
    );
  });
});
