/** The orders in which retrievers rank the texts of a pool, by brute force. */

export interface RankingSettings {
  readonly retriever: ('dense' | 'bm25')[];
  readonly bm25K1: number;
  readonly bm25B: number;
  readonly rrfK: number;
}

export const DEFAULT_RANKING: RankingSettings = { retriever: ['dense'], bm25K1: 1.2, bm25B: 0.75, rrfK: 60 };

const known = new Map<string, readonly string[]>();

/** The words of texts that have nothing but letters and white space. */
function wordsOf(text: string): readonly string[] {
  const words = known.get(text) ?? text.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean);
  known.set(text, words);
  return words;
}

/** By score descending, then pool order. */
function sortByScore(texts: readonly string[], scoreOf: (text: string) => number): string[] {
  const scored = texts.map((text, place) => ({ text, place, score: scoreOf(text) }));
  return scored.sort((a, b) => b.score - a.score || a.place - b.place).map(({ text }) => text);
}

/** Only texts that share a word with the query are ranked. */
export function rankByBm25(query: string, texts: readonly string[], { bm25K1: k1, bm25B: b }: RankingSettings) {
  const lengths = texts.map((text) => wordsOf(text).length);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / texts.length;
  const scoreOf = (text: string) => {
    let score = 0;
    // In the order in which the pool first has them.
    for (const word of new Set(texts.flatMap(wordsOf))) {
      const asked = wordsOf(query).filter((one) => one === word).length;
      const frequency = texts.filter((one) => wordsOf(one).includes(word)).length;
      const idf = Math.log(1 + (texts.length - frequency + 0.5) / (frequency + 0.5));
      const count = wordsOf(text).filter((one) => one === word).length;
      const length = wordsOf(text).length;
      if (asked > 0 && count > 0) score += (asked * idf * count) / (count + k1 * (1 - b + (b * length) / mean));
    }
    return score;
  };
  return sortByScore(
    texts.filter((text) => scoreOf(text) > 0),
    scoreOf,
  );
}

/**
 * The texts in the order in which candidates are counted: of one retriever, or of several by the sum of 1 / (k + rank).
 *
 * @param scoreOf the encoder's score
 * @param runs what other engines ranked
 */
export function rankTexts(
  query: string,
  texts: readonly string[],
  settings: RankingSettings,
  scoreOf: (text: string) => number,
  runs: readonly (readonly string[])[],
): string[] {
  const rankings = [
    ...(settings.retriever.includes('dense') ? [sortByScore(texts, scoreOf)] : []),
    ...(settings.retriever.includes('bm25') ? [rankByBm25(query, texts, settings)] : []),
    ...runs,
  ];
  if (rankings.length === 1) return [...(rankings[0] as readonly string[])];
  const fusedScoreOf = (text: string) =>
    rankings.reduce((sum, ranking) => {
      const rank = ranking.indexOf(text);
      return rank === -1 ? sum : sum + 1 / (settings.rrfK + rank + 1);
    }, 0);
  return sortByScore(
    texts.filter((text) => fusedScoreOf(text) > 0),
    fusedScoreOf,
  );
}
