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
    return writeRow(facts, choice, {
      isByScore,
      isScored: rerank !== undefined || asksForScores(settings, runs.length > 0),
    });
  });
}

/** Whether the encoder is used at all: for the order, for scores, or for what looks like a positive. */
function asksForScores(settings: ChoiceSettings, hasRuns: boolean): boolean {
  const { retriever, scores, sample, positiveWeight, maxPositiveSimilarity } = settings;
  const { maxScore, minScore, margin, relativeMargin } = settings;
  const bounds = [maxScore, minScore, margin, relativeMargin, maxPositiveSimilarity];
  const isDense = retriever.includes('dense') || (retriever.length === 0 && !hasRuns);
  return isDense || scores || sample === 'weighted' || positiveWeight !== 0 || bounds.some((one) => one !== undefined);
}

/** Kept negatives in their order, then mined ones, best first. */
function writeRow(
  facts: RowFacts,
  { mined, ...choice }: Choice,
  { isByScore, isScored }: { isByScore: boolean; isScored: boolean },
): RowByRules {
  const { forbidden, bounds, kept, scoreOf, placeOf, settings } = facts;
  const posScores = isScored ? facts.posScores : [];
  const byScore = (a: Choice['mined'][number], b: Choice['mined'][number]) =>
    b.score - a.score || placeOf(a) - placeOf(b);
  const rankOf = ({ rank }: ChosenNegative) => rank ?? Number.MAX_VALUE;
  const sorted = mined.toSorted(isByScore ? byScore : (a, b) => rankOf(a) - rankOf(b) || placeOf(a) - placeOf(b));
  const first = kept.map((text): ChosenNegative => {
    return { text, score: settings.scores ? scoreOf(text) : undefined, rank: null, source: 'kept' };
  });
  return {
    ...choice,
    forbidden,
    bounds,
    posScores,
    negatives: [...first, ...sorted.map((one) => (isScored ? one : { ...one, score: undefined }))],
  };
}
