import { HnMineError } from '../errors.js';
import { describeKind, parseObject } from './json.js';
import { type Line, placeOf, readLines, type Source } from './lines.js';
import { missingField, readId } from './rows.js';

/** A query with its ID, as it stands in a file of its own. */
export interface Query {
  readonly line: Line;
  readonly id: string;
  readonly text: string;
}

/** The names of the fields that a query is read from: the first that it has. */
export interface QueryFields {
  readonly text: readonly string[];
  readonly id: readonly string[];
}

/**
 * Queries as JSONL, as BEIR has them, or as a table `id<TAB>text`, as MS MARCO has them.
 *
 * @throws HnMineError `input`, naming file, line and field
 */
export async function* readQueries(source: Source, fields: QueryFields): AsyncGenerator<Query> {
  let isTable: boolean | undefined;
  for await (const line of readLines(source, 'queries')) {
    isTable ??= !line.text.trimStart().startsWith('{') && line.text.includes('\t');
    yield isTable ? readColumns(line) : readRecord(line, fields);
  }
}

function readColumns(line: Line): Query {
  const tab = line.text.indexOf('\t');
  if (tab > 0) return { line, id: line.text.slice(0, tab), text: line.text.slice(tab + 1) };
  throw new HnMineError(
    'input',
    `${placeOf(line)}: expected "id<TAB>text" (found no ${tab === 0 ? 'ID' : 'tab, or no text after it'})`,
  );
}

function readRecord(line: Line, fields: QueryFields): Query {
  const record = parseObject(line);
  const textField = fields.text.find((field) => record[field] !== undefined);
  if (textField === undefined) throw missingField(line, record, fields.text.join('" or "'), '--query-field');
  const text = record[textField];
  if (typeof text !== 'string') {
    throw new HnMineError('input', `${placeOf(line)}: "${textField}" must be a string (found ${describeKind(text)})`);
  }
  const idField = fields.id.find((field) => record[field] != null);
  const id = idField === undefined ? undefined : readId(line, record, idField);
  if (id === undefined) throw missingField(line, record, fields.id.join('" or "'), '--query-id-field');
  return { line, id, text };
}
