import type { Embed } from '../mine-in-memory.js';
import type { ChoiceSettings } from './choice-settings.js';
import { drawsOf } from './draws.js';
import { boundsOf, combine, cosine, product } from './measures.js';
import { rankByBm25, rankTexts } from './rankings.js';
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

/** What another engine ranks for a query: places in the pool, each once. */
export type TestRun = (query: string) => readonly number[];

/** What a cross-encoder says of a pair. */
export type Rerank = (query: string, passage: string) => number;

/** What scores and rankings come from. */
export interface Sources {
  readonly embed: Embed;
  readonly runs: readonly TestRun[];
  /** Nothing where there is no reranker. */
  readonly rerank: Rerank | undefined;
}

export interface Ranked {
  readonly text: string;
  readonly score: number;
  /** Infinity for what no retriever ranks. */
  readonly rank: number;
}

/** What is known of a row before its negatives are chosen. */
export interface RowFacts {
  readonly settings: ChoiceSettings;
  readonly forbidden: ReadonlySet<string>;
  readonly kept: readonly string[];
  /** Negatives that are to be mined. */
  readonly asked: number;
  /** The score of a text that bounds, sampling and the output are about. */
  readonly scoreOf: (text: string) => number;
  readonly posScores: readonly number[];
  readonly positive: number;
  /** The lowest and the highest score that a mined negative may have. */
  readonly bounds: readonly [floor: number, ceiling: number];
  /** The pool in the retrievers' order, with the encoder's scores; those that no retriever ranks come last, as the pool has them. */
  readonly everyone: readonly Ranked[];
  /** Whether the row may take a passage, likeness to positives and bounds aside. */
  readonly isEligible: (one: { readonly text: string }) => boolean;
  /** Whether a passage is too like a positive of the row or of its siblings. */
  readonly isTooAlike: (one: { readonly text: string }) => boolean;
  readonly riskOf: (one: Ranked) => number;
  readonly placeOf: (one: { readonly text: string }) => number;
  readonly drawOf: (passage: string) => number;
  /** Whether rankings end with the pool. */
  readonly coversPool: boolean;
}

export function gatherFacts(
  records: RuleRecords,
  position: number,
  settings: ChoiceSettings,
  sources: Sources,
): RowFacts {
  const { embed, runs, rerank } = sources;
  const row = records.input[position] as RowRecord;
  const family = siblingsOf(records.input, position);
  const texts = textsOfPool(records);
  const places = new Map(texts.map((text, place) => [text, place]));
  const encoderScoreOf = (text: string) => product(embed(row.query, 'query'), embed(text, 'passage'));
  const scoreOf = rerank ? (text: string) => rerank(row.query, text) : encoderScoreOf;

  const likenessOf = (text: string, measure: typeof product) => {
    const positives = family.flatMap(({ pos }) => pos);
    return Math.max(...positives.map((one) => measure(embed(text, 'passage'), embed(one, 'passage'))));
  };
  const { maxPositiveSimilarity: most = Infinity } = settings;
  const isTooAlike = ({ text }: { text: string }) => most < Infinity && likenessOf(text, cosine) >= most;

  const forbidden = forbiddenTexts(family, passagesOf(records));
  const kept = settings.keepNeg ? keep(row.neg ?? [], forbidden, records, isTooAlike).slice(0, settings.neg) : [];
  const taken = new Set([...kept.map(normal), ...equalTexts(kept, passagesOf(records))]);
  const isFree = ({ text }: { text: string }) => !forbidden.has(normal(text)) && !taken.has(normal(text));
  const lexical = settings.skipLexical === 0 ? [] : rankByBm25(row.query, texts, settings);
  const skipped = [...new Set(lexical.filter((text) => isFree({ text })).map(normal))].slice(0, settings.skipLexical);

  const posScores = row.pos.map(scoreOf);
  const positive = combine(posScores, settings.positiveScore);
  return {
    settings,
    forbidden,
    kept,
    asked: settings.neg - kept.length,
    scoreOf,
    posScores,
    positive,
    bounds: boundsOf(positive, settings),
    everyone: rankPool(texts, row.query, { settings, scoreOf: encoderScoreOf, runs }),
    isEligible: (one) => isFree(one) && !skipped.includes(normal(one.text)),
    isTooAlike,
    riskOf: ({ text, score }) => score + settings.positiveWeight * likenessOf(text, product),
    placeOf: ({ text }) => places.get(text) as number,
    drawOf: drawsOf(records.input, position, settings.seed),
    coversPool: settings.retriever.includes('dense'),
  };
}

/** The negatives that a row came with and may keep, each once. */
function keep(
  texts: readonly string[],
  forbidden: ReadonlySet<string>,
  records: RuleRecords,
  isTooAlike: RowFacts['isTooAlike'],
): string[] {
  const isFree = (text: string) => {
    const all = [normal(text), ...equalTexts([text], passagesOf(records))];
    return normal(text) !== '' && !all.some((one) => forbidden.has(one)) && !isTooAlike({ text });
  };
  return oneOfEach(texts.filter(isFree).map((text) => ({ text }))).map(({ text }) => text);
}

interface Ranker {
  readonly settings: ChoiceSettings;
  readonly scoreOf: (passage: string) => number;
  readonly runs: readonly TestRun[];
}

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
