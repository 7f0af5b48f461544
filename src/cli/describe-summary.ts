import type { Summary } from '../run/summary.js';
import { formatCount, formatDuration } from './progress.js';

/** The summary as lines for people. */
export function describeSummary(summary: Summary): string[] {
  const { rows, examples, reasons, passages, positives, negatives, scores, truncated, texts, seconds, flags } = summary;
  const total = Object.values(negatives).reduce((sum, count) => sum + count, 0);
  const backfilled = negatives.next + negatives.random + negatives.skipped;
  const share = describeShare(backfilled / total);
  const sources = `${formatCount(negatives.random)} random, ${formatCount(negatives.next)} next, ${formatCount(negatives.skipped)} skipped ranks`;
  const reasonText = Object.entries(reasons)
    .map(([reason, count]) => `${formatCount(count)} ${reason}`)
    .join(', ');
  const { reranker } = summary;
  const isEncoded = summary.model !== null;
  const asked = { embedding: isEncoded, indexing: seconds.indexing > 0, reranking: reranker !== undefined };
  const phases = (['reading', 'embedding', 'indexing', 'searching', 'reranking', 'writing'] as const)
    .filter((phase) => !(phase in asked) || asked[phase as keyof typeof asked])
    .map((phase) => `${phase} ${formatDuration(seconds[phase])}`);
  const reranked = reranker && {
    reranked: `${formatCount(reranker.pairs)} pairs by ${reranker.model}, ${reranker.truncated === null ? '' : `${formatCount(reranker.truncated)} longer than it reads, `}${formatCount(reranker.reused)} known from earlier runs`,
  };
  const lines = {
    rows: `${formatCount(rows.written)} written of ${formatCount(rows.read)} read`,
    ...(examples !== undefined && { examples: `${formatCount(examples)} lines of ${flags.format}` }),
    short:
      rows.short === 0
        ? 'none'
        : `${formatCount(rows.short)} (${reasonText}), ${formatCount(rows.rejected)} of them not written`,
    passages: `${formatCount(passages.distinct)} distinct of ${formatCount(passages.read)} read (${formatCount(passages.duplicates)} duplicates merged, ${formatCount(passages.empty)} empty left out)`,
    positives: `${formatCount(positives.distinct)} distinct, ${formatCount(positives.notInPool)} not in the pool`,
    negatives: `${formatCount(total)}, ${backfilled === 0 ? 'none backfilled' : `${share} backfilled (${sources})`}${negatives.kept > 0 ? `, ${formatCount(negatives.kept)} kept` : ''}`,
    ...((isEncoded || reranker) && {
      'mean score': `positives ${scores.positives ?? '–'}, negatives ${scores.negatives ?? '–'}`,
    }),
    // What a server cuts off is not known.
    ...(isEncoded &&
      flags.embedder === undefined && {
        truncated: `${formatCount(truncated.queries)} queries, ${formatCount(truncated.passages)} passages longer than the model reads`,
      }),
    ...(isEncoded && {
      embedded: `${formatCount(texts.distinct)} texts, ${formatCount(texts.reused)} of them known from earlier runs`,
    }),
    ...reranked,
    model: `${summary.model ?? 'no encoder, as nothing asks for its scores'}, seed ${summary.seed}`,
    time: `${formatDuration(seconds.total)} (${phases.join(', ')})`,
  };
  return Object.entries(lines).map(([name, text]) => `${name.padEnd(11)}${text}`);
}

/** A share that is there does not read as none. */
function describeShare(share: number): string {
  const percent = (100 * share).toFixed(1);
  return percent === '0.0' ? 'under 0.1%' : `${percent}%`;
}
