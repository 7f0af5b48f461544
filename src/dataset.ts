import type { MineConfig } from './config/config.js';
import { HnMineError } from './errors.js';
import { JudgedQueries, type JudgementCounts } from './input/judged-queries.js';
import { isJudged, type JudgedSources } from './input/judged-sources.js';
import { nameSource, type Source } from './input/lines.js';
import { type PassageFields, Pool, readPassages } from './input/pool.js';
import { RowStore, type Rows } from './input/row-store.js';
import { type Row, type RowFields, readRows } from './input/rows.js';
import { TextSpool } from './memory/text-spool.js';
import type { Workspace } from './memory/workspace.js';
import { createPacer } from './pacer.js';
import { createCopies } from './select/copies.js';
import { createExclusions, type Exclusions } from './select/exclusions.js';
import { Siblings } from './select/siblings.js';

/** Rows and pool as read, before anything is embedded. */
export interface Dataset {
  /** All rows of the input: siblings and the default pool come from the whole of it. */
  readonly rows: Rows;
  /** The first so many are to be mined, by this run or by one of its sister shards. */
  readonly limitedCount: number;
  /** The rows that this run mines. */
  readonly mined: RowSpan;
  readonly pool: Pool;
  readonly siblings: Siblings;
  /** Where rows are made of judgements: what of these is of no use. */
  readonly judgements: JudgementCounts | undefined;
  /** What the row at a position and its siblings may not take. */
  exclusionsOf(position: number): Exclusions;
  /** How many rows wholly equal to the one at a position came before it. */
  copyOf(position: number): number;
}

/** Rows `start` to `end`, the latter not included. */
export interface RowSpan {
  readonly start: number;
  readonly end: number;
}

export interface Inputs {
  /** Rows, or queries and judgements that rows are made of. */
  readonly input: Source | JudgedSources;
  /** Nothing means the positives and negatives of the input. */
  readonly pool?: readonly Source[] | undefined;
  readonly reshape?: Reshape | undefined;
}

/** Makes other rows of those that are read. */
export interface Reshape {
  /** Nothing for a row that is left out. */
  apply(row: Row): Row | undefined;
  /** What those have that are not left out, for messages. */
  readonly needs: string;
}

/**
 * Reads rows and pool.
 *
 * @param workspace where texts go that memory does not hold
 * @param onRecord called with the number of records read so far
 * @throws HnMineError `input`, naming the file and mostly the line, or `output` where the workspace is full
 */
export async function readDataset(
  inputs: Inputs,
  config: MineConfig,
  workspace: Workspace,
  onRecord: (done: number) => void,
): Promise<Dataset> {
  const pause = createPacer();
  let done = 0;
  const count = () => {
    onRecord(++done);
    return pause();
  };
  const { rows, siblings, pool, judged } = await readInputs(inputs, config, workspace, count);
  if (config.ids && !pool.hasIds) throw withoutIds(config);
  const limitedCount = Math.min(config.limit ?? rows.length, rows.length);
  return {
    rows,
    limitedCount,
    mined: cutShard(limitedCount, config.shard),
    pool,
    siblings,
    judgements: judged?.counts,
    exclusionsOf: createExclusions({
      rows,
      siblings,
      pool,
      relevantTo: (query) => judged?.relevantTo(query) ?? [],
    }),
    copyOf: createCopies(rows, siblings),
  };
}

/** Of rows and pool the rows come first, as what is wrong is wrong there most often; judgements mean nothing without the pool. */
async function readInputs(inputs: Inputs, config: MineConfig, workspace: Workspace, count: OnRecord) {
  const { input } = inputs;
  const fields = rowFields(config);
  const pool = createPool(config, workspace);
  const collect = (all: AsyncIterable<Row>) => collectRows(all, inputs, { config, workspace, count });
  if (isJudged(input)) {
    await readPool(pool, inputs.pool ?? [], config, count);
    const judged = await JudgedQueries.open(input, pool, config.minRelevance);
    return { ...(await collect(judged.readRows(fields))), pool, judged };
  }
  const { rows, siblings } = await collect(readRows(input, fields));
  if (inputs.pool === undefined) await addTextsOf(rows, pool);
  await readPool(pool, inputs.pool ?? [], config, count);
  return { rows, siblings, pool, judged: undefined };
}

/** IDs take a fraction of what texts take. */
const IDS_SHARE = 1 / 8;

function createPool({ ids }: MineConfig, workspace: Workspace): Pool {
  const { passageTexts } = workspace.memory;
  return new Pool(
    new TextSpool(workspace, passageTexts),
    ids ? new TextSpool(workspace, IDS_SHARE * passageTexts) : undefined,
  );
}

type OnRecord = () => Promise<void> | undefined;

async function readPool(pool: Pool, sources: readonly Source[], config: MineConfig, count: OnRecord): Promise<void> {
  for (const source of sources) await readPassages(pool, source, passageFields(config), count);
  if (pool.size > 0) return;
  const names = sources.map((source) => nameSource(source, 'pool')).join(', ');
  throw new HnMineError(
    'input',
    `${names}: no passages; expected one JSON object a line with the field "${config.textField}"`,
  );
}

interface Collecting {
  readonly config: MineConfig;
  readonly workspace: Workspace;
  readonly count: OnRecord;
}

async function collectRows(all: AsyncIterable<Row>, { input, reshape }: Inputs, collecting: Collecting) {
  const { config, workspace, count } = collecting;
  const rows = new RowStore(rowFields(config), new TextSpool(workspace, workspace.memory.rowTexts));
  const siblings = new Siblings();
  let read = 0;
  for await (const found of all) {
    read++;
    const row = reshape ? reshape.apply(found) : found;
    if (row) {
      rows.add(row);
      siblings.add(row);
    }
    await count();
  }
  if (rows.length > 0) return { rows, siblings };
  const name = isJudged(input) ? nameSource(input.queries, 'queries') : nameSource(input, 'input');
  const found =
    read === 0 ? 'no rows; expected one JSON object a line' : `none of its ${read} rows has ${reshape?.needs}`;
  throw new HnMineError('input', `${name}: ${found}`);
}

/** The names of a passage's fields. */
export function passageFields({ textField, titleField, passageIdField }: MineConfig): PassageFields {
  return { text: textField, title: titleField, id: passageIdField === undefined ? ['_id', 'id'] : [passageIdField] };
}

/** The names of a row's fields. */
export function rowFields({ queryField, posField, negField, queryIdField }: MineConfig): RowFields {
  return { query: queryField, pos: posField, neg: negField, queryId: queryIdField };
}

/** Shards are contiguous and differ by one row at most, so that their outputs joined in order are the whole output. */
export function cutShard(count: number, shard: MineConfig['shard']): RowSpan {
  if (shard === undefined) return { start: 0, end: count };
  const { number, of } = shard;
  return { start: Math.floor((count * (number - 1)) / of), end: Math.floor((count * number) / of) };
}

function withoutIds({ passageIdField }: MineConfig): HnMineError {
  const [found, advice] =
    passageIdField === undefined
      ? ['no "_id" and no "id"', '; name the field with --passage-id-field']
      : [`no "${passageIdField}"`, ''];
  return new HnMineError('input', `--ids: no passage of the pool has an ID (found ${found})${advice}`);
}

async function addTextsOf(rows: Rows, pool: Pool): Promise<void> {
  const pause = createPacer();
  for (let position = 0; position < rows.length; position++) {
    const { pos, neg } = rows.read(position);
    for (const text of [...pos, ...neg]) {
      if (text.trim() !== '') pool.add({ text });
    }
    await pause();
  }
}
