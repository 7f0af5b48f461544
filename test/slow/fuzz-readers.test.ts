import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HnMineError } from '#dist/errors.js';
import { splitMembers } from '#dist/input/json.js';
import { type PassageFields, Pool, readPassages } from '#dist/input/pool.js';
import { type Row, type RowFields, readRows } from '#dist/input/rows.js';
import { type ExpectedRow, expectRows, expectTexts } from './expected-records.js';
import { MAKERS, makeFile, mutate, PROTOTYPE_NAMES, Random } from './random-files.js';

const ROW_FIELDS: RowFields = { query: 'query', pos: 'pos', neg: 'neg', queryId: 'query_id' };
const PASSAGE_FIELDS: PassageFields = { text: 'text', title: 'title', id: ['_id', 'id'] };

/** A case takes a millisecond; on a busy machine a thousand times that is not yet a hang. */
const CASE_LIMIT_MS = 5000;

/** A file and how it is handed over. */
interface Case {
  readonly bytes: Buffer;
  /** What the bytes hold where they are packed. */
  readonly content?: Buffer;
  /** Bytes a piece. */
  readonly size: number;
  /** For messages. */
  readonly name: string;
}

function makeCase(random: Random, number: number, bytes: Buffer): Case {
  const shown = JSON.stringify(bytes.toString('latin1').slice(0, 1000));
  return { bytes, size: 1 + random.below(random.pick([8, 64, 1024])), name: `case ${number}: ${shown}` };
}

function openCase({ bytes, size }: Case): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
  );
  return Readable.from(pieces, { objectMode: false });
}

/** What a reader throws, if it does; one that does not end in time has failed. */
async function errorOf(reading: Promise<void>): Promise<unknown> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((_, reject) => {
    timer = setTimeout(() => reject(new Error('not done in time')), CASE_LIMIT_MS);
  });
  const error = await Promise.race([reading, limit]).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  clearTimeout(timer);
  return performance.now() - started > CASE_LIMIT_MS ? new Error('not done in time') : error;
}

async function readAllRows(one: Case, fields = ROW_FIELDS): Promise<{ rows: Row[]; error: unknown }> {
  const rows: Row[] = [];
  const read = async () => {
    for await (const row of readRows(openCase(one), fields)) rows.push(row);
  };
  return { rows, error: await errorOf(read()) };
}

async function readPool(one: Case, fields = PASSAGE_FIELDS): Promise<{ pool: Pool; error: unknown }> {
  const pool = new Pool();
  return { pool, error: await errorOf(readPassages(pool, openCase(one), fields, () => undefined)) };
}

async function checkRows(one: Case, fields = ROW_FIELDS): Promise<void> {
  const expected = expectRows(one.content ?? one.bytes, fields);
  const { rows, error } = await readAllRows(one, fields);
  const found = rows.map((row, i) => likeExpected(row, expected.records[i]));
  if (!isDeepStrictEqual(found, expected.records)) expect(found, one.name).toEqual(expected.records);
  checkEnd(error, 'input', expected.badLine, one);
  for (const { line } of rows) checkMembers(line.text, one);
}

/** A row's IDs are text: of a number, its source text, which need not be how JavaScript writes that number. */
function likeExpected({ line, query, pos, neg, queryId, posIds }: Row, expected: ExpectedRow | undefined): ExpectedRow {
  const likeIds = (ids: readonly string[], values: ExpectedRow['posIds'] = []) =>
    ids.map((id, i) => (typeof values[i] === 'number' ? Number(id) : id));
  const queryIds = likeIds(queryId === undefined ? [] : [queryId], expected?.queryIds);
  return { text: line.text, query, pos, neg, queryIds, posIds: likeIds(posIds, expected?.posIds) };
}

