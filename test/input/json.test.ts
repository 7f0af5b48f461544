import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeKind, parseObject, parseWithNumbersAsText, splitMembers } from '#dist/input/json.js';

const members = (source: string) => splitMembers(source).map(({ key, value }) => [key, value]);

function messageFor(text: string): string {
  try {
    parseObject({ file: 'rows.jsonl', number: 17, text });
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

describe('splitMembers', () => {
  it.each([
    { source: '{}', expected: [] },
    { source: ' { } ', expected: [] },
    { source: '{"a":1}', expected: [['a', '1']] },
    {
      source: '\t{ "id" : 9007199254740993 ,"x":1.0, "y" :-0,"z": 1E400 }\r',
      expected: [
        ['id', '9007199254740993'],
        ['x', '1.0'],
        ['y', '-0'],
        ['z', '1E400'],
      ],
    },
    {
      source: '{"a": true,"b":null , "c":false}',
      expected: [
        ['a', 'true'],
        ['b', 'null'],
        ['c', 'false'],
      ],
    },
    {
      source: '{"text": "\\u0041 \\"quoted\\", {not} [this]: \\\\", "list": [1, [2, "]"], {"}": "{"}]}',
      expected: [
        ['text', '"\\u0041 \\"quoted\\", {not} [this]: \\\\"'],
        ['list', '[1, [2, "]"], {"}": "{"}]'],
      ],
    },
    {
      source: '{"\\u0061\\n": 1, "": {}, "\\\\": []}',
      expected: [
        ['a\n', '1'],
        ['', '{}'],
        ['\\', '[]'],
      ],
    },
    {
      source: '{"a": 1, "b": 2, "a": 3}',
      expected: [
        ['a', '3'],
        ['b', '2'],
      ],
    },
    {
      source: '{"__proto__": {"x": 1}, "constructor": 2}',
      expected: [
        ['__proto__', '{"x": 1}'],
        ['constructor', '2'],
      ],
    },
  ])('takes $source apart', ({ source, expected }) => {
    expect(members(source)).toEqual(expected);
  });

  const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 6 });
  const spaces = fc.constantFrom(0, 1, 2, '\t', '\r');

  it('finds what JSON.parse finds, in any JSON object with any white space', () => {
    fc.assert(
      fc.property(object, spaces, (value, space) => {
        const source = JSON.stringify(value, null, space);
        const parsed = JSON.parse(source) as Record<string, unknown>;
        // JSON.parse moves keys that are whole numbers to the front.
        const found = splitMembers(source);
        expect(new Set(found.map(({ key }) => key))).toEqual(new Set(Object.keys(parsed)));
        for (const { key, value } of found) expect(JSON.parse(value)).toEqual(parsed[key]);
      }),
    );
  });

  it('leaves every byte of a value as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.jsonValue())), (pairs) => {
        const distinct = [...new Map(pairs)];
        const texts = distinct.map(([key, value], i) => [key, JSON.stringify(value, null, i % 3)] as const);
        const source = `{${texts.map(([key, text]) => `${JSON.stringify(key)} :\n${text}`).join('\t,')}}`;
        expect(members(source)).toEqual(texts);
      }),
    );
  });

  it('takes a large record apart', () => {
    const values = ['\\\\\\"'.repeat(500_000), Array.from({ length: 200_000 }, (_, i) => [i])].map((one) =>
      JSON.stringify(one),
    );
    const found = splitMembers(`{"text": ${values[0]}, "list": ${values[1]}}`);
    expect(found.map(({ value }, i) => value === values[i])).toEqual([true, true]);
  });
});

