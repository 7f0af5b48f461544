import type { Bounds } from './bounds.js';
import {
  type Candidate,
  type Candidates,
  type Cut,
  cutWindow,
  listCandidates,
  type RankBasis,
  type RankRange,
} from './candidates.js';
import type { Ranking } from './ranking.js';
import { explainShortage, type ShortReason } from './shortage.js';
import { SmallestDraws } from './smallest-draws.js';

export type Sample = 'random' | 'top' | 'weighted';
export type Backfill = 'random' | 'next' | 'none';

/** Where a negative came from; `random` and `skipped` are the two steps of random backfill. */
export type NegativeSource = 'window' | 'next' | 'random' | 'skipped';

/** A mined negative. */
export interface Negative {
  readonly passage: number;
  readonly score: number;
  /** `null` for random backfill, whose rank nobody looked up. */
  readonly rank: number | null;
  readonly source: NegativeSource;
}

export interface SelectSettings {
  readonly range: RankRange;
  readonly rankBasis: RankBasis;
  readonly sample: Sample;
  readonly backfill: Backfill;
  /** How much the likeness to a positive counts when the skipped ranks are chosen; 0 skips the best. */
  readonly positiveWeight: number;
  /** SimANS' a and b: see `weighDraw`. */
  readonly sampleSharpness: number;
  readonly sampleOffset: number;
}

/** What the choice for one row needs to know of the pool. */
export interface RowView {
  readonly poolSize: number;
  readonly classCount: number;
  /** The class of a passage: passages equal after normalization share one, named after the first of them. */
  classOf(passage: number): number;
  /** Classes this row may not take. */
  readonly excluded: ReadonlySet<number>;
  /** The draw of a passage for this row, in (0, 1). */
  drawOf(passage: number): number;
  /** The exact score of a passage for this row's query. */
  scoreOf(passage: number): number;
  /** The scores that its negatives may have. */
  readonly bounds: Bounds;
  /** The score of the row's positives as one number. */
  readonly positive: number;
  /** Whether a passage is too like a positive of the row or of its siblings. */
  isTooSimilar(passage: number): boolean;
  /** The highest score of a passage with a positive of the row or of its siblings. */
  likenessOf(passage: number): number;
}

/** What is needed to fill a row: a ranking that goes deeper. */
export const DEEPER = 'deeper';

/** Negatives of one row, and why there are no more where there are fewer than asked for. */
export interface Selection {
  readonly negatives: Negative[];
  readonly reason?: ShortReason;
}

/**
 * Chooses at most `count` negatives for one row, best first, or asks for a deeper ranking: more passages could still fill
 * the window or the ranks past it. What is chosen does not depend on how deep the ranking goes.
 */
export function selectNegatives(
  ranking: Ranking,
  row: RowView,
  settings: SelectSettings,
  count: number,
): Selection | typeof DEEPER {
  const candidates = listCandidates(ranking, row, settings.rankBasis);
  const isEnd = ranking.isWhole || isPastFloor(ranking, row);
  const seen = settings.rankBasis === 'raw' ? ranking.passages.length : candidates.length;
  if (!isEnd && seen < settings.range.high) return DEEPER;
  const cut = cutWindow(candidates, settings.range, settings.positiveWeight, row.likenessOf);
  const chosen = drawSample(cut.window, settings, count, row).map((i) => fromSource('window')(cut.window.at(i)));
  const missing = count - chosen.length;
  if (missing > 0 && settings.backfill === 'next') {
    if (!isEnd && cut.past.length < missing) return DEEPER;
    chosen.push(...Array.from(cut.past.slice(0, missing), fromSource('next')));
  } else if (missing > 0 && settings.backfill === 'random') {
    // Where every candidate is known and none lies past the window, looking through the pool would find nothing.
    const isAllSeen = isEnd && ranking.coversPool && cut.past.length === 0;
    const random = isAllSeen ? [] : drawPast(cut, row, missing);
    chosen.push(...random, ...takeSkipped(cut, missing - random.length));
  }
  const negatives = chosen.sort(ranking.isByScore ? compareScores : compareRanks);
  if (negatives.length === count) return { negatives };
  return { negatives, reason: explainShortage(ranking, row, settings, { asked: count, scores: ranking.scores }) };
}

