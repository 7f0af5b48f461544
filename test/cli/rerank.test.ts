import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scorePairs, TINY_RERANKER } from '../rerank/score-pairs.js';
import { FIXTURES, type MinedLine, parseRows, type Result, readFixture, TINY, Workspace } from './run-cli.js';

const RERANKER = resolve(TINY_RERANKER);
const ROWS = 12;
const POOL = 120;

/** The first rows and passages of the fixtures. */
function openFixtures(): Workspace {
  const workspace = new Workspace();
  workspace.write('train.jsonl', readFixture('train.jsonl', ROWS));
  workspace.write('pool.jsonl', readFixture('pool.jsonl', POOL));
  return workspace;
}

const RANGE = ['--range', '3-30', '--neg', '5'];
const FLAGS = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', ...TINY, '--reranker', RERANKER];

const passages = readFixture('pool.jsonl', POOL)
  .trim()
  .split('\n')
  .map((line) => (JSON.parse(line) as { text: string }).text);

const round = (score: number) => Number(score.toPrecision(7));

async function rescore(rows: readonly MinedLine[], list: 'pos' | 'neg'): Promise<number[][]> {
  const scores = await scorePairs(
    TINY_RERANKER,
    rows.flatMap((row) => row[list].map((text): [string, string] => [row.query, text])),
  );
  let start = 0;
  return rows.map((row) => {
    start += row[list].length;
    return [...scores.subarray(start - row[list].length, start)].map(round);
  });
}

