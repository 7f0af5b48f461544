import { DEFAULT_RANKING, type RankingSettings } from './rankings.js';

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
  /** Of a reranker, where there is one. */
  readonly rerankDepth?: number | undefined;
  readonly rerankLimit?: number | undefined;
  readonly scores: boolean;
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
  scores: true,
};
