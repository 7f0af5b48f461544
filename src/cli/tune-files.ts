import type { TuneConfig } from '../config/tune-config.js';
import { listPaths, locateInputs } from '../inputs.js';
import { checkOutput } from '../output/atomic-file.js';
import { type TuneOutcome, tuneSettings } from '../run/tune.js';
import { createContext, openOutput, reportTo } from './command.js';
import { countOf, formatCount } from './progress.js';
import { writeLines } from './report-files.js';
import type { TuneFlags } from './tune-flags.js';

/** Tries settings and prints what each gives, as a line of a table. @returns the exit code */
export function tuneFiles(flags: TuneFlags, { settings, leftOut, reasons }: TuneConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const inputs = locateInputs({ ...flags, input: flags.input === '-' ? process.stdin : flags.input });
    const { config } = settings[0] as (typeof settings)[0];
    const { summary, hidePositives: isHiding = false } = flags;
    if (summary !== undefined) checkOutput('--summary', summary, [...listPaths(inputs), ...(config.run ?? [])]);
    if (leftOut > 0) log.warn(`${countOf(leftOut, 'combination')} left out: ${reasons.join(' · ')}`);
    const output = await openOutput(undefined, progress, log);
    const table = createTable(
      settings.map((setting) => setting.flags),
      isHiding,
    );
    const outcomes: TuneOutcome[] = [];
    try {
      const context = createContext(config, progress, log);
      for await (const outcome of tuneSettings(inputs, settings, { isHiding, context })) {
        for (const line of table.add(outcome)) await output.write([line]);
        outcomes.push(outcome);
      }
      await output.commit();
    } catch (error) {
      await output.abandon(error);
      throw error;
    } finally {
      output.restore();
    }
    progress.stop();
    if (summary !== undefined) await writeLines(summary, [{ schema: 1, settings: outcomes }], 2);
  });
}

/**
 * A table for people: settings as they stand on the command line, and the figures of each.
 *
 * @param all settings, which the first column has room for
 */
export function createTable(all: readonly string[], isHiding: boolean) {
  const width = Math.max(...all.map((flags) => nameOf(flags).length));
  const columns: [string, (outcome: TuneOutcome) => string][] = [
    ['negatives', ({ negatives }) => formatCount(negatives)],
    ['short rows', ({ short }) => formatCount(short)],
    ['backfilled', ({ backfilled, negatives }) => formatShare(backfilled, negatives)],
    ['mean score', ({ meanScore }) => meanScore?.toFixed(3) ?? '–'],
    ['above positive', ({ abovePositive, negatives }) => formatShare(abovePositive, negatives)],
  ];
  if (isHiding) columns.push(['false', ({ falseNegatives = 0, negatives }) => formatShare(falseNegatives, negatives)]);
  let isBegun = false;
  return {
    /** The line of a setting, the first that has figures with the head before it. */
    add(outcome: TuneOutcome): string[] {
      const name = nameOf(outcome.flags).padEnd(width);
      if (outcome.refused !== undefined) return [`${name}  – ${outcome.refused}`];
      const cells = columns.map(([title, cell]) => cell(outcome).padStart(title.length));
      const line = [name, ...cells].join('  ');
      if (isBegun) return [line];
      isBegun = true;
      const head = [' '.repeat(width), ...columns.map(([title]) => title)].join('  ');
      return [describeRows(outcome), head, line];
    },
  };
}

function describeRows({ rows, hidden, meanPositiveScore }: TuneOutcome): string {
  const hiding = hidden === undefined ? '' : `, ${countOf(hidden, 'hidden positive')} in the pool`;
  return `${countOf(rows, 'row')}${hiding}, mean score of their positives ${meanPositiveScore?.toFixed(3)}`;
}

function nameOf(flags: string): string {
  return flags || '(defaults)';
}

function formatShare(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
}