describe('negatives chosen with a cross-encoder', () => {
  it.each([
    { flags: [], isWithin: () => true },
    { flags: ['--max-score', '0.3'], isWithin: (score: number) => score <= 0.3 },
    { flags: ['--min-score', '-0.5'], isWithin: (score: number) => score >= -0.5 },
    { flags: ['--margin', '0.4'], isWithin: (score: number, p: number) => score <= p - 0.4 },
    { flags: ['--relative-margin', '0.5'], isWithin: (score: number, p: number) => score <= p - 0.5 * Math.abs(p) },
  ])('are those that all scores of the pool give, within $flags', async ({ flags, isWithin }) => {
    const workspace = openFixtures();
    const everything = ['--rerank-depth', '120', '--sample', 'top', '--backfill', 'none', '--scores', '--ranks'];
    const { stdout, stderr, code } = await workspace.run([...FLAGS, ...RANGE, ...everything, '--quiet', ...flags]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const rows = parseRows(stdout);
    expect(rows.length).toBeGreaterThan(ROWS / 2);
    const pos = await rescore(rows, 'pos');
    const all = await rescore(
      rows.map((row) => ({ ...row, neg: passages.filter((text) => ![row.query, ...row.pos].includes(text)) })),
      'neg',
    );
    rows.forEach((row, i) => {
      const positive = Math.min(...(pos[i] as number[]));
      const candidates = passages.filter((text) => ![row.query, ...row.pos].includes(text));
      const ranked = candidates
        .map((text, at) => ({ text, at, score: all[i]?.[at] as number }))
        .filter(({ score }) => isWithin(score, positive))
        .sort((a, b) => b.score - a.score || a.at - b.at);
      const expected = ranked.slice(3, 8);
      expect(row.neg).toEqual(expected.map(({ text }) => text));
      expect(row.neg_scores).toEqual(expected.map(({ score }) => score));
      expect(row.neg_ranks).toEqual(expected.map((_, at) => 3 + at));
      expect(row.pos_scores).toEqual(pos[i]);
    });
  });

  it('are the same bytes for any workers, batches, memory and shards', async () => {
    const workspace = openFixtures();
    const mine = async (...flags: string[]) => {
      const { stdout, code } = await workspace.run([...FLAGS, ...RANGE, '--scores', '--margin', '0.4', ...flags]);
      expect(code).toBe(0);
      return stdout;
    };
    const whole = await mine();
    expect(parseRows(whole)).toHaveLength(ROWS);
    expect(await mine('--workers', '2')).toBe(whole);
    expect(await mine('--batch-tokens', '4000', '--memory', '64m')).toBe(whole);
    expect((await mine('--shard', '1/3')) + (await mine('--shard', '2/3')) + (await mine('--shard', '3/3'))).toBe(
      whole,
    );
  });

  it('are chosen by its sigmoid where its files name no activation', async () => {
    const workspace = openFixtures();
    cpSync(RERANKER, workspace.path('reranker'), { recursive: true });
    const config = JSON.parse(readFileSync(join(RERANKER, 'config.json'), 'utf8')) as object;
    workspace.write('reranker/config.json', JSON.stringify({ ...config, sentence_transformers: undefined }));
    const flags = [...FLAGS.slice(0, -1), './reranker', ...RANGE, '--scores', '--max-score', '0.6', '--quiet'];
    const rows = parseRows((await workspace.run(flags)).stdout);
    const neg = await rescore(rows, 'neg');
    rows.forEach((row, i) => {
      const sigmoids = neg[i]?.map((logit) => 1 / (1 + Math.exp(-logit))) as number[];
      for (const [at, score] of (row.neg_scores as number[]).entries()) {
        expect(score).toBeCloseTo(sigmoids[at] as number, 6);
        expect(score).toBeLessThanOrEqual(0.6);
      }
    });
  });

  it('are announced, with pairs scored, in the summary', async () => {
    const workspace = openFixtures();
    const { stderr } = await workspace.run([...FLAGS, ...RANGE, '--no-progress', '--summary', 's.json']);
    expect(stderr).toContain(`\nreranked   372 pairs by ${RERANKER}, `);
    expect(stderr).toMatch(/\ntime .*, reranking [\d.]+s, writing/);
    const summary = JSON.parse(workspace.read('s.json')) as { reranker: object };
    // Each row's positive and its 30 best candidates.
    expect(summary.reranker).toMatchObject({ model: RERANKER, pairs: ROWS * 31 });
  });

  it('say where the limit left a row short', async () => {
    const workspace = openFixtures();
    const limits = ['--rerank-depth', '10', '--rerank-limit', '20', '--backfill', 'none', '--max-score', '-9'];
    const { code, stderr } = await workspace.run([
      ...FLAGS,
      ...RANGE,
      ...limits,
      '--rejected',
      'r.jsonl',
      '--no-progress',
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'nothing to write: no row got a negative; --rejected FILE lists them\n',
    });
    const [line = ''] = workspace.read('r.jsonl').split('\n');
    expect(JSON.parse(line)).toMatchObject({ reason: 'rerank limit', asked: 5, found: 0, written: false });
  });

  it('are planned by a dry run', async () => {
    const workspace = openFixtures();
    const { stderr } = await workspace.run([...FLAGS, ...RANGE, '--dry-run', '--no-progress']);
    expect(stderr.split('\n')[1]).toBe(`reranked by ${RERANKER}: 30 candidates a row, at most 300`);
  });
});

describe('a command line that cannot be', () => {
  it.each([
    [['--rerank-depth', '5'], '--rerank-depth: needs a --reranker (found none)'],
    [['--rerank-limit', '5'], '--rerank-limit: needs a --reranker (found none)'],
    [['--reranker-revision', 'v1'], '--reranker-revision: needs a --reranker (found none)'],
    [['--reranker-dtype', 'q8'], '--reranker-dtype: needs a --reranker (found none)'],
    [['--reranker-max-length', '8'], '--reranker-max-length: needs a --reranker (found none)'],
    [['--reranker', 'm', '--rank-basis', 'raw'], '--reranker: ranks must count candidates (found --rank-basis raw)'],
    [
      ['--reranker', 'm', '--rerank-limit', '100'],
      '--rerank-limit 100: is below the --rerank-depth of 210; raise it or lower --rerank-depth',
    ],
    [
      ['--reranker', 'm', '--rerank-depth', '50', '--rerank-limit', '49'],
      '--rerank-limit 49: is below the --rerank-depth of 50; raise it or lower --rerank-depth',
    ],
    [['--reranker', 'm', '--rerank-depth', '0'], '--rerank-depth: expected a whole number of at least 1 (found "0")'],
    [
      ['--reranker', 'm', '--reranker-model', 'n'],
      '--reranker-model: needs the address of a server as --reranker (found a model)',
    ],
    [
      ['--reranker', 'http://localhost:1', '--reranker-dtype', 'q8'],
      '--reranker-dtype: is of an ONNX model, which the server of --reranker takes the place of',
    ],
    [
      ['--reranker', 'm', '--reranker', 'http://'],
      '--reranker: expected an address that begins with http:// or https:// (found "http://")',
    ],
    [
      ['--reranker', 'http://user:word@localhost:1'],
      '--reranker: expected an address without a user and a password; HN_MINE_RERANKER_KEY takes a key',
    ],
    [['--reranker', ''], '--reranker: expected a folder, a model ID, or the address of a server (found nothing)'],
  ])('%j is refused', async (flags, message) => {
    const { stderr, code } = await new Workspace().run(['--input', 'train.jsonl', ...flags]);
    expect({ stderr, code }).toEqual({ stderr: `${message}\n`, code: 2 });
  });
});

describe('a folder that holds no reranker', () => {
  const run = (workspace: Workspace, folder: string): Promise<Result> =>
    workspace.run([...FLAGS.slice(0, -1), folder, ...RANGE, '--no-progress', '--quiet']);

  function copyReranker(workspace: Workspace, config: object): string {
    cpSync(RERANKER, workspace.path('reranker'), { recursive: true });
    const own = JSON.parse(readFileSync(join(RERANKER, 'config.json'), 'utf8')) as object;
    workspace.write('reranker/config.json', JSON.stringify({ ...own, ...config }));
    return './reranker';
  }

  it.each([
    {
      what: 'is not there',
      make: () => './nothing',
      message: "--reranker ./nothing: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub",
    },
    {
      what: 'holds an encoder',
      make: () => join(FIXTURES, 'models/tiny-bert-cls'),
      message: `${join(FIXTURES, 'models/tiny-bert-cls')}/modules.json: expected a Transformer module alone (found Pooling); is it a reranker?`,
    },
    {
      what: 'has two labels',
      make: (workspace: Workspace) => copyReranker(workspace, { id2label: { 0: 'no', 1: 'yes' } }),
      message:
        './reranker/config.json: a reranker has one label (found id2label with 2: no, yes); take a model that was trained with num_labels=1',
    },
    {
      what: 'lacks its tokenizer',
      make(workspace: Workspace) {
        const folder = copyReranker(workspace, {});
        workspace.remove('reranker/tokenizer.json');
        return folder;
      },
      message:
        './reranker: tokenizer.json is missing; save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)',
    },
    {
      what: 'holds the graph of an encoder, seen before anything is embedded',
      make(workspace: Workspace) {
        const folder = copyReranker(workspace, {});
        workspace.write(
          'reranker/onnx/model.onnx',
          readFileSync(join(FIXTURES, 'models/tiny-bert-cls/onnx/model.onnx')),
        );
        return folder;
      },
      message:
        "./reranker: a reranker's graph gives logits [batch, 1] (found last_hidden_state [batch_size, sequence_length, 32]); take a cross-encoder with one label, exported with --task text-classification",
    },
  ])('because it $what, is refused', async ({ make, message }) => {
    const workspace = openFixtures();
    const { stdout, stderr, code } = await run(workspace, make(workspace));
    expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: `${message}\n`, code: 1 });
  });
});
