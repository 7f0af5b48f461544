import { NO_BOUNDS } from './bounds.js';
import { listCandidates } from './candidates.js';
import type { RowView, SelectSettings } from './negatives.js';
import type { Ranking } from './ranking.js';

/** Why a row got fewer negatives than it asked for. */
export type ShortReason =
  | 'pool too small'
  | 'run too short'
  | 'rerank limit'
  | 'too few candidates'
  | 'ceiling'
  | 'floor';

/** What a row asked for, and what it was given. */
export interface Shortage {
  /** Negatives to be mined. */
  readonly asked: number;
  /** The scores that were held against the row's bounds. */
  readonly scores: Float64Array;
}

/** Why a row got fewer negatives than it asked for from a ranking that no deeper search would help. */
export function explainShortage(
  ranking: Ranking,
  row: RowView,
  settings: SelectSettings,
  { asked, scores }: Shortage,
): ShortReason {
  if (row.classCount - row.excluded.size < asked) return 'pool too small';
  if (endsTooEarly(ranking, row, settings, asked)) return 'run too short';
  const { floor, ceiling } = row.bounds;
  // Where the floor is above the ceiling, how deep the search went decides which of them it met.
  if (floor <= ceiling && scores.some((score) => score < floor)) return 'floor';
  return ceiling === Infinity ? 'too few candidates' : 'ceiling';
}

/** Whether the ranking is too short for the row even without bounds. Random backfill goes past its end, to the whole pool. */
function endsTooEarly(ranking: Ranking, row: RowView, settings: SelectSettings, asked: number): boolean {
  if (ranking.coversPool || settings.backfill === 'random') return false;
  const unbounded = { ...row, bounds: NO_BOUNDS, isTooSimilar: () => false };
  const candidates = listCandidates(ranking, unbounded, settings.rankBasis);
  const { low, high } = settings.range;
  const most = settings.backfill === 'next' ? Infinity : high;
  return Array.from(candidates).filter(({ rank }) => rank >= low && rank < most).length < asked;
}
