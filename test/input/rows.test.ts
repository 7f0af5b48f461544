import { describe, expect, it } from 'vitest';
import { type Row, type RowFields, readRows } from '#dist/input/rows.js';

const FIELDS: RowFields = { query: 'query', pos: 'pos', neg: 'neg', queryId: 'query_id' };

async function read(lines: string[], fields: Partial<RowFields> = {}): Promise<Row[]> {
  const { Readable } = await import('node:stream');
  const bytes = Readable.from([Buffer.from(lines.join('\n'))], { objectMode: false });
  const rows: Row[] = [];
  for await (const row of readRows(bytes, { ...FIELDS, ...fields })) rows.push(row);
  return rows;
}

const messageOf = (line: string, fields: Partial<RowFields> = {}) =>
  read(['', line], fields).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('readRows', () => {
  it('reads query, positives, negatives and where they stand', async () => {
    const source = '{"query": " q ", "pos": ["p", " p2\\n"], "neg": ["n", ""], "score": 1.0}';
    expect(await read(['{"query":"a","pos":["b"]}', '', source])).toEqual([
      {
        line: { file: 'input', number: 1, text: '{"query":"a","pos":["b"]}' },
        query: 'a',
        pos: ['b'],
        neg: [],
        posIds: [],
      },
      {
        line: { file: 'input', number: 3, text: source },
        query: ' q ',
        pos: ['p', ' p2\n'],
        neg: ['n', ''],
        posIds: [],
      },
    ]);
  });

  it('takes other names for the fields', async () => {
    const fields = { query: 'anchor', pos: 'positive', neg: 'negative', queryId: 'qid' };
    const [row] = await read(['{"anchor":"q","positive":["p"],"negative":["n"],"qid":7,"query":1,"pos":2}'], fields);
    expect(row).toMatchObject({ query: 'q', pos: ['p'], neg: ['n'], queryId: '7' });
  });

  it('takes a null neg as none', async () => {
    expect((await read(['{"query":"q","pos":["p"],"neg":null}']))[0]?.neg).toEqual([]);
  });

  it.each([
    { id: '"q1"', expected: 'q1' },
    { id: '1', expected: '1' },
    { id: '9007199254740993', expected: '9007199254740993' },
    { id: '1.0', expected: '1.0' },
    { id: 'null', expected: undefined },
    { id: '""', expected: undefined },
    { id: '["q1", 2]', expected: 'q1' },
    { id: '[]', expected: undefined },
  ])('reads the query ID $id as $expected', async ({ id, expected }) => {
    expect((await read([`{"query":"q","query_id":${id},"pos":["p"]}`]))[0]?.queryId).toBe(expected);
  });

  it.each([
    { ids: '["a", "b"]', expected: ['a', 'b'] },
    { ids: '["a", 12345678901234567890, 3.50]', expected: ['a', '12345678901234567890', '3.50'] },
    { ids: '"a"', expected: ['a'] },
    { ids: '[1, ""]', expected: ['1'] },
    { ids: 'null', expected: [] },
    { ids: '[null, "a", null]', expected: ['a'] },
    { ids: '[null, 12345678901234567890]', expected: ['12345678901234567890'] },
  ])('reads the IDs of positives $ids', async ({ ids, expected }) => {
    expect((await read([`{"query":"q","pos":["p"],"pos_ids":${ids}}`]))[0]?.posIds).toEqual(expected);
  });

  it('takes the last of a repeated field', async () => {
    const [row] = await read(['{"query_id":1,"query":"a","pos":["p"],"query":"b","query_id":2}']);
    expect(row).toMatchObject({ query: 'b', queryId: '2' });
  });
});

describe('readRows refuses', () => {
  it.each([
    { line: '{"pos":["p"]}', message: '"query" is missing (found "pos"); name the field with --query-field' },
    { line: '{}', message: '"query" is missing (found no fields); name the field with --query-field' },
    { line: '{"query":7,"pos":["p"]}', message: '"query" must be a string (found a number)' },
    { line: '{"query":null,"pos":["p"]}', message: '"query" must be a string (found null)' },
    { line: '{"query":["q"],"pos":["p"]}', message: '"query" must be a string (found a list)' },
    { line: '{"query":" \\n","pos":["p"]}', message: '"query" must not be empty' },
    { line: '{"query":"q"}', message: '"pos" is missing (found "query"); name the field with --pos-field' },
    { line: '{"query":"q","pos":"p"}', message: '"pos" must be a list of strings (found a string); write ["…"]' },
    { line: '{"query":"q","pos":{}}', message: '"pos" must be a list of strings (found an object)' },
    { line: '{"query":"q","pos":null}', message: '"pos" must be a list of strings (found null)' },
    { line: '{"query":"q","pos":[]}', message: '"pos" must hold at least one string (found an empty list)' },
    { line: '{"query":"q","pos":["p",3]}', message: '"pos"[1] must be a string (found a number)' },
    { line: '{"query":"q","pos":["p",["r"]]}', message: '"pos"[1] must be a string (found a list)' },
    { line: '{"query":"q","pos":["p","\\t"]}', message: '"pos"[1] must not be empty' },
    {
      line: '{"query":"q","pos":["p"],"neg":"n"}',
      message: '"neg" must be a list of strings (found a string); write ["…"]',
    },
    { line: '{"query":"q","pos":["p"],"neg":["n",null]}', message: '"neg"[1] must be a string (found null)' },
    {
      line: '{"query":"q","pos":["p"],"query_id":{}}',
      message: '"query_id" must be an ID, a string or a number (found an object)',
    },
    {
      line: '{"query":"q","pos":["p"],"pos_ids":["a",true]}',
      message: '"pos_ids" must be an ID, a string or a number (found a list)',
    },
    { line: '["q"]', message: 'expected a JSON object (found a list)' },
    { line: '{"query":"q","pos":["p"]', message: 'not valid JSON (unexpected end at column 25)' },
  ])('$line', async ({ line, message }) => {
    expect(await messageOf(line)).toBe(`input:2: ${message}`);
  });
});
