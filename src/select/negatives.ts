import type { Neighbours } from '../search/vector-index.js';
import { type Candidate, type Cut, cutWindow, listCandidates, type RankBasis, type RankRange } from './candidates.js';

export type Sample = 'random' | 'top';
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
}

/** What the choice for one row needs to know of the pool. */
export interface RowView {
  readonly poolSize: number;
  /** The class of a passage: passages equal after normalization share one, named after the first of them. */
  classOf(passage: number): number;
  /** Classes this row may not take. */
  readonly excluded: ReadonlySet<number>;
  /** The draw of a passage for this row, in (0, 1). */
  drawOf(passage: number): number;
  /** The exact score of a passage for this row's query. */
  scoreOf(passage: number): number;
}

/**
 * Chooses at most `count` negatives for one row, best first, or asks for a deeper search by returning nothing: more
 * neighbours could still fill the window or the ranks past it.
 */
export function selectNegatives(
  neighbours: Neighbours,
  row: RowView,
  settings: SelectSettings,
  count: number,
): Negative[] | undefined {
  const candidates = listCandidates(neighbours, row.excluded, row.classOf, settings.rankBasis);
  const cut = cutWindow(candidates, settings.range);
  const isWhole = neighbours.passages.length === row.poolSize;
  const seen = settings.rankBasis === 'raw' ? neighbours.passages.length : candidates.length;
  if (!isWhole && seen < settings.range.high) return undefined;
  const chosen = samplePassages(cut.window, settings.sample, count, row);
  const missing = count - chosen.length;
  if (missing > 0 && settings.backfill === 'next') {
    if (!isWhole && cut.past.length < missing) return undefined;
    chosen.push(...cut.past.slice(0, missing).map(fromSource('next')));
  } else if (missing > 0 && settings.backfill === 'random') {
    chosen.push(...drawBackfill(cut, row, missing));
  }
  return chosen.sort((a, b) => b.score - a.score || a.passage - b.passage);
}

function fromSource(source: NegativeSource): (candidate: Candidate) => Negative {
  return (candidate) => ({ ...candidate, source });
}

/** `random` takes the smallest draws: uniform without replacement, and unmoved by what else the window holds. */
function samplePassages(window: readonly Candidate[], sample: Sample, count: number, row: RowView): Negative[] {
  const inOrder = sample === 'top' ? window : sortByDraw(window, (candidate) => row.drawOf(candidate.passage));
  return inOrder.slice(0, count).map(fromSource('window'));
}

function sortByDraw<T>(items: readonly T[], drawOf: (item: T) => number): T[] {
  const drawn = items.map((item) => ({ item, draw: drawOf(item) }));
  return drawn.sort((a, b) => a.draw - b.draw).map(({ item }) => item);
}

/** Uniformly from the candidates past the window; when those run out, the skipped ranks from the window upwards. */
function drawBackfill(cut: Cut, row: RowView, count: number): Negative[] {
  const ranked = new Set(row.excluded);
  for (const candidate of [...cut.skipped, ...cut.window]) ranked.add(row.classOf(candidate.passage));
  const drawn = smallestDraws(row, ranked, count);
  const random = drawn.map((passage): Negative => {
    return { passage, score: row.scoreOf(passage), rank: null, source: 'random' };
  });
  const skipped = cut.skipped.toReversed().slice(0, count - random.length);
  return [...random, ...skipped.map(fromSource('skipped'))];
}

/** One passage a class, so a class is drawn as often as any other. */
function smallestDraws(row: RowView, ranked: ReadonlySet<number>, count: number): number[] {
  const smallest: { passage: number; draw: number }[] = [];
  for (let passage = 0; passage < row.poolSize; passage++) {
    if (row.classOf(passage) !== passage || ranked.has(passage)) continue;
    const draw = row.drawOf(passage);
    if (smallest.length === count && draw >= (smallest.at(-1)?.draw ?? 0)) continue;
    const at = smallest.findIndex((other) => draw < other.draw);
    smallest.splice(at === -1 ? smallest.length : at, 0, { passage, draw });
    if (smallest.length > count) smallest.pop();
  }
  return smallest.map(({ passage }) => passage);
}
