import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HnMineError } from '#dist/errors.js';
import { splitMembers } from '#dist/input/json.js';
import { type PassageFields, Pool, readPassages } from '#dist/input/pool.js';
import { type Row, type RowFields, readRows } from '#dist/input/rows.js';
import { makePassages, makeRows, parseRows, TINY_MODEL, Workspace } from '../cli/run-cli.js';

const ROW_FIELDS: RowFields = { query: 'query', pos: 'pos', neg: 'neg', queryId: 'query_id' };
const PASSAGE_FIELDS: PassageFields = { text: 'text', title: 'title', id: ['_id', 'id'] };

/** A case takes a millisecond; on a busy machine a thousand times that is not yet a hang. */
const CASE_LIMIT_MS = 5000;

/** Numbers that look random and are the same in every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % end;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

// What files are made of.

const TEXTS = ['a text', '', ' ', 'größer 漢字 😀', '\\ud800', '\\udc00\\ud800', '\\u0000', '\\"', '\\\\', '\u2028', 'x'];
const NUMBERS = ['0', '-0', '7', '1.0', '9007199254740993', '1e999', '-1E-400', `1${'0'.repeat(400)}`, '0.1e+308'];
const NAMES = ['query', 'pos', 'neg', 'query_id', 'pos_ids', 'text', 'title', '_id', 'id', 'more', '', 'a\\nb'];
const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
const NOISE = [...'{}[]:,"\\ \n\r\t\0', '\x1b[2J', '\x7f', '01', '+1', '.5', '1.', 'NaN', "'", '\ufeff', 'tru', '\\x'];

function makeValue(random: Random, depth = 3): string {
  const kind = random.below(depth === 0 ? 4 : 7);
  if (kind < 2) return `"${random.pick(TEXTS)}"`;
  if (kind === 2) return random.pick(NUMBERS);
  if (kind === 3) return random.pick(['true', 'false', 'null']);
  const values = random.list(4, () => makeValue(random, depth - 1));
  return kind === 4 ? `{${values.map((value) => `"${random.pick(NAMES)}": ${value}`).join(',')}}` : `[${values}]`;
}

const makeText = (random: Random) => `"${random.pick(TEXTS)}${random.pick(TEXTS)}"`;
const makeTexts = (random: Random) => `[${random.list(3, () => makeText(random)).join(', ')}]`;

/** An object that is a row, a passage, or nearly one of them. */
function makeRecord(random: Random): string {
  const members = random.list(2, () => [random.pick([...NAMES, ...PROTOTYPE_NAMES]), makeValue(random)]);
  if (random.below(8) > 0) members.push(['query', `"q${random.below(9)}"`], ['text', makeText(random)]);
  if (random.below(8) > 0) members.push(['pos', `["p", ${makeText(random)}]`]);
  if (random.below(3) > 0) members.push(['neg', makeTexts(random)], ['title', makeText(random)]);
  if (random.below(3) > 0) members.push(['query_id', random.pick(NUMBERS)], ['_id', `[${random.pick(NUMBERS)}, "b"]`]);
  return `{${members.map(([name, value]) => `"${name}"${random.pick([':', ' : '])}${value}`).join(',')}}`;
}

function makeFile(random: Random): Buffer {
  const lines = Array.from({ length: 1 + random.below(4) }, () => makeRecord(random));
  const ends = random.pick(['\n', '\r\n', '\n\n', '\n \n']);
  return Buffer.from(random.pick(['', '', '\ufeff']) + lines.join(ends) + random.pick(['', ends]));
}

function mutate(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.below(12));
  const [head, piece, tail] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  const ways: readonly (() => Buffer[])[] = [
    () => [head],
    () => [head, tail],
    () => [head, piece, piece, tail],
    () => [head, random.bytes(piece.length), tail],
    () => [head, Buffer.from(random.pick(NOISE)), piece, tail],
    () => [head, Buffer.from(random.pick(NOISE)), tail],
    () => [head, tail, piece],
    () => [head, Buffer.from([(bytes[at] as number) ^ (1 << random.below(8))]), bytes.subarray(at + 1)],
  ];
  return Buffer.concat(random.pick(ways)());
}

