import { type TunedSetting, uniteSettings } from '../config/tune-config.js';
import { type Dataset, type Inputs, rowFields } from '../dataset.js';
import { HnMineError } from '../errors.js';
import { normalizeText } from '../input/normalize.js';
import { parseRow, type Row, type RowFields } from '../input/rows.js';
import { openMiner, type Tools } from '../mine.js';
import type { ChosenRow } from '../mining/mine-row.js';
import { foreseeOutcome } from '../outlook.js';
import { createPacer } from '../pacer.js';
import { combinePositives } from '../select/bounds.js';
import { openWorkspace } from './open-workspace.js';
import { runWith } from './run.js';
import type { RunContext } from './run-context.js';

/** What one setting gives. */
export interface TuneOutcome {
  readonly flags: string;
  /** Why it gives nothing, such as a window past the pool's end. */
  readonly refused?: string;
  readonly rows: number;
  readonly negatives: number;
  /** Rows with fewer negatives than asked for. */
  readonly short: number;
  /** Negatives from outside the window. */
  readonly backfilled: number;
  /** Of the negatives; null where there are none. */
  readonly meanScore: number | null;
  readonly meanPositiveScore: number | null;
  /** Negatives that score above their row's positive. */
  readonly abovePositive: number;
  /** Where positives are hidden: how many of them the pool holds, and how many negatives are such of their query. */
  readonly hidden?: number;
  readonly falseNegatives?: number;
}

/** Where a row keeps the positives that it must not know of. */
const HIDDEN = 'hn-mine hidden positives';

/**
 * Mines rows by one setting after the other, and tells what each gives, without writing any row.
 *
 * @param isHiding of rows with several positives all but the first are hidden, and counted where they are mined; other rows are
 *   left out
 * @throws HnMineError of every code but `output`
 */
export async function* tuneSettings(
  inputs: Inputs,
  settings: readonly TunedSetting[],
  { isHiding, context }: { isHiding: boolean; context: RunContext },
): AsyncGenerator<TuneOutcome> {
  const config = uniteSettings(settings);
  const fields = rowFields(config);
  const workspace = openWorkspace(config, context);
  const reshape = { apply: (row: Row) => hidePositives(row, fields), needs: 'several positives' };
  const reshaped = isHiding ? { ...inputs, reshape } : inputs;
  try {
    yield* runWith(reshaped, config, workspace, context, (dataset, tools) =>
      trySettings(settings, { dataset, tools, isHiding }, config),
    );
  } finally {
    workspace.close();
  }
}

/** The row with its first positive alone; nothing for a row without others. */
function hidePositives({ line, query, queryId, pos }: Row, fields: RowFields): Row | undefined {
  const [first, ...others] = [...new Map(pos.map((text) => [normalizeText(text), text])).values()];
  if (others.length === 0) return undefined;
  const id = queryId === undefined ? {} : { [fields.queryId]: queryId };
  const text = JSON.stringify({ ...id, [fields.query]: query, [fields.pos]: [first], [HIDDEN]: others });
  return parseRow({ ...line, text }, fields);
}

interface Trial {
  readonly dataset: Dataset;
  readonly tools: Tools;
  readonly isHiding: boolean;
}

async function* trySettings(
  settings: readonly TunedSetting[],
  { dataset, tools, isHiding }: Trial,
  united: ReturnType<typeof uniteSettings>,
): AsyncGenerator<TuneOutcome> {
  const miner = await openMiner(dataset, united, tools);
  const pause = createPacer();
  try {
    for (const { flags, config } of settings) {
      const counts = createCounts(dataset, config.positiveScore, isHiding ? createHidden(dataset) : undefined);
      const refused = await findRefusal(dataset, config);
      if (refused === undefined) {
        for await (const block of miner.choose(config)) {
          for (const chosen of block) {
            counts.add(chosen);
            await pause();
          }
        }
      }
      yield { flags, ...(refused === undefined ? {} : { refused }), ...counts.finish() };
    }
  } finally {
    await miner.close();
  }
}

async function findRefusal(dataset: Dataset, config: TunedSetting['config']): Promise<string | undefined> {
  try {
    await foreseeOutcome(dataset, config);
    return undefined;
  } catch (error) {
    if (error instanceof HnMineError && error.code === 'input') return error.message;
    throw error;
  }
}

/** Returns what gives the classes of a row's hidden positives, and of those of its siblings. */
function createHidden({ rows, siblings, pool }: Dataset) {
  const classesOf = (position: number) => {
    const { [HIDDEN]: texts } = JSON.parse(rows.read(position).line.text) as { [HIDDEN]: string[] };
    return texts.flatMap((text) => pool.classesEqualTo(normalizeText(text)));
  };
  return (position: number) => ({
    own: new Set(classesOf(position)).size,
    all: new Set(siblings.of(position).flatMap(classesOf)),
  });
}

function createCounts(
  { pool, mined }: Dataset,
  how: TunedSetting['config']['positiveScore'],
  hiddenOf: ReturnType<typeof createHidden> | undefined,
) {
  const counts = { rows: 0, negatives: 0, short: 0, backfilled: 0, abovePositive: 0, hidden: 0, falseNegatives: 0 };
  const sums = { negatives: 0, positives: 0 };
  return {
    add({ negatives, posScores, reason }: ChosenRow) {
      const positive = combinePositives(posScores, how);
      // Rows come in their order.
      const hidden = hiddenOf?.(mined.start + counts.rows);
      counts.hidden += hidden?.own ?? 0;
      counts.rows++;
      sums.positives += positive;
      if (reason !== undefined) counts.short++;
      for (const { passage, score, source } of negatives) {
        counts.negatives++;
        sums.negatives += score;
        if (source !== 'window') counts.backfilled++;
        if (score > positive) counts.abovePositive++;
        if (hidden?.all.has(pool.classOf(passage))) counts.falseNegatives++;
      }
    },
    finish() {
      const { hidden, falseNegatives, ...all } = counts;
      return {
        ...all,
        ...(hiddenOf && { hidden, falseNegatives }),
        meanScore: counts.negatives === 0 ? null : sums.negatives / counts.negatives,
        meanPositiveScore: counts.rows === 0 ? null : sums.positives / counts.rows,
      };
    },
  };
}
