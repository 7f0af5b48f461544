import type { Embed } from '../mine-in-memory.js';
import type { ChoiceSettings } from './choice-settings.js';
import { chooseByEncoder } from './encoder-choice.js';
import type { RuleRecords } from './records.js';
import { chooseReranked } from './reranked-choice.js';
import { gatherFacts, type RowFacts, type Sources } from './row-facts.js';
import type { Choice, ChosenNegative } from './window.js';

export { type ChoiceSettings, DEFAULT_CHOICE } from './choice-settings.js';
export type { Rerank, TestRun } from './row-facts.js';

/** What the rules say of one row; of raw ranks, the reason depends on what the window happens to meet. */
export interface RowByRules extends Omit<Choice, 'mined'>, Pick<RowFacts, 'forbidden' | 'bounds' | 'posScores'> {
  readonly negatives: readonly ChosenNegative[];
}

/**
 * The choice of negatives as the documentation tells it, by brute force: every passage scored, everything sorted, nothing cut
 * short. It shares no code with the program.
 */
export function chooseByRules(
  records: RuleRecords,
  settings: ChoiceSettings,
  embed: Embed,
  { runs = [], rerank }: Partial<Sources> = {},
): RowByRules[] {
  return records.input.map((_, position) => {
    const facts = gatherFacts(records, position, settings, { embed, runs, rerank });
    const isByScore = rerank !== undefined || (settings.retriever.join() === 'dense' && runs.length === 0);
    const choice = rerank ? chooseReranked(facts) : chooseByEncoder(facts);
    return writeRow(facts, choice, isByScore);
  });
}

/** Kept negatives in their order, then mined ones, best first. */
function writeRow(facts: RowFacts, { mined, ...choice }: Choice, isByScore: boolean): RowByRules {
  const { forbidden, bounds, posScores, kept, scoreOf, placeOf, settings } = facts;
  const byScore = (a: Choice['mined'][number], b: Choice['mined'][number]) =>
    b.score - a.score || placeOf(a) - placeOf(b);
  const rankOf = ({ rank }: ChosenNegative) => rank ?? Number.MAX_VALUE;
  const sorted = mined.toSorted(isByScore ? byScore : (a, b) => rankOf(a) - rankOf(b) || byScore(a, b));
  const first = kept.map((text): ChosenNegative => {
    return { text, score: settings.scores ? scoreOf(text) : undefined, rank: null, source: 'kept' };
  });
  return { ...choice, forbidden, bounds, posScores, negatives: [...first, ...sorted] };
}