function checkMembers(text: string, { name }: Case): void {
  const found = new Map(splitMembers(text).map(({ key, value }): [string, unknown] => [key, JSON.parse(value)]));
  const expected = new Map<string, unknown>(Object.entries(JSON.parse(text) as object));
  if (!isDeepStrictEqual([...found].sort(), [...expected].sort())) expect(found, name).toEqual(expected);
}

async function checkPool(one: Case, fields = PASSAGE_FIELDS): Promise<void> {
  const expected = expectTexts(one.content ?? one.bytes, fields);
  const { pool, error } = await readPool(one, fields);
  const full = expected.records.filter((text) => text.trim() !== '');
  const texts = [...new Set(full)];
  expect({ texts: [...pool.texts], duplicates: pool.duplicates, empty: pool.empty }, one.name).toEqual({
    texts,
    duplicates: full.length - texts.length,
    empty: expected.records.length - full.length,
  });
  checkEnd(error, 'pool', expected.badLine, one);
}

function checkEnd(error: unknown, file: string, badLine: number | undefined, one: Case): void {
  if (badLine === undefined) expect(error, one.name).toBeUndefined();
  else checkError(error, `${file}:${badLine}: `, one);
}

/** One short line that begins with a place and may be shown in any terminal. */
function checkError(error: unknown, place: string, { name }: Case): void {
  expect(error, name).toBeInstanceOf(HnMineError);
  const { code, message } = error as HnMineError;
  expect({ code, place: message.slice(0, place.length) }, name).toEqual({ code: 'input', place });
  expect(message, name).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(message.length, name).toBeLessThan(1000);
}

/** What all objects inherit, which no input may add to. */
function listInherited(): PropertyKey[] {
  return [Object.prototype, Array.prototype, String.prototype].flatMap((prototype) => Reflect.ownKeys(prototype));
}

const INHERITED = listInherited();

function unpack(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}

