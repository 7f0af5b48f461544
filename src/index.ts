import { env } from 'node:process';
import { type MineSettings as AllSettings, parseConfig } from './config/config.js';
import { parseScoreConfig, type ScoreSettings } from './config/score-config.js';
import { HnMineError } from './errors.js';
import { describeKind } from './input/json.js';
import type { Source } from './input/lines.js';
import { checkInputs, locateInputs } from './inputs.js';
import { formatLines } from './output/format-lines.js';
import { formatScoredRow } from './output/format-row.js';
import { joinParts } from './output/line-parts.js';
import { openWorkspace } from './run/open-workspace.js';
import { runMining } from './run/run.js';
import type { RunEvents } from './run/run-context.js';
import { type ScoreCounts, scoreRows } from './run/score-rows.js';
import { type Summary, Tally } from './run/summary.js';

export type { ScoreSettings } from './config/score-config.js';
export { type ErrorCode, HnMineError } from './errors.js';
export type { Phase, ShortReason } from './mine.js';
export type { Rejection } from './run/rejection.js';
export type { RunEvents } from './run/run-context.js';
export type { Summary } from './run/summary.js';

/** Records in memory or on their way, as they would stand in a JSONL file, one an object. */
export type Records = Iterable<object> | AsyncIterable<object>;

/** The command's flags by name, but for those that name sources, and for `format`. */
export type MineSettings = Omit<AllSettings, 'format'>;

/** The command's flags by name (`--rank-basis` is `rankBasis`), what to read, and whom to tell. */
export interface MineOptions extends MineSettings, RunEvents {
  /** Rows `{query, pos}`: a JSONL file's path (gzip and Parquet are seen), or the objects. */
  readonly input?: string | Records;
  /** Passages `{text}`: paths of JSONL files, or the objects. Nothing means the positives and negatives of the input. */
  readonly pool?: string | readonly string[] | Records;
  /** Instead of `input`, with `qrels` and `pool`: queries `{_id, text}`, a file's path or the objects. */
  readonly queries?: string | Records;
  /** The path of a table of judgements, BEIR's or TREC's: which passages answer which queries, by their IDs. */
  readonly qrels?: string;
  /** Instead of all these: a folder in BEIR's layout. */
  readonly beir?: string;
  /** Of `beir`; `train` where nothing is said. */
  readonly split?: string;
  readonly format?: 'jsonl' | undefined;
}

/** The same, for training examples in the place of rows. */
export interface ExampleOptions<Format extends keyof TrainingExamples = keyof TrainingExamples>
  extends Omit<MineOptions, 'format'> {
  readonly format: Format;
}

/** An input row with `neg` filled; under the field names of the options. */
export interface MinedRecord {
  readonly query: string;
  readonly pos: string[];
  /** Best first. */
  readonly neg: string[];
  /**
   * With `scores`: of the query with each positive and negative, seven significant digits. The inner product of the encoder's
   * vectors, or with `reranker` its scores.
   */
  readonly pos_scores?: number[];
  readonly neg_scores?: number[];
  /** With `ranks`: from 0, the best; null for random backfill and kept negatives. */
  readonly neg_ranks?: (number | null)[];
  /** With `ids`: of the passages of the pool; null where a passage has none, or is not in the pool. */
  readonly pos_ids?: (string | null)[];
  readonly neg_ids?: (string | null)[];
  readonly [field: string]: unknown;
}

/** What an example of each format has; with `scores`, scores take the place of labels. The query is under the options' name for it. */
export interface TrainingExamples {
  readonly triplet: Example<{ positive: string; negative: string; scores?: [number, number] }>;
  /** And `negative_1`, `negative_2` and so on. */
  readonly 'n-tuple': Example<{ positive: string; scores?: number[] }>;
  readonly 'labeled-pair': Example<{ passage: string; label?: 0 | 1; score?: number }>;
  /** The positive is the first. */
  readonly 'labeled-list': Example<{ passages: string[]; labels?: (0 | 1)[]; scores?: number[] }>;
}

type AnyExample = TrainingExamples[keyof TrainingExamples];

type Example<Columns> = Readonly<Columns> & { readonly query: string; readonly [column: string]: unknown };

/** Rows, or examples made of them, as they are done, in input order; to be read once. */
export interface MinedRecords<Item = MinedRecord> extends AsyncIterable<Item> {
  /** What was done so far, complete after the last row. */
  summary(): Summary;
}

/**
 * Mines hard negatives for each row from a pool of passages, as the command `hn-mine` does; writes no files, except to a
 * `cacheDir` where one is given. Nothing happens before the first row is asked for; leaving the loop early ends the work.
 *
 * @throws HnMineError `usage` at once where an option is wrong; while iterating `input`, `model`, `network`, `device` or
 * `search`, each with one line that says what was expected and what was found
 * @example
 * ```ts
 * for await (const row of mine({ input: 'train.jsonl', pool: 'corpus.jsonl', range: [10, 210], neg: 15 })) console.log(row.neg);
 * ```
 */
