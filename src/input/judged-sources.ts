import type { Source } from './lines.js';

/** Rows in three files, as BEIR and TREC have them: queries, the pool, and which of its passages answer which of them. */
export interface JudgedSources {
  readonly queries: Source;
  readonly qrels: Source;
}

/** Whether rows are made of queries and judgements. */
export function isJudged(input: Source | JudgedSources): input is JudgedSources {
  return typeof input === 'object' && 'qrels' in input;
}
