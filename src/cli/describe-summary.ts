import type { Summary } from '../summary.js';
import { formatCount, formatDuration } from './progress.js';

/** The summary as lines for people. */
export function describeSummary(summary: Summary): string[] {
  const { rows, reasons, passages, positives, negatives, scores, truncated, seconds } = summary;
  const total = Object.values(negatives).reduce((sum, count) => sum + count, 0);
  const backfilled = negatives.next + negatives.random + negatives.skipped;
  const share = total === 0 ? 0 : (100 * backfilled) / total;
  const reasonText = Object.entries(reasons)
    .map(([reason, count]) => `${formatCount(count)} ${reason}`)
    .join(', ');
  const phases = (['reading', 'embedding', 'searching', 'writing'] as const).map(
    (phase) => `${phase} ${formatDuration(seconds[phase])}`,
  );
  const lines = {
    rows: `${formatCount(rows.written)} written of ${formatCount(rows.read)} read`,
    short: `${formatCount(rows.short)} rows${reasonText === '' ? '' : ` (${reasonText})`}, ${formatCount(rows.rejected)} of them not written`,
    passages: `${formatCount(passages.distinct)} distinct of ${formatCount(passages.read)} read (${formatCount(passages.duplicates)} duplicates merged, ${formatCount(passages.empty)} empty left out)`,
    positives: `${formatCount(positives.distinct)} distinct, ${formatCount(positives.notInPool)} not in the pool`,
    negatives: `${formatCount(total)}, of which backfilled ${share.toFixed(1)}% (${formatCount(negatives.random)} random, ${formatCount(negatives.next)} next, ${formatCount(negatives.skipped)} skipped ranks)${negatives.kept > 0 ? `, kept ${formatCount(negatives.kept)}` : ''}`,
    'mean score': `positives ${scores.positives ?? '–'}, negatives ${scores.negatives ?? '–'}`,
    truncated: `${formatCount(truncated.queries)} queries, ${formatCount(truncated.passages)} passages longer than the model reads`,
    model: `${summary.model}, seed ${summary.seed}`,
    time: `${formatDuration(seconds.total)} (${phases.join(', ')})`,
  };
  return Object.entries(lines).map(([name, text]) => `${name.padEnd(11)}${text}`);
}
