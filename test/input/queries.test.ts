import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readQueries } from '#dist/input/queries.js';

const FIELDS = { text: ['query', 'text'], id: ['query_id', '_id', 'id'] };

async function read(text: string): Promise<object[]> {
  const queries: object[] = [];
  const source = Readable.from([Buffer.from(text)], { objectMode: false });
  for await (const { id, text, line } of readQueries(source, FIELDS)) queries.push({ id, text, number: line.number });
  return queries;
}

const refusalOf = (text: string) =>
  read(text).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('readQueries', () => {
  it.each([
    { title: "BEIR's queries", text: '{"_id": "7", "text": "a b", "metadata": {}}\n{"_id": 8, "text": "c"}\n' },
    {
      title: 'queries named as rows name them',
      text: '{"query_id": "7", "query": "a b"}\n{"query_id": "8", "query": "c"}\n',
    },
    { title: "MS MARCO's table", text: '7\ta b\n8\tc\n' },
  ])('reads $title', async ({ text }) => {
    expect(await read(text)).toEqual([
      { id: '7', text: 'a b', number: 1 },
      { id: '8', text: 'c', number: 2 },
    ]);
  });

  it('keeps the digits of long IDs, and tabs in a text', async () => {
    expect(await read('{"id": 12345678901234567890, "text": "a"}')).toMatchObject([{ id: '12345678901234567890' }]);
    expect(await read('1\ta\tb')).toMatchObject([{ id: '1', text: 'a\tb' }]);
  });

  it.each([
    {
      text: '{"_id": "1"}',
      says: 'queries:1: "query" or "text" is missing (found "_id"); name the field with --query-field',
    },
    {
      text: '{"text": "a"}',
      says: 'queries:1: "query_id" or "_id" or "id" is missing (found "text"); name the field with --query-id-field',
    },
    { text: '{"_id": "1", "text": ["a"]}', says: 'queries:1: "text" must be a string (found a list)' },
    { text: '1\ta\n2 b', says: 'queries:2: expected "id<TAB>text" (found no tab, or no text after it)' },
    { text: '1\ta\n\tb', says: 'queries:2: expected "id<TAB>text" (found no ID)' },
    { text: 'what is it', says: expect.stringMatching(/^queries:1: not valid JSON \(/) },
  ])('refuses $text', async ({ text, says }) => {
    expect(await refusalOf(text)).toEqual(says);
  });
});
