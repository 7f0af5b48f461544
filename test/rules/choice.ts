import type { Embed } from '../mine-in-memory.js';
import { drawsOf } from './draws.js';
import { DEFAULT_RANKING, type RankingSettings, rankByBm25, rankTexts } from './rankings.js';
import {
  equalTexts,
  forbiddenTexts,
  normal,
  passagesOf,
  type RowRecord,
  type RuleRecords,
  siblingsOf,
  textsOfPool,
} from './records.js';

/** The flags that a choice depends on, with the defaults of the documentation. */
export interface ChoiceSettings extends RankingSettings {
  readonly range: [low: number, high: number];
  readonly neg: number;
  readonly sample: 'random' | 'top' | 'weighted';
  readonly sampleSharpness: number;
  readonly sampleOffset: number;
  readonly seed: number;
  readonly rankBasis: 'candidates' | 'raw';
  readonly positiveWeight: number;
  readonly backfill: 'random' | 'next' | 'none';
  readonly keepNeg: boolean;
  readonly skipLexical: number;
  readonly maxScore?: number | undefined;
  readonly minScore?: number | undefined;
  readonly margin?: number | undefined;
  readonly relativeMargin?: number | undefined;
  readonly positiveScore: 'min' | 'max' | 'mean';
  readonly maxPositiveSimilarity?: number | undefined;
}

export const DEFAULT_CHOICE: ChoiceSettings = {
  ...DEFAULT_RANKING,
  skipLexical: 0,
  range: [10, 210],
  neg: 15,
  sample: 'random',
  sampleSharpness: 100,
  sampleOffset: 0,
  seed: 42,
  rankBasis: 'candidates',
  positiveWeight: 0,
  backfill: 'random',
  keepNeg: false,
  positiveScore: 'min',
};

export interface Ranked {
  readonly text: string;
  readonly score: number;
  /** Infinity for what no retriever ranks. */
  readonly rank: number;
}

export interface ChosenNegative {
  readonly text: string;
  readonly score: number;
  readonly rank: number | null;
  readonly source: 'kept' | 'window' | 'next' | 'random' | 'skipped';
}

/** What the rules say of one row. */
export interface RowByRules {
  readonly forbidden: ReadonlySet<string>;
  /** Everything that the row may take, with ranks of the basis that was asked for. */
  readonly candidates: readonly Ranked[];
  /** The candidates whose ranks the window holds. */
  readonly window: readonly Ranked[];
  /** The lowest and the highest score that a mined negative may have. */
  readonly bounds: readonly [floor: number, ceiling: number];
  readonly posScores: readonly number[];
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
  runs: readonly TestRun[] = [],
): RowByRules[] {
  return records.input.map((_, position) => chooseForRow(records, position, settings, embed, runs));
}

/** What another engine ranks for a query: places in the pool, each once. */
export type TestRun = (query: string) => readonly number[];

function chooseForRow(
  records: RuleRecords,
  position: number,
  settings: ChoiceSettings,
  embed: Embed,
  runs: readonly TestRun[],
): RowByRules {
  const { neg } = settings;
  const row = records.input[position] as RowRecord;
  const family = siblingsOf(records.input, position);
  const forbidden = forbiddenTexts(family, passagesOf(records));
  const kept = settings.keepNeg ? keep(row.neg ?? [], forbidden, records).slice(0, neg) : [];
  const taken = new Set([...kept.map(normal), ...equalTexts(kept, passagesOf(records))]);

  const scoreOf = (passage: string) => product(embed(row.query, 'query'), embed(passage, 'passage'));
  const posScores = row.pos.map(scoreOf);
  const positive = combine(posScores, settings.positiveScore);
  const bounds = boundsOf(positive, settings);
  const likenessOf = (passage: string, measure: typeof product) => {
    const positives = family.flatMap(({ pos }) => pos);
    return Math.max(...positives.map((text) => measure(embed(passage, 'passage'), embed(text, 'passage'))));
  };
  const places = textsOfPool(records);
  const isFree = (text: string) => !forbidden.has(normal(text)) && !taken.has(normal(text));
  const lexical = rankByBm25(row.query, places, settings).filter(isFree);
  const alike = [...new Set(lexical.map(normal))].slice(0, settings.skipLexical);
  const isCandidate = ({ text, score }: Ranked) => {
    const { maxPositiveSimilarity: most = Infinity } = settings;
    return (
      isFree(text) &&
      !alike.includes(normal(text)) &&
      score >= bounds[0] &&
      score <= bounds[1] &&
      !(likenessOf(text, cosine) >= most)
    );
  };

  const ranked = rankTexts(row.query, places, settings, scoreOf, listRuns(runs, row.query, places));
  const unranked = places.filter((text) => !ranked.includes(text));
  const everyone = [
    ...ranked.map((text, at) => ({ text, score: scoreOf(text), rank: at })),
    ...unranked.map((text) => ({ text, score: scoreOf(text), rank: Infinity })),
  ];
  const distinct = oneOfEach(everyone.filter(isCandidate));
  const countRank = (one: Ranked, at: number) => ({ ...one, rank: one.rank === Infinity ? Infinity : at });
  const candidates = settings.rankBasis === 'raw' ? distinct : distinct.map(countRank);
  const risk = ({ text, score }: Ranked) => score + settings.positiveWeight * likenessOf(text, product);
  const { skipped, window, past } = cut(candidates, settings, risk);

  const drawOf = drawsOf(records.input, position, settings.seed);
  const sampled = sample(window, settings, positive, drawOf).slice(0, neg - kept.length);
  const missing = neg - kept.length - sampled.length;
  // Which spelling stands for passages that are equal after normalization: past the window the first of the pool.
  const isPast = ({ text }: Ranked) => past.some((one) => normal(one.text) === normal(text));
  const inPoolOrder = everyone.filter(isCandidate).sort((a, b) => places.indexOf(a.text) - places.indexOf(b.text));
  const drawn = oneOfEach(inPoolOrder)
    .filter(isPast)
    .sort((a, b) => drawOf(a.text) - drawOf(b.text));
  const fillers: ChosenNegative[] = {
    none: [],
    next: past.filter(({ rank }) => rank !== Infinity).map((one) => ({ ...one, source: 'next' as const })),
    random: [
      ...drawn.map((one) => ({ ...one, rank: null, source: 'random' as const })),
      ...skipped.toReversed().map((one) => ({ ...one, source: 'skipped' as const })),
    ],
  }[settings.backfill].slice(0, missing);

  const place = ({ text }: ChosenNegative) => places.indexOf(text);
  const mined = [...sampled.map((one) => ({ ...one, source: 'window' as const })), ...fillers];
  const byScore = (a: ChosenNegative, b: ChosenNegative) => b.score - a.score || place(a) - place(b);
  const rankOf = ({ rank }: ChosenNegative) => rank ?? Number.MAX_VALUE;
  const isByScore = settings.retriever.join() === 'dense' && runs.length === 0;
  mined.sort(isByScore ? byScore : (a, b) => rankOf(a) - rankOf(b) || byScore(a, b));
  const first = kept.map((text) => ({ text, score: scoreOf(text), rank: null, source: 'kept' as const }));
  return { forbidden, candidates, window, bounds, posScores, negatives: [...first, ...mined] };
}

