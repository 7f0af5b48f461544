import type { PassageFields } from '#dist/input/pool.js';
import type { RowFields } from '#dist/input/rows.js';

/** What a file must give, told from `JSON.parse` and `Buffer` alone. */
export interface Expected<T> {
  readonly records: readonly T[];
  /** The first line that no record can be read from. */
  readonly badLine: number | undefined;
}

/** A row as it must be read, its IDs as they were parsed. */
export interface ExpectedRow {
  readonly text: string;
  readonly query: string;
  readonly pos: readonly string[];
  readonly neg: readonly string[];
  readonly queryIds: readonly (string | number)[];
  readonly posIds: readonly (string | number)[];
}

export function expectRows(content: Buffer, fields: RowFields): Expected<ExpectedRow> {
  return expectRecords(content, (record, text) => ({
    text,
    query: take(record, fields.query, isFullText),
    pos: take(record, fields.pos, isFullTexts),
    neg: isNothing(fieldOf(record, fields.neg)) ? [] : take(record, fields.neg, isTexts),
    queryIds: takeIds(record, fields.queryId).slice(0, 1),
    posIds: takeIds(record, 'pos_ids'),
  }));
}

/** The texts of a pool with their titles, doubles and empty ones included. */
export function expectTexts(content: Buffer, fields: PassageFields): Expected<string> {
  return expectRecords(content, (record) => {
    const text = take(record, fields.text, isText);
    const title = isNothing(fieldOf(record, fields.title)) ? '' : take(record, fields.title, isText);
    const id = fields.id.find((field) => !isNothing(fieldOf(record, field)));
    if (id !== undefined) takeIds(record, id);
    return title === '' ? text : `${title} ${text}`.trim();
  });
}

/** @param parse throws where nothing can be read from a line */
function expectRecords<T>(content: Buffer, parse: (record: object, text: string) => T): Expected<T> {
  const records: T[] = [];
  for (let start = 0, number = 1; start < content.length; number++) {
    const end = content.indexOf('\n', start);
    const line = content.subarray(start, end === -1 ? content.length : end);
    start += line.length + 1;
    const decoded = line.toString();
    const text = (number === 1 ? decoded.replace(/^\ufeff/, '') : decoded).trimEnd();
    try {
      if (!Buffer.from(decoded).equals(line)) throw new Error('not valid UTF-8');
      if (text === '') continue;
      const record: unknown = JSON.parse(text);
      if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new Error('not an object');
      records.push(parse(record, text));
    } catch {
      return { records, badLine: number };
    }
  }
  return { records, badLine: undefined };
}

const fieldOf = (record: object, field: string): unknown => Object.getOwnPropertyDescriptor(record, field)?.value;

/** The value of a field, which must pass. */
function take<T>(record: object, field: string, passes: (value: unknown) => value is T): T {
  const value = fieldOf(record, field);
  if (!passes(value)) throw new Error(`not a valid ${field}`);
  return value;
}

function takeIds(record: object, field: string): (string | number)[] {
  const ids = [fieldOf(record, field)].flat().filter((id) => !isNothing(id));
  if (!ids.every(isId)) throw new Error(`not a valid ${field}`);
  return ids.filter((id) => id !== '');
}

const isNothing = (value: unknown) => value === undefined || value === null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isFullText = (value: unknown): value is string => isText(value) && value.trim() !== '';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isFullTexts = (value: unknown): value is string[] =>
  isTexts(value) && value.length > 0 && value.every(isFullText);
const isId = (value: unknown): value is string | number => isText(value) || typeof value === 'number';
