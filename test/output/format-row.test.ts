import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { escapeText } from '#dist/input/json.js';
import type { WrittenNegative } from '#dist/mine.js';
import { formatRow } from '#dist/output/format-row.js';
import { joinParts } from '#dist/output/line-parts.js';

const NEGATIVES: WrittenNegative[] = [
  { escaped: escapeText('first'), score: 0.123456789012, rank: 3, source: 'window' },
  { escaped: escapeText('second "quoted"\n'), score: -0.5, rank: null, source: 'random' },
];

function format(source: string, settings: MineSettings = {}, negatives: readonly WrittenNegative[] = NEGATIVES) {
  const config = parseConfig(settings);
  const record = JSON.parse(source) as Record<string, string[]>;
  const row = {
    line: { file: 'rows.jsonl', number: 1, text: source },
    query: 'q',
    pos: ['p'],
    neg: record[config.negField] ?? [],
    posIds: [],
  };
  return formatRow({ row, negatives, posScores: [0.98765432109] }, config);
}

function formatted(...args: Parameters<typeof format>) {
  const { line, dropped } = format(...args);
  return { line: joinParts(line), dropped };
}

const lineOf = (...args: Parameters<typeof format>) => joinParts(format(...args).line);

describe('formatRow', () => {
  it.each([
    {
      title: 'adds negatives at the end',
      source: '{"query":"q","pos":["p"]}',
      line: '{"query": "q", "pos": ["p"], "neg": ["first", "second \\"quoted\\"\\n"]}',
    },
    {
      title: 'puts negatives where the old ones were',
      source: '{"neg": ["old"], "query": "q", "pos": ["p"]}',
      line: '{"neg": ["first", "second \\"quoted\\"\\n"], "query": "q", "pos": ["p"]}',
    },
    {
      title: 'keeps other fields in place and as their source text',
      source:
        '{ "id":9007199254740993,"query":"\\u0071", "pos":[ "p" ] ,"w":1.0, "meta": {"a" : [1,  2]}, "neg":null, "z":1e400}',
      line: '{"id": 9007199254740993, "query": "\\u0071", "pos": [ "p" ], "w": 1.0, "meta": {"a" : [1,  2]}, "neg": ["first", "second \\"quoted\\"\\n"], "z": 1e400}',
    },
    {
      title: 'writes one field for a repeated key, at its first place',
      source: '{"neg": ["a"], "x": 1, "neg": ["b"], "x": 2}',
      line: '{"neg": ["first", "second \\"quoted\\"\\n"], "x": 2}',
    },
  ])('$title', ({ source, line }) => {
    expect(lineOf(source)).toBe(line);
  });

  it('writes negatives under their own name', () => {
    expect(lineOf('{"negative":["x"],"neg":["stays"]}', { negField: 'negative' })).toBe(
      '{"negative": ["first", "second \\"quoted\\"\\n"], "neg": ["stays"]}',
    );
  });

  it('adds scores with seven significant digits, and ranks', () => {
    expect(lineOf('{"query":"q"}', { scores: true, ranks: true })).toBe(
      '{"query": "q", "neg": ["first", "second \\"quoted\\"\\n"], "pos_scores": [0.9876543], "neg_scores": [0.1234568, -0.5], "neg_ranks": [3, null]}',
    );
  });

  it.each([
    { score: 1, written: '1' },
    { score: 0, written: '0' },
    { score: -0, written: '0' },
    { score: 0.1 + 0.2, written: '0.3' },
    { score: 1234567.89, written: '1234568' },
    { score: 1.23456789e-9, written: '1.234568e-9' },
    { score: 2 / 3, written: '0.6666667' },
    { score: 123456789, written: '123456800' },
  ])('writes the score $score as $written', ({ score, written }) => {
    const line = lineOf('{}', { scores: true }, [{ escaped: escapeText('n'), score, rank: 0, source: 'window' }]);
    expect(line).toBe(`{"neg": ["n"], "pos_scores": [0.9876543], "neg_scores": [${written}]}`);
  });

  it('rewrites old scores and ranks in their places where they are asked for', () => {
    const source = '{"neg_ranks":[9],"neg_scores":[0.1],"query":"q","neg":["old"],"pos_scores":[1]}';
    expect(lineOf(source, { scores: true, ranks: true })).toBe(
      '{"neg_ranks": [3, null], "neg_scores": [0.1234568, -0.5], "query": "q", "neg": ["first", "second \\"quoted\\"\\n"], "pos_scores": [0.9876543]}',
    );
  });

  it('drops what described the old negatives, says so, and leaves what described the positives', () => {
    const source = '{"pos_scores":[1],"neg":["old"],"neg_scores":[0.1],"neg_ranks":[9],"neg_ids":["a"],"x":1}';
    expect(formatted(source)).toEqual({
      line: '{"pos_scores": [1], "neg": ["first", "second \\"quoted\\"\\n"], "x": 1}',
      dropped: ['neg_scores', 'neg_ranks', 'neg_ids'],
    });
    expect(formatted(source, { ranks: true })).toEqual({
      line: '{"pos_scores": [1], "neg": ["first", "second \\"quoted\\"\\n"], "neg_ranks": [3, null], "x": 1}',
      dropped: ['neg_scores', 'neg_ids'],
    });
  });

  it('leaves what describes negatives that stay the same', () => {
    const source = '{"neg":["first","second \\"quoted\\"\\n"],"neg_scores":[0.1, 0.2],"neg_ids":[1, 2]}';
    expect(formatted(source)).toEqual({
      line: '{"neg": ["first", "second \\"quoted\\"\\n"], "neg_scores": [0.1, 0.2], "neg_ids": [1, 2]}',
      dropped: [],
    });
  });

  it('drops it where the same negatives have another order', () => {
    expect(format('{"neg":["second \\"quoted\\"\\n","first"],"neg_ids":[1, 2]}').dropped).toEqual(['neg_ids']);
  });

  it('writes valid JSON on one line for any row', () => {
    const record = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(record, fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (fields, texts) => {
        const { neg: _, ...others } = fields;
        const negatives = texts.map((text) => ({
          escaped: escapeText(text),
          score: 1,
          rank: 0,
          source: 'window' as const,
        }));
        const line = lineOf(JSON.stringify({ ...others, neg: [] }), {}, negatives);
        const stale = ['neg_scores', 'neg_ranks', 'neg_ids'];
        const kept = Object.entries(others).filter(([key]) => !stale.includes(key));
        expect(line).not.toContain('\n');
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify({ ...Object.fromEntries(kept), neg: texts })));
      }),
      { numRuns: 40 },
    );
  });
});
