import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Judgement, readJudgements } from '#dist/input/judgements.js';

async function read(text: string): Promise<Judgement[]> {
  const judgements: Judgement[] = [];
  for await (const judgement of readJudgements(Readable.from([Buffer.from(text)], { objectMode: false }))) {
    judgements.push(judgement);
  }
  return judgements;
}

const refusalOf = (text: string) =>
  read(text).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('readJudgements', () => {
  const judgements = [
    { query: 'q1', passage: 'p1', relevance: 1 },
    { query: 'q2', passage: '12345678901234567890', relevance: 0 },
  ];

  it.each([
    { title: "BEIR's table", text: 'query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\t12345678901234567890\t0\n' },
    { title: 'the same without its head', text: 'q1\tp1\t1\nq2\t12345678901234567890\t0\n' },
    { title: "TREC's qrels", text: 'q1 0 p1 1\nq2 Q0  12345678901234567890 0\n' },
    {
      title: 'TREC with tabs, Windows line ends and no last one',
      text: 'q1\t0\tp1\t1\r\n\r\nq2\t0\t12345678901234567890\t0',
    },
  ])('reads $title', async ({ text }) => {
    expect(await read(text)).toEqual(judgements);
  });

  it('reads IDs with spaces between tabs, and grades of any kind', async () => {
    expect(await read('a query\ta passage\t-2\nb\tc\t0.5\n')).toEqual([
      { query: 'a query', passage: 'a passage', relevance: -2 },
      { query: 'b', passage: 'c', relevance: 0.5 },
    ]);
  });

  it.each([
    {
      text: 'q1 p1\n',
      says: 'qrels:1: expected "query passage relevance" or "query 0 passage relevance" (found 2 columns)',
    },
    {
      text: 'query-id passage score\nq1 p1 high\n',
      says: 'qrels:2: expected a number as the relevance (found "high")',
    },
    {
      text: 'q1\tp1\t1\nq1\tp1\t\n',
      says: 'qrels:2: expected "query passage relevance" or "query 0 passage relevance" (found 2 columns)',
    },
    {
      text: '{"q1": {"p1": 1}}\n',
      says: 'qrels:1: expected "query passage relevance" or "query 0 passage relevance" (found JSON)',
    },
    { text: 'q1\tp1\tyes\n', says: 'qrels:1: expected a number as the relevance (found "yes")' },
    { text: 'q1 0 p1 1,0\nq2 0 p6 1\n', says: 'qrels:1: expected a number as the relevance (found "1,0")' },
    { text: 'q1 p1 NaN\n', says: 'qrels:1: expected a number as the relevance (found "NaN")' },
  ])('refuses $text', async ({ text, says }) => {
    expect(await refusalOf(text)).toBe(says);
  });
});
