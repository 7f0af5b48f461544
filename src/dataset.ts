import type { MineConfig } from './config/config.js';
import { HnMineError } from './errors.js';
import type { Source } from './input/lines.js';
import { type PassageFields, Pool, readPassages } from './input/pool.js';
import { RowStore, type Rows } from './input/row-store.js';
import { type RowFields, readRows } from './input/rows.js';
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
  readonly input: Source;
  /** Nothing means the positives and negatives of the input. */
  readonly pool?: readonly Source[] | undefined;
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
  const { rows, siblings } = await readAllRows(inputs.input, config, workspace, count);
  if (rows.length === 0)
    throw new HnMineError('input', `${nameSource(inputs.input, 'input')}: no rows; expected one JSON object a line`);
  const limitedCount = Math.min(config.limit ?? rows.length, rows.length);
  const pool = new Pool(new TextSpool(workspace, workspace.memory.passageTexts));
  if (inputs.pool === undefined) await addTextsOf(rows, pool);
  for (const source of inputs.pool ?? []) await readPassages(pool, source, passageFields(config), count);
  if (pool.size === 0) {
    const names = (inputs.pool ?? []).map((source) => nameSource(source, 'pool')).join(', ');
    throw new HnMineError(
      'input',
      `${names}: no passages; expected one JSON object a line with the field "${config.textField}"`,
    );
  }
  return {
    rows,
    limitedCount,
    mined: cutShard(limitedCount, config.shard),
    pool,
    siblings,
    exclusionsOf: createExclusions(rows, siblings, pool),
    copyOf: createCopies(rows, siblings),
  };
}

async function readAllRows(
  source: Source,
  config: MineConfig,
  workspace: Workspace,
  onRow: () => Promise<void> | undefined,
) {
  const fields = rowFields(config);
  const rows = new RowStore(fields, new TextSpool(workspace, workspace.memory.rowTexts));
  const siblings = new Siblings();
  for await (const row of readRows(source, fields)) {
    rows.add(row);
    siblings.add(row);
    await onRow();
  }
  return { rows, siblings };
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

function nameSource(source: Source, name: string): string {
  return typeof source === 'string' ? source : name;
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
