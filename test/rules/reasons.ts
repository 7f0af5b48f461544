import { oneOfEach } from './records.js';
import type { RowFacts } from './row-facts.js';
import { countRanks } from './window.js';

/** Why a row is short. */
export interface Shortage {
  /** The scores that were held against the bounds. */
  readonly scores: readonly number[];
  /** Whether candidates were left that a reranker did not score. */
  readonly isLimited: boolean;
}

export function explainByRules(facts: RowFacts, { scores, isLimited }: Shortage): string {
  const { settings, bounds, asked, everyone } = facts;
  const distinct = oneOfEach(everyone.filter(facts.isEligible));
  if (distinct.length < asked) return 'pool too small';
  if (isLimited) return 'rerank limit';
  const [low, high] = settings.range;
  const last = settings.backfill === 'next' ? Number.MAX_VALUE : high;
  const inReach = countRanks(distinct).filter(({ rank }) => rank >= low && rank < last);
  if (settings.backfill !== 'random' && inReach.length < asked && !facts.coversPool) return 'run too short';
  const [floor, ceiling] = bounds;
  if (floor <= ceiling && scores.some((score) => score < floor)) return 'floor';
  return ceiling === Infinity ? 'too few candidates' : 'ceiling';
}