export function mine(options: MineOptions): MinedRecords;
export function mine<Format extends keyof TrainingExamples>(
  options: ExampleOptions<Format>,
): MinedRecords<TrainingExamples[Format]>;
export function mine(options: MineOptions | ExampleOptions): MinedRecords<MinedRecord | AnyExample> {
  if (typeof options !== 'object' || options === null)
    throw new HnMineError('usage', `mine: expected an object of options (found ${describeKind(options)})`);
  const { input, pool, queries, qrels, beir, split, ...rest } = options;
  const { onProgress, onDownload, onNote, onWarning, onRejected, ...settings } = rest;
  const named = { input, pool: pool === undefined ? undefined : listSources(pool), queries, qrels, beir, split };
  const isInputNeeded = [queries, qrels, beir].every((one) => one === undefined);
  for (const [name, value] of Object.entries({ input, pool, queries })) {
    if (value !== undefined || (name === 'input' && isInputNeeded)) refuseOtherThanRecords(name, value);
  }
  for (const [name, value] of Object.entries({ qrels, beir, split })) {
    if (value !== undefined) refuseOtherThanPath(name, value);
  }
  checkInputs({ ...named, minRelevance: settings.minRelevance });
  const config = parseConfig({ ...settings, cache: settings.cache ?? settings.cacheDir !== undefined });
  const tally = new Tally(config);
  const events = { onProgress, onDownload, onNote, onWarning, onRejected } as RunEvents;
  let rows: ReturnType<typeof runMining> | undefined;
  return {
    summary: () => tally.finish(),
    async *[Symbol.asyncIterator]() {
      rows ??= runMining(locateInputs(named), config, { tally, events, env });
      for await (const row of rows) {
        const { lines } = formatLines(row, config);
        tally.addExamples(lines.length);
        for (const line of lines) yield JSON.parse(joinParts(line)) as MinedRecord | AnyExample;
      }
    },
  };
}

/** The flags of `hn-mine score` by name, what to read, and whom to tell. */
export interface ScoreOptions
  extends ScoreSettings,
    Pick<RunEvents, 'onProgress' | 'onDownload' | 'onNote' | 'onWarning'> {
  /** Rows `{query, pos, neg}` that any tool has mined: a JSONL file's path (gzip is seen), or the objects. */
  readonly input: string | Records;
}

/** A row with its scores, every other field as it was; under the field names of the options. */
export interface ScoredRecord extends MinedRecord {
  /** One a positive: the logit (or what `activation` makes of it) of a reranker, or the inner product of an encoder. */
  readonly pos_scores: number[];
  readonly neg_scores: number[];
}

/**
 * Adds scores to rows that are mined already, as the command `hn-mine score` does: those of a cross-encoder where `reranker` names
 * one, else those of the encoder. Rows come in input order, a block at a time.
 *
 * @throws HnMineError `usage` at once where an option is wrong; while iterating `input`, `model`, `network` or `device`
 * @example
 * ```ts
 * for await (const row of score({ input: 'mined.jsonl', reranker: './reranker' })) console.log(row.neg_scores);
 * ```
 */
export function score(options: ScoreOptions): AsyncIterable<ScoredRecord> {
  const { input, onProgress, onDownload, onNote, onWarning, ...settings } = options;
  refuseOtherThanRecords('input', input);
  const config = parseScoreConfig({ ...settings, cache: settings.cache ?? settings.cacheDir !== undefined });
  const events = { onProgress, onDownload, onNote, onWarning } as RunEvents;
  return {
    async *[Symbol.asyncIterator]() {
      const context = { tally: new Tally(config), events, env };
      const workspace = openWorkspace(config, context);
      const counts: ScoreCounts = { rows: 0, pairs: 0, truncated: 0, model: '' };
      try {
        for await (const row of scoreRows(input, config, { workspace, context, counts }))
          yield JSON.parse(joinParts(formatScoredRow(row))) as ScoredRecord;
      } finally {
        workspace.close();
      }
    },
  };
}

function refuseOtherThanRecords(name: string, value: unknown): void {
  const isIterable =
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  if (typeof value === 'string' || isIterable) return;
  throw new HnMineError('usage', `${name}: expected a path or an iterable of objects (found ${describeKind(value)})`);
}

function refuseOtherThanPath(name: string, value: unknown): void {
  if (typeof value === 'string') return;
  throw new HnMineError('usage', `${name}: expected a path (found ${describeKind(value)})`);
}

function listSources(pool: string | readonly string[] | Records): Source[] {
  if (Array.isArray(pool) && pool.length > 0 && pool.every((path) => typeof path === 'string')) return pool;
  return [pool as Source];
}
