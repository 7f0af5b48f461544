import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeText } from '#dist/input/normalize.js';

describe('normalizeText', () => {
  it.each([
    ['plain text', 'plain text'],
    ['  leading and trailing  ', 'leading and trailing'],
    ['two  spaces', 'two spaces'],
    ['tab\tand\r\nline\n\nbreak', 'tab and line break'],
    ['no-break\u00a0space, ideographic\u3000space, mark\ufeff', 'no-break space, ideographic space, mark'],
    ['cafe\u0301', 'caf\u00e9'],
    ['\u212b', '\u00c5'],
    ['\u1112\u1161\u11ab', '\ud55c'],
    ['', ''],
    [' \n\t', ''],
    ['Case And Punctuation, stay!', 'Case And Punctuation, stay!'],
    ['ﬁ stays a ligature', 'ﬁ stays a ligature'],
  ])('brings %j to %j', (text, normalized) => {
    expect(normalizeText(text)).toBe(normalized);
  });

  const spaced = fc
    .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(' ', '  ', '\n', '\u00a0', '\u0301', 'e')))
    .map((parts) => parts.join(''));

  it('gives a form that it leaves alone', () => {
    fc.assert(fc.property(spaced, (text) => normalizeText(normalizeText(text)) === normalizeText(text)));
  });

  it('is NFC, then white space collapsed, then trimmed, for any text', () => {
    fc.assert(
      fc.property(
        spaced,
        (text) => normalizeText(text) === text.normalize('NFC').split(/\s+/).filter(Boolean).join(' '),
      ),
    );
  });
});
