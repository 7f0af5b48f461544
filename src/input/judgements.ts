import { HnMineError } from '../errors.js';
import { abbreviate } from './json.js';
import { type Line, placeOf, readLines, type Source } from './lines.js';

/** How relevant a passage is to a query, both by their IDs; 0 is not at all. */
export interface Judgement {
  readonly query: string;
  readonly passage: string;
  readonly relevance: number;
}

/** The head of a table names the query's column first. */
const HEAD = /^(query|qid|q_id|topic)\S*\s+\S+\s+(\S+\s+)?[a-z_-]+\s*$/i;

const COLUMNS = '"query passage relevance" or "query 0 passage relevance"';

/**
 * The judgements of a table: BEIR's (`query-id corpus-id score`, with that head or without) or TREC's qrels
 * (`query 0 passage relevance`).
 *
 * @throws HnMineError `input`, naming file and line
 */
export async function* readJudgements(source: Source): AsyncGenerator<Judgement> {
  let isFirst = true;
  for await (const line of readLines(source, 'qrels')) {
    const isHead = isFirst && HEAD.test(line.text);
    isFirst = false;
    if (isHead) continue;
    if (/^\s*[{[]/.test(line.text))
      throw new HnMineError('input', `${placeOf(line)}: expected ${COLUMNS} (found JSON)`);
    const judgement = readColumns(line);
    if (!Number.isFinite(judgement.relevance)) throw notNumber(line);
    yield judgement;
  }
}

/** IDs may hold spaces where tabs are between them. */
function readColumns(line: Line): Judgement {
  const columns = line.text.includes('\t') ? line.text.split('\t') : line.text.trim().split(/\s+/);
  if (columns.length !== 3 && columns.length !== 4) {
    throw new HnMineError('input', `${placeOf(line)}: expected ${COLUMNS} (found ${columns.length} columns)`);
  }
  const [query, passage, relevance] = [columns[0], columns.at(-2), columns.at(-1)] as [string, string, string];
  return { query, passage, relevance: relevance.trim() === '' ? Number.NaN : Number(relevance) };
}

function notNumber(line: Line): HnMineError {
  const found = JSON.stringify(abbreviate(line.text.split(/\s/).at(-1) as string, 40));
  return new HnMineError('input', `${placeOf(line)}: expected a number as the relevance (found ${found})`);
}
