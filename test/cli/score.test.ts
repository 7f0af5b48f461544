import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { scorePairs, TINY_RERANKER } from '../rerank/score-pairs.js';
import { FILES, parseRows, readFixture, TINY, TINY_MODEL, Workspace } from './run-cli.js';

const RERANKER = ['--reranker', resolve(TINY_RERANKER), '--workers', '1'];

const round = (score: number) => Number(score.toPrecision(7));

const ROWS = [
  { query: 'a file archiver', pos: ['7-Zip is a file archiver.'], neg: ['a cat', 'a dog', 'a cat'] },
  { query: 'pets', pos: ['a cat', 'a dog'], neg: ['7-Zip is a file archiver.'] },
  { query: 'a file archiver', pos: ['a dog'], neg: [''] },
];

async function expectedScores(activation: 'none' | 'sigmoid'): Promise<{ pos: number[]; neg: number[] }[]> {
  const scoresOf = async (query: string, texts: string[]) =>
    [
      ...(await scorePairs(
        TINY_RERANKER,
        texts.map((text): [string, string] => [query, text]),
        {},
        activation,
      )),
    ].map(round);
  const rows: { pos: number[]; neg: number[] }[] = [];
  for (const { query, pos, neg } of ROWS)
    rows.push({ pos: await scoresOf(query, pos), neg: await scoresOf(query, neg) });
  return rows;
}

describe('hn-mine score with a reranker', () => {
  it('adds its raw logits, and says what it did', async () => {
    const workspace = new Workspace();
    workspace.write('mined.jsonl', ROWS);
    const { stdout, stderr, code } = await workspace.run([
      'score',
      '--input',
      'mined.jsonl',
      ...RERANKER,
      '--no-progress',
    ]);
    const rows = parseRows(stdout);
    const expected = await expectedScores('none');
    expect(rows).toEqual(
      ROWS.map((row, i) => ({ ...row, pos_scores: expected[i]?.pos, neg_scores: expected[i]?.neg })),
    );
    const mean = (scores: number[]) => Number((scores.reduce((sum, one) => sum + one) / scores.length).toFixed(4));
    const means = [mean(expected.flatMap(({ pos }) => pos)), mean(expected.flatMap(({ neg }) => neg))];
    expect(code).toBe(0);
    // Twice "a cat" in the first row, and twice the query of "a dog".
    expect(stderr.replace(/time .*/, 'time')).toBe(
      [
        'rows       3 written',
        'scores     7 distinct pairs, 0 pairs longer than the model reads',
        `mean score positives ${means[0]}, negatives ${means[1]}`,
        `model      ${resolve(TINY_RERANKER)}, activation none`,
        'time\n',
      ].join('\n'),
    );
  });

  it.each([
    ['model', 'none'],
    ['sigmoid', 'sigmoid'],
  ] as const)('applies --activation %s', async (flag, activation) => {
    const workspace = new Workspace();
    workspace.write('mined.jsonl', ROWS);
    const flags = ['score', '--input', 'mined.jsonl', ...RERANKER, '--activation', flag, '--quiet'];
    const rows = parseRows((await workspace.run(flags)).stdout);
    const expected = await expectedScores(activation);
    expect(rows.map((row) => ({ pos: row.pos_scores, neg: row.neg_scores }))).toEqual(expected);
  });

  it('keeps every other field as its source text, and scores in their place where there are any', async () => {
    const workspace = new Workspace();
    const line =
      '{"id": 12345678901234567890, "neg_scores": [1, 2],  "query":"q", "pos": ["a"], "weight": 1.0, "neg": ["b", "c"], "pos_scores": null}';
    const { stdout } = await workspace.run(['score', '--input', '-', ...RERANKER, '--quiet'], { stdin: line });
    const [scores] = [
      await scorePairs(
        TINY_RERANKER,
        [
          ['q', 'b'],
          ['q', 'c'],
          ['q', 'a'],
        ],
        {},
        'none',
      ),
    ];
    const [b, c, a] = [...scores].map(round);
    expect(stdout).toBe(
      `{"id": 12345678901234567890, "neg_scores": [${b}, ${c}], "query": "q", "pos": ["a"], "weight": 1.0, "neg": ["b", "c"], "pos_scores": [${a}]}\n`,
    );
  });

  it('gives a row without negatives an empty list of their scores', async () => {
    const workspace = new Workspace();
    const { stdout } = await workspace.run(['score', '--input', '-', ...RERANKER, '--quiet'], {
      stdin: '{"query": "q", "pos": ["a"]}\n',
    });
    expect(parseRows(stdout)[0]).toMatchObject({ neg_scores: [] });
    expect(parseRows(stdout)[0]).not.toHaveProperty('neg');
  });

  it('writes the same bytes for any workers, batches and memory, and to a file as to standard output', async () => {
    const workspace = new Workspace();
    const rows = readFixture('train.jsonl', 30)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { pos: string[] });
    const mined = rows.map((row, i) => ({ ...row, neg: rows.slice(i + 1, i + 6).flatMap(({ pos }) => pos) }));
    workspace.write('mined.jsonl.gz', gzipSync(mined.map((row) => `${JSON.stringify(row)}\n`).join('')));
    const score = (...flags: string[]) =>
      workspace.run(['score', '--input', 'mined.jsonl.gz', '--reranker', resolve(TINY_RERANKER), '--quiet', ...flags]);
    const { stdout } = await score();
    expect(parseRows(stdout)).toHaveLength(30);
    expect((await score('--workers', '2', '--batch-tokens', '64', '--memory', '64m')).stdout).toBe(stdout);
    const { code } = await score('--output', 'scored.jsonl.gz');
    expect(code).toBe(0);
    expect(gunzipSync(readFileSync(workspace.path('scored.jsonl.gz'))).toString()).toBe(stdout);
    expect(workspace.list()).toEqual(['mined.jsonl.gz', 'scored.jsonl.gz']);
  });
});

