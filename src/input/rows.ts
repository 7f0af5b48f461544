import { HnMineError } from '../errors.js';
import {
  abbreviate,
  describeKind,
  type JsonObject,
  parseObject,
  parseWithNumbersAsText,
  splitMembers,
} from './json.js';
import { type Line, placeOf, readLines, type Source } from './lines.js';

/** One training record. */
export interface Row {
  readonly line: Line;
  readonly query: string;
  /** At least one. */
  readonly pos: readonly string[];
  /** The negatives that the row came with. */
  readonly neg: readonly string[];
  readonly queryId?: string;
  readonly posIds: readonly string[];
}

/** The names of the fields that a row is read from; `queryId` only where rows carry one. */
export interface RowFields {
  readonly query: string;
  readonly pos: string;
  readonly neg: string;
  readonly queryId: string;
}

/** What a message shows of the names of a record's fields. */
const MOST_NAMES = 12;
const MOST_OF_NAME = 40;

/** What a row's positives may be identified by. */
const POS_IDS_FIELD = 'pos_ids';

/** @throws HnMineError `input`, naming file, line and field */
export async function* readRows(source: Source, fields: RowFields): AsyncGenerator<Row> {
  for await (const line of readLines(source, 'input')) yield parseRow(line, fields);
}

/** @throws HnMineError `input`, naming file, line and field */
export function parseRow(line: Line, fields: RowFields): Row {
  const record = parseObject(line);
  const queryId = readIds(line, record, fields.queryId)[0];
  return {
    line,
    query: readQuery(line, record, fields.query),
    pos: readPositives(line, record, fields.pos),
    neg: record[fields.neg] == null ? [] : readTexts(line, record[fields.neg], fields.neg),
    ...(queryId === undefined ? {} : { queryId }),
    posIds: readIds(line, record, POS_IDS_FIELD),
  };
}

function readQuery(line: Line, record: JsonObject, field: string): string {
  const query = record[field];
  if (query === undefined) throw missingField(line, record, field, '--query-field');
  if (typeof query !== 'string') {
    throw new HnMineError('input', `${placeOf(line)}: "${field}" must be a string (found ${describeKind(query)})`);
  }
  if (query.trim() === '') throw new HnMineError('input', `${placeOf(line)}: "${field}" must not be empty`);
  return query;
}

function readPositives(line: Line, record: JsonObject, field: string): string[] {
  if (record[field] === undefined) throw missingField(line, record, field, '--pos-field');
  const pos = readTexts(line, record[field], field);
  const empty = pos.findIndex((text) => text.trim() === '');
  if (empty !== -1) throw new HnMineError('input', `${placeOf(line)}: "${field}"[${empty}] must not be empty`);
  if (pos.length > 0) return pos;
  throw new HnMineError('input', `${placeOf(line)}: "${field}" must hold at least one string (found an empty list)`);
}

function readTexts(line: Line, value: unknown, field: string): string[] {
  if (!Array.isArray(value)) {
    const advice = typeof value === 'string' ? '; write ["…"]' : '';
    const found = describeKind(value);
    throw new HnMineError('input', `${placeOf(line)}: "${field}" must be a list of strings (found ${found})${advice}`);
  }
  const odd = value.findIndex((text) => typeof text !== 'string');
  if (odd === -1) return value as string[];
  const found = describeKind(value[odd]);
  throw new HnMineError('input', `${placeOf(line)}: "${field}"[${odd}] must be a string (found ${found})`);
}

/** One ID or a list of them, empty ones and null left out; numbers are taken from the source text, since 64 bits do not fit a number. */
function readIds(line: Line, record: JsonObject, field: string): string[] {
  const value = record[field];
  if (value == null) return [];
  const ids = [value].flat().filter((id) => id !== null);
  if (!ids.every((id) => typeof id === 'string' || typeof id === 'number')) {
    const found = describeKind(value);
    throw new HnMineError('input', `${placeOf(line)}: "${field}" must be an ID, a string or a number (found ${found})`);
  }
  return (ids.every((id) => typeof id === 'string') ? ids : readNumbers(line, field)).filter((id) => id !== '');
}

function readNumbers(line: Line, field: string): string[] {
  const source = splitMembers(line.text).find((member) => member.key === field)?.value ?? '[]';
  return [parseWithNumbersAsText(source)].flat().filter((id) => id !== null) as string[];
}

/** The ID of a record, as text. @throws HnMineError `input` where it is neither a string nor a number */
export function readId(line: Line, record: JsonObject, field: string): string | undefined {
  return readIds(line, record, field)[0];
}

/** The message for a record without a field that it needs, with what it has instead. */
export function missingField(line: Line, record: JsonObject, field: string, flag: string): HnMineError {
  const names = Object.keys(record);
  const shown = names.slice(0, MOST_NAMES).map((name) => `"${abbreviate(name, MOST_OF_NAME)}"`);
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const found = names.length === 0 ? 'no fields' : shown.join(', ') + more;
  return new HnMineError(
    'input',
    `${placeOf(line)}: "${field}" is missing (found ${found}); name the field with ${flag}`,
  );
}