describe('readers give what JSON.parse gives, or one line that names file and line', () => {
  it.each(MAKERS)('for $what', async ({ count, make }) => {
    const random = new Random(count);
    let bad = 0;
    for (let i = 0; i < count; i++) {
      const one = makeCase(random, i, make(random));
      await checkRows(one);
      await checkPool(one);
      if (expectRows(one.bytes, ROW_FIELDS).badLine !== undefined) bad++;
    }
    expect(bad).toBeGreaterThan(count / 20);
    expect(listInherited()).toEqual(INHERITED);
  });

  it('for fields that are called like what every object inherits', async () => {
    const random = new Random(42);
    for (let i = 0; i < 1000; i++) {
      const pick = () => random.pick(PROTOTYPE_NAMES);
      const rowFields: RowFields = { query: pick(), pos: pick(), neg: pick(), queryId: pick() };
      const { query, pos, neg, queryId } = rowFields;
      const members = [`"${query}": "q"`, `"${pos}": ["p"]`, `"${neg}": ["n"]`, `"${queryId}": 7`, '"more": {}'];
      const line = `{${members.filter(() => random.below(5) > 0).join(', ')}}`;
      const odd = `{"__proto__": {"polluted": "yes"}, "${query}": "q", "${pos}": ["p"]}`;
      const one = makeCase(random, i, Buffer.from(`{"${query}": "q", "${pos}": ["p"]}\n${odd}\n${line}`));
      await checkRows(one, rowFields);
      await checkPool(one, { text: query, title: neg, id: [queryId, 'id'] });
    }
    expect(listInherited()).toEqual(INHERITED);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it('for gzip that is damaged somewhere', async () => {
    const random = new Random(7);
    const counts = { whole: 0, damaged: 0, plain: 0 };
    for (let i = 0; i < 1000; i++) {
      const files = Array.from({ length: 1 + random.below(20) }, () => makeFile(random));
      const packed = gzipSync(Buffer.concat(files));
      const bytes = random.below(8) === 0 ? packed : mutate(random, packed);
      const one = makeCase(random, i, bytes);
      const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
      const content = isPacked ? unpack(bytes) : bytes;
      if (content) {
        counts[isPacked ? 'whole' : 'plain']++;
        await checkRows({ ...one, content });
        await checkPool({ ...one, content });
      } else {
        counts.damaged++;
        checkError((await readAllRows(one)).error, 'input:', one);
        checkError((await readPool(one)).error, 'pool:', one);
      }
    }
    expect(counts.whole).toBeGreaterThan(80);
    expect(counts.damaged).toBeGreaterThan(500);
    expect(counts.plain).toBeGreaterThan(0);
  });

  const DEPTH = 100_000;
  const SHAPES = [
    { what: 'lists', open: '[', close: ']' },
    { what: 'objects', open: '{"a":', close: '}' },
    { what: 'both', open: '[{"a":', close: '}]' },
  ];
  const PLACES = ['query', 'pos', 'neg', 'query_id', 'pos_ids', 'text', 'title', '_id', 'more'];

  it.each(SHAPES)('for $what nested a hundred thousand deep, whole or not', async ({ open, close }) => {
    const random = new Random(1);
    const whole = `${open.repeat(DEPTH)}0${close.repeat(DEPTH)}`;
    const broken = [whole, open.repeat(DEPTH), whole.slice(0, -1), `${whole}${close[0]}`, close.repeat(DEPTH)];
    for (const [i, line] of broken.entries()) {
      const one = makeCase(random, i, Buffer.from(line));
      // An object that is whole is a record without the fields.
      const says = i > 0 ? 'not valid JSON' : open.startsWith('{') ? 'missing' : 'expected a JSON object';
      const { error } = await readAllRows({ ...one, size: 4096 });
      checkError(error, 'input:1: ', one);
      expect((error as HnMineError).message).toContain(says);
    }
    const base = { query: '"q"', pos: '["p"]', text: '"t"' };
    for (const place of PLACES) {
      const members = Object.entries({ ...base, [place]: whole });
      const line = `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
      const one = { bytes: Buffer.from(line), size: 4096, name: place };
      const { rows, error } = await readAllRows(one);
      const isOfRows = ['query', 'pos', 'neg', 'query_id', 'pos_ids'].includes(place);
      if (isOfRows) checkError(error, `input:1: "${place}"`, one);
      else expect(splitMembers((rows[0] as Row).line.text).map(({ key, value }) => [key, value])).toEqual(members);
      const { pool, error: poolError } = await readPool(one);
      if (['text', 'title', '_id'].includes(place)) checkError(poolError, `pool:1: "${place}"`, one);
      else expect([...pool.texts]).toEqual(['t']);
    }
  });

  it('for long numbers, strings and lists among the IDs', async () => {
    const long = 5_000_000;
    const ids = ['1'.repeat(long), `"${'x'.repeat(long)}"`, `"${'\\"'.repeat(long)}"`, `"${'\\n1'.repeat(long)}"`];
    const bytes = Buffer.from(`{"query":"q","pos":["p"],"pos_ids":[${ids}, 2]}`);
    const { rows, error } = await readAllRows({ bytes, size: 1 << 16, name: 'long IDs' });
    expect(error).toBeUndefined();
    const expected = ['1'.repeat(long), 'x'.repeat(long), '"'.repeat(long), '\n1'.repeat(long), '2'];
    expect(rows[0]?.posIds.map((id, i) => id === expected[i])).toEqual([true, true, true, true, true]);
  });

  it('for names of fields that are long, many, or hold control characters', async () => {
    const names = ['a\u2028\x1b[31m\n\r', 'x'.repeat(1_000_000), ...Array.from({ length: 100_000 }, (_, i) => `k${i}`)];
    const bytes = Buffer.from(JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))));
    const one = { bytes, size: 1 << 16, name: 'names' };
    const { error } = await readAllRows(one);
    checkError(error, 'input:1: "query" is missing (found "a', one);
    expect((error as HnMineError).message).toMatch(/, "k9" and 99990 more\); name the field with --query-field$/);
  });
});