/** The negatives that a row came with and may keep, each once. */
function keep(texts: readonly string[], forbidden: ReadonlySet<string>, records: RuleRecords): string[] {
  const isFree = (text: string) => {
    const all = [normal(text), ...equalTexts([text], passagesOf(records))];
    return normal(text) !== '' && !all.some((one) => forbidden.has(one));
  };
  return oneOfEach(texts.filter(isFree).map((text) => ({ text }))).map(({ text }) => text);
}

/** The first of those that are equal after normalization. */
function oneOfEach<T extends { readonly text: string }>(items: readonly T[]): T[] {
  return items.filter(({ text }, i) => items.findIndex((other) => normal(other.text) === normal(text)) === i);
}

function listRuns(runs: readonly TestRun[], query: string, places: readonly string[]): string[][] {
  return runs.map((run) => run(query).map((place) => places[place] as string));
}

/** Of the best candidates, as many as the window skips are dropped: those of the highest risk. */
function cut(candidates: readonly Ranked[], { range, positiveWeight }: ChoiceSettings, risk: (one: Ranked) => number) {
  const [low, high] = range;
  const best = candidates.filter((one) => one.rank < high);
  const riskiest = best.toSorted((a, b) => risk(b) - risk(a) || a.rank - b.rank).slice(0, low);
  const isSkipped = (one: Ranked) => (positiveWeight === 0 ? one.rank < low : riskiest.includes(one));
  const past = candidates.filter((one) => one.rank >= high);
  return { skipped: best.filter(isSkipped), window: best.filter((one) => !isSkipped(one)), past };
}

/** In the order in which they are taken. */
function sample(
  window: readonly Ranked[],
  settings: ChoiceSettings,
  positive: number,
  drawOf: (passage: string) => number,
): Ranked[] {
  const { sampleSharpness: a, sampleOffset: b } = settings;
  const key = {
    top: (one: Ranked) => one.rank,
    random: (one: Ranked) => drawOf(one.text),
    // The logarithm of -ln(u) / exp(-a (score - p - b)²).
    weighted: (one: Ranked) => Math.log(-Math.log(drawOf(one.text))) + a * (one.score - positive - b) ** 2,
  }[settings.sample];
  return window.toSorted((one, other) => key(one) - key(other));
}

function combine(scores: readonly number[], how: ChoiceSettings['positiveScore']): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { min: Math.min(...scores), max: Math.max(...scores), mean }[how];
}

function boundsOf(p: number, { maxScore, minScore, margin, relativeMargin }: ChoiceSettings): [number, number] {
  const ceilings = [Infinity, maxScore ?? Infinity];
  if (margin !== undefined) ceilings.push(p - margin);
  if (relativeMargin !== undefined) ceilings.push(p - relativeMargin * Math.abs(p));
  return [minScore ?? -Infinity, Math.min(...ceilings)];
}

/** In float64, over values as float32 holds them. */
function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + Math.fround(value) * Math.fround(b[i] as number), 0);
}

function cosine(a: readonly number[], b: readonly number[]): number {
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
