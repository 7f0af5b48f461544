import { type Bounds, NO_BOUNDS } from './bounds.js';
import { type Candidate, type Candidates, cutWindow, listCandidates } from './candidates.js';
import {
  compareScores,
  DEEPER,
  drawSample,
  fromSource,
  type Negative,
  type RowView,
  type Selection,
  type SelectSettings,
  smallestDraws,
} from './negatives.js';
import type { Ranking } from './ranking.js';
import { explainShortage } from './shortage.js';

export interface RerankSettings extends SelectSettings {
  /** Candidates that are scored at a time, in the retriever's order. */
  readonly rerankDepth: number;
  /** The most that are scored, a row, backfill aside. */
  readonly rerankLimit: number;
}

/** What is needed to fill a row: the reranker's scores of these passages. */
export interface Unscored {
  readonly unscored: readonly number[];
}

/** What the reranker has said so far. */
export type KnownScores = (passage: number) => number | undefined;

/** The candidates of a row whose scores are known. */
interface Tried {
  /** Those within the bounds, by score. */
  readonly ranked: readonly Candidate[];
  /** Of all of them. */
  readonly scores: Float64Array;
  /** Whether no candidate was left out. */
  readonly isAll: boolean;
}

/**
 * Chooses at most `count` negatives for one row, best first, by the scores of a reranker; or asks for a deeper ranking, or for
 * the scores of more passages. The retriever's order says which candidates are scored, a depth at a time until the window
 * can fill the row; then bounds, ranks and sampling are about the reranker's scores.
 */
export function selectReranked(
  ranking: Ranking,
  known: KnownScores,
  row: RowView,
  settings: RerankSettings,
  count: number,
): Selection | typeof DEEPER | Unscored {
  if (count <= 0) return { negatives: [] };
  const { range, positiveWeight, rerankDepth, rerankLimit } = settings;
  const found = listCandidates(ranking, { ...row, bounds: NO_BOUNDS }, 'candidates');
  if (positiveWeight !== 0 && found.length < range.high && !ranking.isWhole) return DEEPER;
  const { risky, rest } = leaveRisky(found, row, settings);
  for (let reach = rerankDepth; ; reach = Math.min(reach + rerankDepth, rerankLimit)) {
    if (rest.length < reach && !ranking.isWhole) return DEEPER;
    const some = rest.slice(0, reach);
    const unscored = listUnscored(some, known);
    if (unscored.length > 0) return { unscored };
    const isAll = ranking.isWhole && rest.length <= reach;
    const tried = { ...rankByScore(some, known, row.bounds), isAll };
    const [low, high] = positiveWeight === 0 ? [range.low, range.high] : [0, range.high - range.low];
    const window = tried.ranked.slice(low, high);
    if (window.length < count && !isAll && reach < rerankLimit) continue;
    const chosen = sampleWindow(window, row, settings, count);
    if (chosen.length === count) return { negatives: chosen.sort(compareScores) };
    // Whether the limit or the pool's end left the row short must not depend on how deep the ranking goes.
    if (rest.length === reach && !ranking.isWhole) return DEEPER;
    const skipped = positiveWeight === 0 ? tried.ranked.slice(0, low) : risky;
    return fillUp({ ranking, known, row, settings, count, chosen, some, skipped, tried });
  }
}

/** With a positive weight, the riskiest of the best candidates go before any is scored. */
function leaveRisky(found: Candidates, row: RowView, { range, positiveWeight }: RerankSettings) {
  if (positiveWeight === 0) return { risky: [], rest: [...found] };
  const { skipped, window, past } = cutWindow(found, range, positiveWeight, row.likenessOf);
  return { risky: [...skipped], rest: [...window, ...past] };
}

function sampleWindow(window: readonly Candidate[], row: RowView, settings: SelectSettings, count: number): Negative[] {
  const at = (place: number) => window[place] as Candidate;
  const sampled = {
    length: window.length,
    passageAt: (place: number) => at(place).passage,
    scoreAt: (place: number) => at(place).score,
  };
  return drawSample(sampled, settings, count, row).map((place) => fromSource('window')(at(place)));
}