/** How a file is made, whose every read must end well. */
type Maker = (random: Random) => Buffer;

const MAKERS: readonly { what: string; count: number; make: Maker }[] = [
  { what: 'random bytes', count: 1500, make: (random) => random.bytes(random.below(200)) },
  {
    what: 'rows with random bytes among them',
    count: 1500,
    make: (random) => Buffer.concat([makeFile(random), Buffer.from('\n'), random.bytes(random.below(9)), makeFile(random)]),
  },
  { what: 'valid and nearly valid rows', count: 2000, make: makeFile },
  { what: 'rows mutated once', count: 3000, make: (random) => mutate(random, makeFile(random)) },
  {
    what: 'rows mutated several times',
    count: 2000,
    make: (random) => random.list(5, () => 0).reduce((bytes) => mutate(random, Buffer.concat([bytes, bytes])), makeFile(random)),
  },
  {
    what: 'text cut inside a character',
    count: 1500,
    make: (random) => {
      const bytes = Buffer.from(`{"query":"${'漢😀ü'.repeat(3)}","text":"${'😀'.repeat(4)}","pos":["${'ü漢'.repeat(3)}"]}`);
      const start = random.below(2) * random.below(bytes.length);
      return Buffer.concat([bytes, Buffer.from('\n'), bytes.subarray(start, start + random.below(bytes.length))]);
    },
  },
  {
    what: 'pieces of JSON in any order',
    count: 1500,
    make: (random) => {
      const pieces = random.list(30, () => random.pick([...NOISE, ...NUMBERS, makeText(random), '{"query":', 'null']));
      return Buffer.from(pieces.join(''));
    },
  },
];

// What must come of them, told from `JSON.parse` and `Buffer` alone.

interface Expected<T> {
  readonly records: readonly T[];
  /** The first line that no record can be read from. */
  readonly badLine: number | undefined;
}

/** The lines of a file, each parsed by `parse`, which throws where there is nothing to be read from it. */
function expectRecords<T>(bytes: Buffer, parse: (record: object, text: string) => T): Expected<T> {
  const records: T[] = [];
  for (let start = 0, number = 1; start < bytes.length; number++) {
    const end = bytes.indexOf('\n', start);
    const line = bytes.subarray(start, end === -1 ? bytes.length : end);
    start += line.length + 1;
    const decoded = line.toString();
    const text = (number === 1 ? decoded.replace(/^\ufeff/, '') : decoded).trimEnd();
    try {
      if (!Buffer.from(decoded).equals(line)) throw new Error('not valid UTF-8');
      if (text === '') continue;
      const record: unknown = JSON.parse(text);
      if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new Error('no object');
      records.push(parse(record, text));
    } catch {
      return { records, badLine: number };
    }
  }
  return { records, badLine: undefined };
}

/** The value of a field, where it passes. */
function take<T>(record: object, field: string, passes: (value: unknown) => value is T): T {
  const value: unknown = Object.getOwnPropertyDescriptor(record, field)?.value;
  if (!passes(value)) throw new Error(field);
  return value;
}

const isNothing = (value: unknown) => value === undefined || value === null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isFullText = (value: unknown): value is string => isText(value) && value.trim() !== '';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isFullTexts = (value: unknown): value is string[] => isTexts(value) && value.length > 0 && value.every(isFullText);
const isId = (value: unknown): value is string | number => isText(value) || typeof value === 'number';
const isIds = (value: unknown): value is unknown => isNothing(value) || [value].flat().every(isId);

function expectRows(bytes: Buffer, fields: RowFields): Expected<object> {
  return expectRecords(bytes, (record, text) => {
    const ids = (field: string) => [take(record, field, isIds) ?? []].flat().filter((id) => id !== '');
    const neg = take(record, fields.neg, (value): value is string[] | null => isNothing(value) || isTexts(value));
    const query = take(record, fields.query, isFullText);
    const pos = take(record, fields.pos, isFullTexts);
    return { text, query, pos, neg: neg ?? [], queryId: ids(fields.queryId).slice(0, 1), posIds: ids('pos_ids') };
  });
}