describe('hn-mine score with an encoder', () => {
  it('writes the scores that --scores wrote when the rows were mined', async () => {
    const workspace = new Workspace();
    workspace.write('train.jsonl', readFixture('train.jsonl', 20));
    workspace.write('pool.jsonl', readFixture('pool.jsonl', 60));
    const mined = await workspace.run([...FILES, ...TINY, '--range', '0-20', '--neg', '5', '--scores', '--quiet']);
    expect(parseRows(mined.stdout)).toHaveLength(20);
    workspace.write('mined.jsonl', mined.stdout);
    const scored = await workspace.run(['score', '--input', 'mined.jsonl', ...TINY, '--quiet']);
    expect(scored.stdout).toBe(mined.stdout);
  });

  it('encodes no text a second time', async () => {
    const workspace = new Workspace();
    workspace.write('mined.jsonl', ROWS);
    const flags = ['score', '--input', 'mined.jsonl', '--model', TINY_MODEL, '--quiet'];
    const cold = await workspace.run(flags);
    expect(cold.code).toBe(0);
    // Another row of texts that are known: nothing new may be stored.
    const before = (await workspace.run(['cache', 'ls'])).stdout;
    workspace.write('mined.jsonl', [{ query: 'pets', pos: ['a cat'], neg: ['a dog', ''] }, ...ROWS]);
    const warm = await workspace.run(flags);
    expect(parseRows(warm.stdout).slice(1)).toEqual(parseRows(cold.stdout));
    expect((await workspace.run(['cache', 'ls'])).stdout).toBe(before);
    expect(before).toContain('1 encoder,');
  });
});

describe('hn-mine score answers in one line', () => {
  it.each([
    [[], '--input: expected a file, or - for standard input (found nothing); see hn-mine score --help', 2],
    [
      ['--input', 'm', '--activation', 'relu', '--reranker', 'r'],
      '--activation: expected one of none, model, sigmoid (found "relu")',
      2,
    ],
    [['--input', 'm', '--activation', 'model'], '--activation: needs a --reranker (found none)', 2],
    [
      ['--input', 'm', '--reranker', 'r', '--model', 'x'],
      '--model: is of the encoder, which a --reranker takes the place of',
      2,
    ],
    [
      ['--input', 'm', '--reranker', 'r', '--no-normalize'],
      '--no-normalize: is of the encoder, which a --reranker takes the place of',
      2,
    ],
    [['--input', 'm', '--neg', '3'], '--neg: no such option; see hn-mine --help', 2],
    [['--input', 'nothing.jsonl', ...RERANKER], 'nothing.jsonl: no such file', 1],
    [['--input', 'empty.jsonl', ...RERANKER], 'empty.jsonl: no rows; expected one JSON object a line', 1],
    [
      ['--input', 'odd.jsonl', ...RERANKER],
      'odd.jsonl:2: "neg" must be a list of strings (found a string); write ["…"]',
      1,
    ],
    [
      ['--input', 'odd.jsonl', ...RERANKER, '--output', 'odd.jsonl'],
      '--output odd.jsonl: this file is also an input; give another one',
      1,
    ],
    [
      ['--input', 'odd.jsonl', '--reranker', './nothing'],
      "--reranker ./nothing: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub",
      1,
    ],
  ])('to %j', async (flags, message, expected) => {
    const workspace = new Workspace();
    workspace.write('empty.jsonl', '');
    workspace.write('odd.jsonl', [
      { query: 'q', pos: ['a'], neg: ['b'] },
      { query: 'q', pos: ['a'], neg: 'b' },
    ]);
    const { stdout, stderr, code } = await workspace.run(['score', ...flags, '--no-progress']);
    expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: `${message}\n`, code: expected });
    expect(workspace.list()).toEqual(['empty.jsonl', 'odd.jsonl']);
  });
});