function listUnscored(candidates: readonly { readonly passage: number }[], known: KnownScores): number[] {
  return candidates.map(({ passage }) => passage).filter((passage) => known(passage) === undefined);
}

/** By score descending, then pool order ascending; ranks count those within the bounds. */
function rankByScore(candidates: readonly Candidate[], known: KnownScores, bounds: Bounds) {
  const scored = candidates.map((one) => ({ ...one, score: known(one.passage) as number }));
  const ranked = scored
    .filter(({ score }) => isWithin(score, bounds))
    .sort(compareScores)
    .map((one, rank) => ({ ...one, rank }));
  return { ranked, scores: Float64Array.from(scored, ({ score }) => score) };
}

function isWithin(score: number, { ceiling, floor }: Bounds): boolean {
  return score <= ceiling && score >= floor;
}

interface Short {
  readonly ranking: Ranking;
  readonly known: KnownScores;
  readonly row: RowView;
  readonly settings: RerankSettings;
  readonly count: number;
  /** All that the window holds. */
  readonly chosen: readonly Negative[];
  /** The candidates that were scored, those out of bounds included. */
  readonly some: readonly Candidate[];
  /** What backfill takes where nothing else is left. */
  readonly skipped: readonly Candidate[];
  readonly tried: Tried;
}

/** Nothing is ranked past a window that is short, so `next` finds nothing. */
function fillUp(short: Short): Selection | Unscored {
  const { ranking, row, settings, count, tried } = short;
  const chosen = [...short.chosen];
  let isAll = tried.isAll;
  if (settings.backfill === 'random') {
    const drawn = isAll && ranking.coversPool ? { negatives: [], isAll } : drawUnranked(short, count - chosen.length);
    if ('unscored' in drawn) return drawn;
    chosen.push(...drawn.negatives);
    isAll = drawn.isAll;
    const skipped = isAll && chosen.length < count ? takeSkipped(short, count - chosen.length) : [];
    if ('unscored' in skipped) return skipped;
    chosen.push(...skipped);
  }
  const negatives = chosen.sort(compareScores);
  if (negatives.length === count) return { negatives };
  const reason = explainShortage(ranking, row, settings, { asked: count, scores: tried.scores });
  return { negatives, reason: isAll || reason === 'pool too small' ? reason : 'rerank limit' };
}

/**
 * Uniformly from the candidates that were not scored, in the order of their draws, until enough of them lie within the bounds;
 * of no more than a depth of them, or a floor that nothing reaches would have the whole pool scored.
 */
function drawUnranked(short: Short, missing: number): { negatives: Negative[]; isAll: boolean } | Unscored {
  const { known, row, settings, some, skipped } = short;
  const passed = new Set(row.excluded);
  for (const { passage } of [...some, ...skipped]) passed.add(row.classOf(passage));
  const most = Math.max(settings.rerankDepth, missing);
  for (let tries = missing; ; tries = Math.min(2 * tries, most)) {
    // One more shows whether there are more.
    const found = smallestDraws({ ...row, bounds: NO_BOUNDS }, passed, tries + 1).map((passage) => ({ passage }));
    const drawn = found.slice(0, tries);
    const unscored = listUnscored(drawn, known);
    if (unscored.length > 0) return { unscored };
    const negatives = drawn
      .map(({ passage }): Negative => ({ passage, score: known(passage) as number, rank: null, source: 'random' }))
      .filter(({ score }) => isWithin(score, row.bounds))
      .slice(0, missing);
    const isAll = found.length <= tries;
    if (isAll || negatives.length === missing || tries === most) return { negatives, isAll };
  }
}

/** From the lowest score upwards. Risky candidates were left without a score, and have no rank. */
function takeSkipped({ known, row, settings, skipped }: Short, missing: number): Negative[] | Unscored {
  if (settings.positiveWeight === 0) return skipped.toReversed().slice(0, missing).map(fromSource('skipped'));
  const unscored = listUnscored(skipped, known);
  if (unscored.length > 0) return { unscored };
  const { ranked } = rankByScore(skipped, known, row.bounds);
  const taken = ranked.toReversed().slice(0, missing).map(fromSource('skipped'));
  return taken.map((one) => ({ ...one, rank: null }));
}
