import type { Dataset } from '../dataset.js';
import { HnMineError } from '../errors.js';
import { quoteId } from '../input/json.js';
import { placeOf } from '../input/lines.js';
import { type RunRecord, readRun } from '../input/run-file.js';
import { hashText } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';
import { ListSpool } from '../memory/list-spool.js';
import type { Workspace } from '../memory/workspace.js';
import { createPacer } from '../pacer.js';

/** The rankings of a run file for the rows that are mined. */
export interface Run {
  readonly file: string;
  /** Positions in the pool, best first: of the query with this ID or else with this text; nothing where the run has neither. */
  passagesOf(query: { readonly id: string | undefined; readonly text: string }): Int32Array | undefined;
  /** What of the run is of no use. */
  readonly counts: RunCounts;
}

interface RunCounts {
  /** Passages of the rows' rankings, and those of them that are not in the pool. */
  readonly passages: number;
  readonly notInPool: number;
  /** The first of these. */
  readonly missingId: string | undefined;
  /** Mined rows, and those of them that the run does not rank. */
  readonly rows: number;
  readonly notRanked: number;
}

/**
 * Reads runs, and tells what of them is of no use.
 *
 * @throws HnMineError `input` naming file and line, or where no query or no passage of a run is known
 */
export async function openRuns(
  files: readonly string[],
  dataset: Dataset,
  workspace: Workspace,
  onWarning: (warning: string) => void,
): Promise<Run[]> {
  const runs: Run[] = [];
  for (const file of files) {
    const run = await openRun(file, dataset, workspace);
    for (const warning of describeCounts(run)) onWarning(warning);
    runs.push(run);
  }
  return runs;
}

function describeCounts({ file, counts: { passages, notInPool, missingId, rows, notRanked } }: Run): string[] {
  const unknown = `${file}: ${notInPool} of ${passages} passages are not in the pool (the first is ${quoteId(missingId ?? '')})`;
  const unranked = `${file}: has no ranking for ${notRanked} of ${rows} rows`;
  return [...(notInPool > 0 ? [unknown] : []), ...(notRanked > 0 ? [unranked] : [])];
}

/**
 * Reads a run. Queries are those of rows by ID, or by text where a row's ID is not in the run.
 *
 * @throws HnMineError `input` naming file and line, or where no query or no passage of it is known
 */
async function openRun(file: string, dataset: Dataset, workspace: Workspace): Promise<Run> {
  const pause = createPacer();
  const isMined = await listQueries(dataset);
  const rankings = new ListSpool(workspace, workspace.memory.runs);
  const rankingOf = new HashTable();
  const counts = { queries: 0, known: 0, passages: 0, notInPool: 0 };
  let missingId: string | undefined;
  let firstQuery: string | undefined;
  for await (const record of readRun(file)) {
    await pause();
    counts.queries++;
    firstQuery ??= record.query;
    const hash = hashText(record.query);
    if (rankingOf.get(hash) !== undefined) throw repeatedQuery(record);
    const mined = isMined.get(hash);
    if (mined !== undefined) counts.known++;
    if (mined !== 1) continue;
    const passages = new Set<number>();
    for (const id of record.ids) {
      const found = dataset.pool.classesWithId(id);
      if (found.length === 0) {
        counts.notInPool++;
        missingId ??= id;
      }
      for (const passage of found) passages.add(passage);
    }
    counts.passages += record.ids.length;
    rankingOf.set(hash, rankings.add(passages));
  }
  if (firstQuery === undefined) throw new HnMineError('input', `${file}: no rankings; expected a TREC run or JSON`);
  if (counts.known === 0) throw unknownQueries(file, counts.queries, firstQuery);
  if (counts.passages > 0 && counts.notInPool === counts.passages) {
    throw unknownPassages(file, counts.passages, missingId as string);
  }
  const passagesOf: Run['passagesOf'] = ({ id, text }) => {
    const byId = id === undefined ? undefined : rankingOf.get(hashText(id));
    const ranking = byId ?? rankingOf.get(hashText(text));
    return ranking === undefined ? undefined : rankings.at(ranking);
  };
  const { passages, notInPool } = counts;
  return { file, passagesOf, counts: { passages, notInPool, missingId, ...(await countRows(dataset, passagesOf)) } };
}

/** The IDs and texts of all queries: 1 for those of mined rows, 0 for others. */
async function listQueries({ rows, mined }: Dataset): Promise<HashTable> {
  const pause = createPacer();
  const queries = new HashTable();
  for (let position = 0; position < rows.length; position++) {
    const { query, queryId } = rows.read(position);
    const isMined = position >= mined.start && position < mined.end;
    for (const hash of [query, ...(queryId === undefined ? [] : [queryId])].map(hashText)) {
      if (isMined || queries.get(hash) === undefined) queries.set(hash, isMined ? 1 : 0);
    }
    await pause();
  }
  return queries;
}

async function countRows({ rows, mined }: Dataset, passagesOf: Run['passagesOf']) {
  const pause = createPacer();
  let notRanked = 0;
  for (let position = mined.start; position < mined.end; position++) {
    const { query, queryId } = rows.read(position);
    if (passagesOf({ id: queryId, text: query }) === undefined) notRanked++;
    await pause();
  }
  return { rows: mined.end - mined.start, notRanked };
}

function repeatedQuery({ query, line }: RunRecord): HnMineError {
  const advice = 'bring the lines of a query together, as sort -s -k1,1 does';
  return new HnMineError('input', `${placeOf(line)}: ${quoteId(query)} was ranked further up as well; ${advice}`);
}

function unknownQueries(file: string, count: number, first: string): HnMineError {
  const advice = "name the field of the rows' IDs with --query-id-field";
  return new HnMineError(
    'input',
    `${file}: none of its ${count} queries is one of the rows, by ID or text (the first is ${quoteId(first)}); ${advice}`,
  );
}

function unknownPassages(file: string, count: number, first: string): HnMineError {
  const advice = 'give the --pool it is about, or name the field of its IDs with --passage-id-field';
  return new HnMineError(
    'input',
    `${file}: none of its ${count} passages is in the pool (the first is ${quoteId(first)}); ${advice}`,
  );
}
