const ASCII = /^[\x00-\x7f]*$/;
const ASCII_WORD = /[a-z0-9_]+/g;
const WORD = /[\p{L}\p{N}\p{M}_]+/gu;

/** Scripts that put no space between words. */
const UNSPACED = String.raw`[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]`;
const HAS_UNSPACED = new RegExp(UNSPACED, 'u');
const SAME_SPACING = new RegExp(`${UNSPACED}+|[^${UNSPACED.slice(1, -1)}]+`, 'gu');

/**
 * The words of a text for BM25: runs of letters, digits, marks and underscores after Unicode NFKC, in lower case; nothing is
 * stemmed or left out. Where a script puts no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), each pair of
 * neighbouring characters is a word, as in Lucene's CJK analyzer.
 */
export function listWords(text: string): string[] {
  if (ASCII.test(text)) return text.toLowerCase().match(ASCII_WORD) ?? [];
  const words = text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
  return words.some((word) => HAS_UNSPACED.test(word)) ? words.flatMap(splitUnspaced) : words;
}

function splitUnspaced(word: string): string[] {
  const parts = word.match(SAME_SPACING) ?? [];
  return parts.flatMap((part) => (HAS_UNSPACED.test(part) ? listPairs(part) : [part]));
}

function listPairs(text: string): string[] {
  const characters = Array.from(text);
  return characters.length === 1 ? characters : characters.slice(1).map((character, i) => characters[i] + character);
}
