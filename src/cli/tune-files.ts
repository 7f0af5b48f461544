import type { TuneConfig } from '../config/tune-config.js';
import { listPaths, locateInputs } from '../inputs.js';
import { checkOutput } from '../output/atomic-file.js';
import { type TuneOutcome, tuneSettings } from '../run/tune.js';
import { createContext, endOnSignals, reportTo } from './command.js';
import { formatCount } from './progress.js';
import { writeLines } from './report-files.js';
import type { TuneFlags } from './tune-flags.js';

/** Tries settings and prints a table of what they give. @returns the exit code */
export function tuneFiles(flags: TuneFlags, { settings, leftOut, reasons }: TuneConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const inputs = locateInputs({ ...flags, input: flags.input === '-' ? process.stdin : flags.input });
    const { config } = settings[0] as (typeof settings)[0];
    const { summary, hidePositives: isHiding = false } = flags;
    if (summary !== undefined) checkOutput('--summary', summary, [...listPaths(inputs), ...(config.run ?? [])]);
    if (leftOut > 0) log.info(`${formatCount(leftOut)} combinations left out: ${reasons.join(' · ')}`);
    const restore = endOnSignals(progress, log, async () => {});
    try {
      const context = createContext(config, progress, log);
      const outcomes: TuneOutcome[] = [];
      for await (const outcome of tuneSettings(inputs, settings, { isHiding, context })) outcomes.push(outcome);
      progress.stop();
      if (summary !== undefined) await writeLines(summary, [{ schema: 1, settings: outcomes }], 2);
      for (const line of describeOutcomes(outcomes)) process.stdout.write(`${line}\n`);
    } finally {
      restore();
    }
  });
}

/** A table for people: settings as they stand on the command line, and the figures of each. */
export function describeOutcomes(outcomes: readonly TuneOutcome[]): string[] {
  const isHiding = outcomes.some(({ falseNegatives }) => falseNegatives !== undefined);
  const columns: [string, (outcome: TuneOutcome) => string][] = [
    ['negatives', ({ negatives }) => formatCount(negatives)],
    ['short rows', ({ short }) => formatCount(short)],
    ['backfilled', ({ backfilled, negatives }) => formatShare(backfilled, negatives)],
    ['mean score', ({ meanScore }) => meanScore?.toFixed(3) ?? '–'],
    ['above positive', ({ abovePositive, negatives }) => formatShare(abovePositive, negatives)],
  ];
  if (isHiding) columns.push(['false', ({ falseNegatives = 0, negatives }) => formatShare(falseNegatives, negatives)]);
  const names = outcomes.map(({ flags }) => flags || '(defaults)');
  const width = Math.max(...names.map((name) => name.length));
  const head = [' '.repeat(width), ...columns.map(([title]) => title)].join('  ');
  const lines = outcomes.map((outcome, i) => {
    const cells = columns.map(([title, cell]) => cell(outcome).padStart(title.length));
    const rest = outcome.refused === undefined ? cells.join('  ') : `– ${outcome.refused}`;
    return `${(names[i] as string).padEnd(width)}  ${rest}`;
  });
  const first = outcomes.find(({ refused }) => refused === undefined);
  const positives =
    first && `${formatCount(first.rows)} rows, mean score of their positives ${first.meanPositiveScore?.toFixed(3)}`;
  return [...(positives === undefined ? [] : [positives]), head, ...lines];
}

function formatShare(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
}