/** Whether what lies deeper scores below the floor, which only a ranking by score can tell. */
function isPastFloor({ isByScore, scores }: Ranking, { bounds }: RowView): boolean {
  return isByScore && (scores.at(-1) ?? Infinity) < bounds.floor;
}

type Ranked = Pick<Negative, 'passage' | 'score'>;

/** Best first; equal scores in pool order. */
export function compareScores(a: Ranked, b: Ranked): number {
  return b.score - a.score || a.passage - b.passage;
}

/** Those whose rank nobody looked up come last, in pool order: with scores or without, the order is the same. */
function compareRanks(a: Negative, b: Negative): number {
  return (a.rank ?? Infinity) === (b.rank ?? Infinity)
    ? a.passage - b.passage
    : (a.rank ?? Infinity) - (b.rank ?? Infinity);
}

/** Makes negatives of candidates. */
export function fromSource(source: NegativeSource): (candidate: Candidate) => Negative {
  return ({ passage, score, rank }) => ({ passage, score, rank, source });
}

/**
 * Samples a window; `random` takes the smallest draws: uniform without replacement, and unmoved by what else the window holds.
 *
 * @returns the places in the window of at most `count` passages, ascending
 */
export function drawSample(
  window: Pick<Candidates, 'length' | 'passageAt' | 'scoreAt'>,
  settings: SelectSettings,
  count: number,
  row: RowView,
): number[] {
  const { sample } = settings;
  if (sample === 'top' || count >= window.length) return listPlaces(Math.min(count, window.length));
  const smallest = new SmallestDraws(count);
  for (let i = 0; i < window.length; i++) {
    const draw = row.drawOf(window.passageAt(i));
    smallest.offer(sample === 'weighted' ? weighDraw(draw, window.scoreAt(i), row.positive, settings) : draw, i);
  }
  return smallest.items.sort((a, b) => a - b);
}

function listPlaces(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place);
}

/**
 * A draw of an exponential distribution with the rate exp(-a·(score - positive - b)²): the smallest of several are a sample
 * without replacement, weighted as SimANS has it (arXiv:2210.11773). As a logarithm, so that tiny weights still have an order.
 */
function weighDraw(
  draw: number,
  score: number,
  positive: number,
  { sampleSharpness, sampleOffset }: SelectSettings,
): number {
  return Math.log(-Math.log(draw)) + sampleSharpness * (score - positive - sampleOffset) ** 2;
}

/** Uniformly from the candidates past the window. */
function drawPast(cut: Cut, row: RowView, count: number): Negative[] {
  const ranked = new Set(row.excluded);
  for (const { passage } of [...cut.skipped, ...cut.window]) ranked.add(row.classOf(passage));
  return smallestDraws(row, ranked, count).map((passage): Negative => {
    return { passage, score: row.scoreOf(passage), rank: null, source: 'random' };
  });
}

/** The skipped ranks from the window upwards. */
function takeSkipped(cut: Cut, count: number): Negative[] {
  return [...cut.skipped].toReversed().slice(0, count).map(fromSource('skipped'));
}

/** One passage a class, the first that is allowed, so a class is drawn as often as any other. */
export function smallestDraws(row: RowView, ranked: ReadonlySet<number>, count: number): number[] {
  const smallest = new SmallestDraws(count);
  /** Classes for which another passage than the first stood in. */
  const replaced = new Set<number>();
  for (let passage = 0; passage < row.poolSize; passage++) {
    const found = row.classOf(passage);
    if (ranked.has(found)) continue;
    if (found !== passage) {
      if (replaced.has(found) || isAllowed(row, found) || !isAllowed(row, passage)) continue;
      replaced.add(found);
    }
    const draw = row.drawOf(passage);
    if (smallest.takes(draw) && isAllowed(row, passage)) smallest.offer(draw, passage);
  }
  return smallest.items;
}

/** Scores are computed only where there are bounds. */
function isAllowed(row: RowView, passage: number): boolean {
  const { ceiling, floor } = row.bounds;
  if (ceiling !== Infinity || floor !== -Infinity) {
    const score = row.scoreOf(passage);
    if (score > ceiling || score < floor) return false;
  }
  return !row.isTooSimilar(passage);
}
