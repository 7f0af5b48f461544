import { expect, it } from 'vitest';
import { hashWord } from '#dist/lexical/vocabulary.js';
import { listWords } from '#dist/lexical/words.js';

it.each([
  ['A Bloom filter, e.g. of 1,000 bits.', ['a', 'bloom', 'filter', 'e', 'g', 'of', '1', '000', 'bits']],
  ['snake_case x86-64 c++', ['snake_case', 'x86', '64', 'c']],
  ['', []],
  ['... — !', []],
  ['Caf\u00e9 cafe\u0301 CAF\u00c9', ['caf\u00e9', 'caf\u00e9', 'caf\u00e9']],
  ['\ufb01le \uff21\uff22\uff23 \u2460', ['file', 'abc', '1']],
  ['Straße ΣΊΣΥΦΟΣ', ['straße', 'σίσυφος']],
  ['हिन्दी में', ['हिन्दी', 'में']],
  ['한국어 문장', ['한국어', '문장']],
  ['東京都に住む', ['東京', '京都', '都に', 'に住', '住む']],
  ['コーヒー、茶', ['コー', 'ーヒ', 'ヒー', '茶']],
  ['GPUは速い v2', ['gpu', 'は速', '速い', 'v2']],
  ['𠮷野家', ['𠮷野', '野家']],
  ['ภาษา', ['ภา', 'าษ', 'ษา']],
])('the words of "%s"', (text, words) => {
  expect(listWords(text)).toEqual(words);
});

it('words have hashes of their own, in either half', () => {
  const words = Array.from({ length: 60_000 }, (_, i) => [
    `${i}`,
    `w${i.toString(36)}`,
    String.fromCodePoint(0x4e00 + (i % 20_000), 0x4e00 + Math.floor(i / 10)),
  ]).flat();
  const distinct = new Set(words);
  const hashes = Array.from(distinct, hashWord);
  expect(new Set(hashes.map(({ high, low }) => `${high} ${low}`)).size).toBe(distinct.size);
  // As many collisions of 32 bits as of random numbers: n²/2/2^32, about 3 for 160,000 words.
  for (const half of ['high', 'low'] as const) {
    const expected = distinct.size ** 2 / 2 ** 33;
    const collisions = distinct.size - new Set(hashes.map((hash) => hash[half])).size;
    expect(collisions).toBeLessThan(3 * expected);
  }
});
