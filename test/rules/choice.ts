import type { Embed } from '../mine-in-memory.js';
import { drawsOf } from './draws.js';
import { DEFAULT_RANKING, type RankingSettings, rankByBm25, rankTexts } from './rankings.js';
import {
  equalTexts,
  forbiddenTexts,
  normal,
  oneOfEach,
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
  /** Why the row is short, if it is; of raw ranks it depends on what the window happens to meet. */
  readonly reason: string | undefined;
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
  const isFree = ({ text }: { text: string }) => !forbidden.has(normal(text)) && !taken.has(normal(text));
  const places = new Map(textsOfPool(records).map((text, place) => [text, place]));
  const placeOf = ({ text }: { text: string }) => places.get(text) as number;
  const lexical = settings.skipLexical === 0 ? [] : rankByBm25(row.query, [...places.keys()], settings);
  const alike = [...new Set(lexical.filter((text) => isFree({ text })).map(normal))].slice(0, settings.skipLexical);
  const isEligible = (one: Ranked) => isFree(one) && !alike.includes(normal(one.text));
  const isCandidate = (one: Ranked) => {
    const { text, score } = one;
    const { maxPositiveSimilarity: most = Infinity } = settings;
    const isWithin = isEligible(one) && score >= bounds[0] && score <= bounds[1];
    return isWithin && !(most < Infinity && likenessOf(text, cosine) >= most);
  };

  const everyone = rankPool([...places.keys()], row.query, { settings, scoreOf, runs });
  const allowed = everyone.filter(isCandidate);
  const candidates = settings.rankBasis === 'raw' ? oneOfEach(allowed) : countRanks(oneOfEach(allowed));
  const risk = ({ text, score }: Ranked) => score + settings.positiveWeight * likenessOf(text, product);
  const { skipped, window, past } = cut(candidates, settings, risk);

  const drawOf = drawsOf(records.input, position, settings.seed);
  const sampled = sample(window, settings, positive, drawOf).slice(0, neg - kept.length);
  const missing = neg - kept.length - sampled.length;
  // Which spelling stands for passages that are equal after normalization: past the window the first of the pool.
  const pastTexts = new Set(past.map(({ text }) => normal(text)));
  const isPast = ({ text }: Ranked) => pastTexts.has(normal(text));
  const inPoolOrder = oneOfEach(allowed.toSorted((a, b) => placeOf(a) - placeOf(b)));
  const drawn = inPoolOrder.filter(isPast).sort((a, b) => drawOf(a.text) - drawOf(b.text));
  const fillers: ChosenNegative[] = {
    none: [],
    next: past.filter(({ rank }) => rank !== Infinity).map((one) => ({ ...one, source: 'next' as const })),
    random: [
      ...drawn.map((one) => ({ ...one, rank: null, source: 'random' as const })),
      ...skipped.toReversed().map((one) => ({ ...one, source: 'skipped' as const })),
    ],
  }[settings.backfill].slice(0, missing);

  const mined = [...sampled.map((one) => ({ ...one, source: 'window' as const })), ...fillers];
  const byScore = (a: ChosenNegative, b: ChosenNegative) => b.score - a.score || placeOf(a) - placeOf(b);
  const rankOf = ({ rank }: ChosenNegative) => rank ?? Number.MAX_VALUE;
  const isByScore = settings.retriever.join() === 'dense' && runs.length === 0;
  mined.sort(isByScore ? byScore : (a, b) => rankOf(a) - rankOf(b) || byScore(a, b));
  const first = kept.map((text) => ({ text, score: scoreOf(text), rank: null, source: 'kept' as const }));
  const negatives = [...first, ...mined];
  const reason =
    negatives.length === neg
      ? undefined
      : explain(everyone.filter(isEligible), everyone, {
          settings,
          bounds,
          asked: neg - kept.length,
          coversPool: settings.retriever.includes('dense'),
        });
  return { forbidden, candidates, window, bounds, posScores, negatives, reason };
}

/** The negatives that a row came with and may keep, each once. */
function keep(texts: readonly string[], forbidden: ReadonlySet<string>, records: RuleRecords): string[] {
  const isFree = (text: string) => {
    const all = [normal(text), ...equalTexts([text], passagesOf(records))];
    return normal(text) !== '' && !all.some((one) => forbidden.has(one));
  };
  return oneOfEach(texts.filter(isFree).map((text) => ({ text }))).map(({ text }) => text);
}

interface Ranker {
  readonly settings: ChoiceSettings;
  readonly scoreOf: (passage: string) => number;
  readonly runs: readonly TestRun[];
}

/** Those that no retriever ranks come last, as the pool has them. */
function rankPool(texts: readonly string[], query: string, { settings, scoreOf, runs }: Ranker): Ranked[] {
  const lists = runs.map((run) => run(query).map((place) => texts[place] as string));
  const ranked = rankTexts(query, texts, settings, scoreOf, lists);
  const isRanked = new Set(ranked);
  const unranked = texts.filter((text) => !isRanked.has(text));
  return [
    ...ranked.map((text, at) => ({ text, score: scoreOf(text), rank: at })),
    ...unranked.map((text) => ({ text, score: scoreOf(text), rank: Infinity })),
  ];
}

/** Ranks that count these alone. */
function countRanks(ranked: readonly Ranked[]): Ranked[] {
  return ranked.map((one, at) => ({ ...one, rank: one.rank === Infinity ? Infinity : at }));
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

interface Shortage {
  readonly settings: ChoiceSettings;
  readonly bounds: readonly [floor: number, ceiling: number];
  /** Negatives that were to be mined. */
  readonly asked: number;
  /** Whether rankings end with the pool. */
  readonly coversPool: boolean;
}

function explain(eligible: readonly Ranked[], everyone: readonly Ranked[], shortage: Shortage): string {
  const {
    settings: { range, backfill },
    bounds: [floor, ceiling],
    asked,
  } = shortage;
  const distinct = oneOfEach(eligible);
  if (distinct.length < asked) return 'pool too small';
  const ranked = everyone.filter(({ rank }) => rank !== Infinity);
  const last = backfill === 'next' ? Number.MAX_VALUE : range[1];
  const inReach = countRanks(distinct).filter(({ rank }) => rank >= range[0] && rank < last);
  const isRunShort = backfill !== 'random' && inReach.length < asked;
  if (isRunShort && !shortage.coversPool) return 'run too short';
  if (floor <= ceiling && ranked.some(({ score }) => score < floor)) return 'floor';
  return ceiling === Infinity ? 'too few candidates' : 'ceiling';
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