/** IDs that were numbers are the source's text of them. */
function simplify({ line, query, pos, neg, queryId, posIds }: Row, { posIds: like, queryId: likeId }: Ids): object {
  const asNumber = (id: string, i: number, likes: readonly unknown[]) => (isText(likes[i]) ? id : Number(id));
  const queryIds = queryId === undefined ? [] : [asNumber(queryId, 0, likeId)];
  return { text: line.text, query, pos, neg, queryId: queryIds, posIds: posIds.map((id, i) => asNumber(id, i, like)) };
}

interface Ids {
  readonly posIds: readonly unknown[];
  readonly queryId: readonly unknown[];
}

function expectTexts(bytes: Buffer, fields: PassageFields): Expected<string> {
  return expectRecords(bytes, (record) => {
    const text = take(record, fields.text, isText);
    const title = take(record, fields.title, (value): value is string | null => isNothing(value) || isText(value)) ?? '';
    const id = fields.id.find((field) => !isNothing(Object.getOwnPropertyDescriptor(record, field)?.value));
    if (id !== undefined) take(record, id, isIds);
    return title === '' ? text : `${title} ${text}`.trim();
  });
}

// How they are read.

/** Hands bytes over in pieces of `size`. */
function streamOf(bytes: Buffer, size: number): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
  );
  return Readable.from(pieces, { objectMode: false });
}

interface Reading<T> {
  readonly records: T[];
  readonly error: unknown;
}

/** Everything that a reader gives, and how it ends; a reader that does not end in time has failed. */
async function readAll<T>(read: (onRecord: (record: T) => void) => Promise<void>): Promise<Reading<T>> {
  const records: T[] = [];
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('a hang')), CASE_LIMIT_MS);
  });
  const error = await Promise.race([read((record) => void records.push(record)), limit]).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  clearTimeout(timer);
  if (performance.now() - started > CASE_LIMIT_MS) throw new Error('too slow');
  return { records, error };
}

function readAllRows(bytes: Buffer, size: number, fields = ROW_FIELDS): Promise<Reading<Row>> {
  return readAll(async (onRecord) => {
    for await (const row of readRows(streamOf(bytes, size), fields)) onRecord(row);
  });
}

async function readPool(bytes: Buffer, size: number, fields = PASSAGE_FIELDS): Promise<{ pool: Pool; error: unknown }> {
  const pool = new Pool();
  const { error } = await readAll(() => readPassages(pool, streamOf(bytes, size), fields, () => undefined));
  return { pool, error };
}

/** One line that begins with a place and could stand in any terminal. */
function checkError(error: unknown, place: string, context: string): void {
  expect(error, context).toBeInstanceOf(HnMineError);
  const { code, message } = error as HnMineError;
  expect({ code, place: message.slice(0, place.length) }, context).toEqual({ code: 'input', place });
  expect(message, context).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(message.length, context).toBeLessThan(1200);
}

function checkEnd(error: unknown, name: string, badLine: number | undefined, context: string): void {
  if (badLine === undefined) expect(error, context).toBeUndefined();
  else checkError(error, `${name}:${badLine}: `, context);
}

async function checkRows(bytes: Buffer, size: number, context: string, fields = ROW_FIELDS): Promise<void> {
  const expected = expectRows(bytes, fields);
  const { records, error } = await readAllRows(bytes, size, fields);
  const rows = records.map((row, i) => simplify(row, (expected.records[i] ?? { posIds: [], queryId: [] }) as Ids));
  if (!isDeepStrictEqual(rows, expected.records)) expect(rows, context).toEqual(expected.records);
  checkEnd(error, 'input', expected.badLine, context);
  for (const { line } of records) checkMembers(line.text, context);
}

function checkMembers(text: string, context: string): void {
  const found = new Map(splitMembers(text).map(({ key, value }): [string, unknown] => [key, JSON.parse(value)]));
  const expected = new Map<string, unknown>(Object.entries(JSON.parse(text) as object));
  if (!isDeepStrictEqual(found, expected)) expect(found, context).toEqual(expected);
}

