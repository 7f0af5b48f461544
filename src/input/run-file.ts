import { HnMineError } from '../errors.js';
import { abbreviate, parseObject, parseWithNumbersAsText, splitMembers } from './json.js';
import { readMembers } from './json-members.js';
import { type Line, placeOf, readLines, type Source } from './lines.js';

/** What a run says of one query. */
export interface RunRecord {
  /** The query's ID, or its text. */
  readonly query: string;
  /** Of passages, best first. */
  readonly ids: readonly string[];
  /** Where it begins. */
  readonly line: Line;
}

/** Fields of a JSONL record. */
const QUERY_FIELDS = ['query_id', 'qid', 'query'];
const RANKING_FIELDS = ['ids', 'results', 'hits', 'docs'];
/** Of a passage in a list of objects. */
const ID_FIELDS = ['id', '_id', 'docid', 'doc_id', 'pid', 'corpus_id'];

const IS_JSON = /^\s*[{[]/;
const IS_JSONL = new RegExp(String.raw`^\s*\{\s*"(?:${[...QUERY_FIELDS, ...RANKING_FIELDS].join('|')})"\s*:`);

/**
 * The rankings of a run, one a query: a TREC run (`query Q0 passage rank score tag`), the tables of MS MARCO and ColBERT
 * (`query passage rank`, with a score or without), one JSON object of all queries, or JSONL. Passages with scores are ordered by
 * score descending, then by rank, then as they stand.
 *
 * @throws HnMineError `input`, naming file and line
 */
export async function* readRun(source: Source): AsyncGenerator<RunRecord> {
  const lines = readLines(source, 'run');
  const first = await lines.next();
  if (first.done === true) return;
  const all = prepend(first.value, lines);
  if (!IS_JSON.test(first.value.text)) yield* readTable(all);
  else if (IS_JSONL.test(first.value.text)) yield* readRecords(all);
  else
    for await (const { key, value, line } of readMembers(all))
      yield { query: key, ids: readRanking(value, line), line };
}

async function* prepend(first: Line, rest: AsyncIterable<Line>): AsyncGenerator<Line> {
  yield first;
  yield* rest;
}

interface Entry {
  readonly id: string;
  readonly score: number;
  readonly rank: number;
}

async function* readTable(lines: AsyncIterable<Line>): AsyncGenerator<RunRecord> {
  let query: string | undefined;
  let start: Line | undefined;
  let entries: Entry[] = [];
  const finish = () => ({ query: query as string, ids: orderEntries(entries), line: start as Line });
  for await (const line of lines) {
    const { query: found, ...entry } = readColumns(line);
    if (found !== query) {
      if (start !== undefined) yield finish();
      query = found;
      start = line;
      entries = [];
    }
    entries.push(entry);
  }
  if (start !== undefined) yield finish();
}

function readColumns(line: Line): Entry & { query: string } {
  const columns = line.text.trim().split(/\s+/);
  const [query, ...rest] = columns as [string, ...string[]];
  const [id, rank, score = '0'] = columns.length === 6 ? rest.slice(1) : rest;
  if (![3, 4, 6].includes(columns.length)) {
    const expected = '"query Q0 passage rank score tag" or "query passage rank"';
    throw new HnMineError('input', `${placeOf(line)}: expected ${expected} (found ${columns.length} columns)`);
  }
  return { query, id: id as string, rank: readNumber(rank, 'rank', line), score: readNumber(score, 'score', line) };
}

function readNumber(typed: unknown, what: string, line: Line): number {
  const value = typeof typed === 'string' && typed.trim() !== '' ? Number(typed) : typed;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const found = abbreviate(JSON.stringify(typed) ?? 'nothing', 40);
  throw new HnMineError('input', `${placeOf(line)}: expected a number as the ${what} (found ${found})`);
}

/** Equal entries keep their order. */
function orderEntries(entries: readonly Entry[]): string[] {
  return entries.toSorted((a, b) => b.score - a.score || a.rank - b.rank).map(({ id }) => id);
}

async function* readRecords(lines: AsyncIterable<Line>): AsyncGenerator<RunRecord> {
  for await (const line of lines) {
    parseObject(line);
    const members = new Map(splitMembers(line.text).map(({ key, value }) => [key, value]));
    const find = (fields: readonly string[], what: string) => {
      const field = fields.find((name) => members.has(name));
      if (field !== undefined) return members.get(field) as string;
      const expected = fields.map((name) => `"${name}"`).join(', ');
      throw new HnMineError('input', `${placeOf(line)}: expected ${what} in one of ${expected}`);
    };
    const query = parseWithNumbersAsText(find(QUERY_FIELDS, "the query's ID"));
    if (typeof query !== 'string') throw new HnMineError('input', `${placeOf(line)}: expected the query's ID as text`);
    yield { query, ids: readRanking(find(RANKING_FIELDS, 'the ranking'), line), line };
  }
}

/** A list of IDs, a list of objects with IDs, or an object of scores by ID. */
function readRanking(source: string, line: Line): string[] {
  if (source.startsWith('{')) {
    const scored = splitMembers(source).map(({ key, value }) => {
      return { id: key, score: readNumber(parseWithNumbersAsText(value), 'score', line), rank: 0 };
    });
    return orderEntries(scored);
  }
  const list = source.startsWith('[') ? parseWithNumbersAsText(source) : undefined;
  const ids = Array.isArray(list) ? list.map(readId) : [];
  if (Array.isArray(list) && ids.every((id) => id !== undefined)) return ids;
  const found = abbreviate(source, 40);
  throw new HnMineError(
    'input',
    `${placeOf(line)}: expected a list of IDs or an object of scores by ID (found ${found})`,
  );
}

function readId(item: unknown): string | undefined {
  if (typeof item === 'string') return item;
  const fields = typeof item === 'object' && item !== null ? Object.entries(item) : [];
  const id = ID_FIELDS.map((name) => fields.find(([key]) => key === name)?.[1]).find((value) => value !== undefined);
  return typeof id === 'string' ? id : undefined;
}