describe('parseObject', () => {
  it('gives the object', () => {
    expect(parseObject({ file: 'f', number: 1, text: '{"a": [1, "x"]}\r' })).toEqual({ a: [1, 'x'] });
  });

  it.each([
    { text: '[]', found: 'an empty list' },
    { text: '["a"]', found: 'a list' },
    { text: 'null', found: 'null' },
    { text: '"text"', found: 'a string' },
    { text: '7', found: 'a number' },
    { text: 'true', found: 'a boolean' },
  ])('refuses $text', ({ text, found }) => {
    expect(messageFor(text)).toBe(`rows.jsonl:17: expected a JSON object (found ${found})`);
  });

  it.each([
    { text: '{"query": x}', found: "unexpected 'x' at column 11" },
    { text: '{"a": 1,}', found: "unexpected '}' at column 9" },
    { text: '{"a": [1,]}', found: "unexpected ']' at column 10" },
    { text: '{"a" 1}', found: "unexpected '1' at column 6" },
    { text: '{"a": 1 "b": 2}', found: `unexpected '"b"' at column 9` },
    { text: '{"a": 1]', found: "unexpected ']' at column 8" },
    { text: "{'a': 1}", found: `unexpected ''' at column 2` },
    { text: '{a: 1}', found: "unexpected 'a' at column 2" },
    { text: '{"a": NaN}', found: "unexpected 'N' at column 7" },
    { text: '{"a": 01}', found: "unexpected '1' at column 8" },
    { text: '{"a": +1}', found: "unexpected '+' at column 7" },
    { text: '{"a": 😀}', found: "unexpected '😀' at column 7" },
    { text: '{} {}', found: "unexpected '{' at column 4" },
    { text: '{"a": 1}}', found: "unexpected '}' at column 9" },
    { text: '}', found: "unexpected '}' at column 1" },
    { text: '{"a": 1', found: 'unexpected end at column 8' },
    { text: '{"a": [', found: 'unexpected end at column 8' },
    { text: '{', found: 'unexpected end at column 2' },
    { text: '{"a": "b', found: 'unterminated string at column 7' },
    { text: '{"a": "b\\', found: 'unterminated string at column 7' },
    { text: '{"a": "say \\"b', found: 'unterminated string at column 7' },
    { text: '{"a": "b\\x"}', found: 'bad escape at column 9' },
    { text: '{"a": "\\u12g4"}', found: 'bad escape at column 8' },
    { text: '{"a": "\\\\\\q"}', found: 'bad escape at column 10' },
    { text: '{"a": "say \\"b\\" \\q"}', found: 'bad escape at column 18' },
    { text: '{"a": "b\tc"}', found: 'control character at column 9' },
    { text: '{"a": "say \\"b\\"\tc"}', found: 'control character at column 17' },
    { text: '{"a": this is not a value at all, not at all}', found: "unexpected 't' at column 7" },
    {
      text: '{"a": "b" "a string of more than twenty characters"}',
      found: `unexpected '"a string of more th…' at column 11`,
    },
    { text: 'query\tpos', found: "unexpected 'q' at column 1" },
  ])('names the column of what is wrong in $text', ({ text, found }) => {
    expect(messageFor(text)).toBe(`rows.jsonl:17: not valid JSON (${found})`);
  });

  it('names a column for whatever JSON.parse refuses', () => {
    const broken = fc
      .tuple(fc.object(), fc.nat(), fc.string({ maxLength: 2 }))
      .map(([value, at, noise]) => {
        const source = JSON.stringify(value);
        const cut = at % (source.length + 1);
        return source.slice(0, cut) + noise + source.slice(cut + 1);
      })
      .filter((text) => {
        try {
          JSON.parse(text);
          return false;
        } catch {
          return true;
        }
      });
    fc.assert(
      fc.property(broken, (text) => {
        const column = /^rows\.jsonl:17: not valid JSON \(.* at column (\d+)\)$/s.exec(messageFor(text))?.[1];
        expect(Number(column)).toBeGreaterThanOrEqual(1);
        expect(Number(column)).toBeLessThanOrEqual(text.length + 1);
      }),
      { numRuns: 300 },
    );
  });
});

describe('parseWithNumbersAsText', () => {
  it.each([
    { source: '9007199254740993', expected: '9007199254740993' },
    { source: '-1.50e+10', expected: '-1.50e+10' },
    { source: '"12"', expected: '12' },
    { source: '["a 1", 2, "\\"3\\"", 4.0]', expected: ['a 1', '2', '"3"', '4.0'] },
    { source: 'null', expected: null },
  ])('reads $source', ({ source, expected }) => {
    expect(parseWithNumbersAsText(source)).toEqual(expected);
  });
});

describe('describeKind', () => {
  it.each([
    [undefined, 'nothing'],
    [null, 'null'],
    [[], 'an empty list'],
    [[1], 'a list'],
    [{}, 'an object'],
    ['', 'a string'],
    [0, 'a number'],
    [false, 'a boolean'],
  ])('%j is %s', (value, kind) => {
    expect(describeKind(value)).toBe(kind);
  });
});