async function checkPool(bytes: Buffer, size: number, context: string, fields = PASSAGE_FIELDS): Promise<void> {
  const expected = expectTexts(bytes, fields);
  const { pool, error } = await readPool(bytes, size, fields);
  const full = expected.records.filter((text) => text.trim() !== '');
  const distinct = [...new Set(full)];
  const counts = { duplicates: full.length - distinct.length, empty: expected.records.length - full.length };
  expect({ texts: pool.texts, duplicates: pool.duplicates, empty: pool.empty }, context).toEqual({
    texts: distinct,
    ...counts,
  });
  checkEnd(error, 'pool', expected.badLine, context);
}

const describeCase = (i: number, bytes: Buffer) => `case ${i}: ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}`;

/** What all objects inherit. */
function listInherited(): PropertyKey[] {
  const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
  return prototypes.flatMap((prototype) => Reflect.ownKeys(prototype));
}

const INHERITED = listInherited();

describe('readers give what JSON.parse gives, or one line that names file and line', () => {
  it.each(MAKERS)('for $what', async ({ what, count, make }) => {
    const random = new Random(what.length);
    const outcomes = { good: 0, bad: 0 };
    for (let i = 0; i < count; i++) {
      const bytes = make(random);
      const size = 1 + random.below(random.pick([8, 64, 1024]));
      const context = describeCase(i, bytes);
      await checkRows(bytes, size, context);
      await checkPool(bytes, size, context);
      outcomes[expectRows(bytes, ROW_FIELDS).badLine === undefined ? 'good' : 'bad']++;
    }
    expect(outcomes.bad).toBeGreaterThan(count / 20);
    expect(listInherited()).toEqual(INHERITED);
  });

  it('for fields that are called like what every object inherits', async () => {
    const random = new Random(42);
    for (let i = 0; i < 1500; i++) {
      const [query, pos, neg, queryId] = Array.from({ length: 4 }, () => random.pick(PROTOTYPE_NAMES)) as string[];
      const names = { query, pos, neg, queryId } as RowFields;
      const members = [`"${query}": "q"`, `"${pos}": ["p"]`, `"${neg}": ["n"]`, `"${queryId}": 7`, '"polluted": {}'];
      const line = `{${members.filter(() => random.below(4) > 0).join(', ')}}`;
      const bytes = Buffer.from(`${line}\n{"__proto__": {"polluted": "yes"}, "${query}": "q", "${pos}": ["p"]}`);
      const context = describeCase(i, bytes);
      await checkRows(bytes, 64, context, names);
      await checkPool(bytes, 64, context, { text: query as string, title: neg as string, id: [queryId as string, 'id'] });
    }
    expect(listInherited()).toEqual(INHERITED);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it('for gzip that is damaged somewhere', async () => {
    const random = new Random(7);
    const outcomes = { whole: 0, damaged: 0, plain: 0 };
    for (let i = 0; i < 1500; i++) {
      const packed = gzipSync(Buffer.concat(Array.from({ length: 1 + random.below(20) }, () => makeFile(random))));
      const bytes = random.below(10) === 0 ? packed : mutate(random, packed);
      const size = 1 + random.below(random.pick([8, 64, 1024]));
      const context = `case ${i}: ${bytes.toString('hex')}`;
      const kind = bytes[0] !== 0x1f || bytes[1] !== 0x8b ? 'plain' : unpack(bytes) ? 'whole' : 'damaged';
      outcomes[kind]++;
      if (kind === 'damaged') {
        const rows = await readAllRows(bytes, size);
        checkError(rows.error, 'input:', context);
        for (const { line } of rows.records) checkMembers(line.text, context);
        checkError((await readPool(bytes, size)).error, 'pool:', context);
      } else {
        const content = kind === 'plain' ? bytes : (unpack(bytes) as Buffer);
        await checkRows(content, size, context);
        await checkRows(bytes, size, context).catch(() => checkSame(bytes, content, size, context));
      }
    }
    expect(Math.min(outcomes.whole, outcomes.damaged, outcomes.plain)).toBeGreaterThan(20);
  });
});

function unpack(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}
