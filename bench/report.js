import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RESULTS, ROOT } from './paths.js';

/** The share of the cores at work beside a measurement that is let pass without a remark. */
const QUIET = 0.1;

/**
 * @typedef {import('./measures/measure.js').Measured & { verdict: 'pass' | 'fail' | 'no peer' }} Judged
 * @typedef {{ measure: string, skipped?: string, failed?: string, results: Judged[] }} Outcome
 */

/**
 * @param {import('./measures/measure.js').Measured} measured
 * @returns {Judged}
 */
export function judge(measured) {
  if ('figure' in measured) return { ...measured, verdict: measured.figure <= measured.most ? 'pass' : 'fail' };
  const { bar, comparison } = measured;
  if ('seconds' in bar) return { ...measured, verdict: comparison.oursSeconds <= bar.seconds ? 'pass' : 'fail' };
  if (comparison.ratio === null) return { ...measured, verdict: 'no peer' };
  return { ...measured, verdict: comparison.ratio >= bar.ratio ? 'pass' : 'fail' };
}

/** @param {readonly Outcome[]} outcomes */
export function formatTable(outcomes) {
  const rows = outcomes.flatMap((outcome) => outcome.results.map(formatRow));
  const table = [['', 'ours', 'peer', 'ratio', 'bar', ''], ...rows];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const remarks = outcomes.flatMap(({ measure, skipped, failed, results }) => {
    if (skipped) return [`${measure}: skipped, ${skipped}`];
    if (failed) return [`${measure}: FAILED, ${failed}`];
    const share = Math.max(0, ...results.flatMap((result) => ('figure' in result ? [] : result.comparison.otherWork)));
    return share > QUIET ? [`${measure}: not a quiet machine, ${Math.round(100 * share)} % busy with other work`] : [];
  });
  return [...lines, ...remarks].join('\n');
}

/**
 * The file of the run's day, to which it is added; saved again after each measure, so that a run cut short keeps what it has.
 * @param {{ date: string, outcomes: Outcome[] }} run
 */
export function createResultsFile(run) {
  mkdirSync(RESULTS, { recursive: true });
  const file = path.join(RESULTS, `${run.date.slice(0, 10)}.json`);
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  // Where the project lies says nothing.
  const format = () => JSON.stringify([...earlier, run], null, 1).replaceAll(`${ROOT}${path.sep}`, '');
  return { file, save: () => writeFileSync(file, `${format()}\n`) };
}

/** @param {Judged} judged */
function formatRow(judged) {
  const verdict = judged.verdict === 'fail' ? 'FAIL' : judged.verdict;
  if ('figure' in judged) {
    const { what, figure, most, unit } = judged;
    return [what, formatAmount(figure, unit), '–', '–', `≤ ${formatAmount(most, unit)}`, verdict];
  }
  const { what, comparison, bar, work } = judged;
  const { oursSeconds, peerSeconds, ratio } = comparison;
  return [
    what,
    formatFigure(oursSeconds, work),
    peerSeconds === null ? '–' : formatFigure(peerSeconds, work),
    ratio === null ? '–' : ratio.toFixed(2),
    'seconds' in bar ? `≤ ${formatFigure(bar.seconds)}` : `≥ ${bar.ratio.toFixed(1)}`,
    verdict,
  ];
}

/**
 * @param {number} seconds
 * @param {{ count: number, unit: string }} [work]
 */
function formatFigure(seconds, work) {
  if (work) return `${(work.count / seconds).toFixed(1)} ${work.unit}`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/**
 * @param {number} amount
 * @param {'bytes' | '%'} unit
 */
function formatAmount(amount, unit) {
  if (unit === '%') return `${amount.toFixed(1)} %`;
  return amount < 2 ** 20 ? `${Math.round(amount)} B` : `${Math.round(amount / 2 ** 20)} MiB`;
}
