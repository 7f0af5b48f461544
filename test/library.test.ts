import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { HnMineError, type MinedRecord, type MineOptions, mine, type Rejection, score } from '#dist/index.js';

const folder = mkdtempSync(join(tmpdir(), 'library-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = [
  { query: 'file archiver', pos: ['packs and unpacks archives'], id: 1 },
  { query: 'image viewer', pos: ['shows pictures'], id: 2 },
  { query: 'file archiver', pos: ['compresses files'], id: 3 },
];
const PASSAGES = [
  'packs and unpacks archives',
  'shows pictures',
  'compresses files',
  'plays music',
  'sends mail',
  'draws charts',
  'checks spelling',
].map((text) => ({ text }));

const SETTINGS = { model: 'fixtures/models/tiny-bert-cls', range: '0-3', neg: 2, workers: 1 } as const;

async function collect(options: MineOptions): Promise<MinedRecord[]> {
  const records: MinedRecord[] = [];
  for await (const record of mine(options)) records.push(record);
  return records;
}

const refusalOf = (options: unknown) =>
  collect(options as MineOptions).then(
    () => 'no error',
    (error: HnMineError) => {
      expect(error).toBeInstanceOf(HnMineError);
      return `${error.code}: ${error.message}`;
    },
  );

function fileOf(name: string, records: object[]): string {
  const path = join(folder, name);
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

describe('mine', () => {
  const expected = collect({ input: ROWS, pool: PASSAGES, ...SETTINGS, scores: true, ranks: true });

  it('gives each row its negatives, scores and ranks, and keeps its other fields', async () => {
    const records = await expected;
    expect(records.map(({ query, pos, id }) => ({ query, pos, id }))).toEqual(ROWS);
    for (const { neg, pos_scores, neg_scores, neg_ranks } of records) {
      expect(neg).toHaveLength(2);
      expect(pos_scores).toHaveLength(1);
      const scores = neg_scores as number[];
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(neg_ranks?.every((rank) => rank !== null && rank >= 0 && rank < 3)).toBe(true);
    }
    for (const { neg } of [records[0], records[2]] as MinedRecord[]) {
      expect(neg).not.toContain('packs and unpacks archives');
      expect(neg).not.toContain('compresses files');
    }
  });

  it.each<{ title: string; sources: () => Pick<MineOptions, 'input' | 'pool'> }>([
    { title: 'paths', sources: () => ({ input: fileOf('rows.jsonl', ROWS), pool: fileOf('pool.jsonl', PASSAGES) }) },
    {
      title: 'several paths, gzip among them',
      sources: () => ({
        input: fileOf('rows.jsonl.gz', ROWS),
        pool: [fileOf('pool-1.jsonl', PASSAGES.slice(0, 3)), fileOf('pool-2.gz', PASSAGES.slice(3))],
      }),
    },
    { title: 'sets', sources: () => ({ input: new Set(ROWS), pool: new Set(PASSAGES) }) },
    {
      title: 'generators',
      sources: () => ({
        input: (async function* () {
          yield* ROWS;
        })(),
        pool: (function* () {
          yield* PASSAGES;
        })(),
      }),
    },
    { title: 'streams of objects', sources: () => ({ input: Readable.from(ROWS), pool: Readable.from(PASSAGES) }) },
  ])('reads $title', async ({ sources }) => {
    expect(await collect({ ...sources(), ...SETTINGS, scores: true, ranks: true })).toEqual(await expected);
  });

  it('gives training examples in other formats', async () => {
    const mined = mine({ input: ROWS, pool: PASSAGES, ...SETTINGS, format: 'triplet' });
    const examples: { query: string; positive: string; negative: string }[] = [];
    for await (const { query, positive, negative } of mined) examples.push({ query, positive, negative });
    const rows = await expected;
    expect(examples).toEqual(
      rows.flatMap(({ query, pos, neg }) => neg.map((negative) => ({ query, positive: pos[0], negative }))),
    );
    expect(mined.summary()).toMatchObject({ rows: { written: 3 }, examples: 6 });
  });

  it('mines from the positives and negatives of the input where there is no pool', async () => {
    const input = ROWS.map((row, i) => ({ ...row, neg: [PASSAGES[3 + i]?.text] }));
    const records = await collect({ input, ...SETTINGS, range: '0-4', neg: 4, sample: 'top' });
    expect(records.map(({ neg }) => neg.length)).toEqual([4, 4, 4]);
    expect(records[1]?.neg.toSorted()).toEqual(records[1]?.neg.filter((text) => text !== 'shows pictures').toSorted());
  });

  it('does nothing before the first row is asked for', () => {
    const rows = mine({ input: join(folder, 'absent.jsonl'), ...SETTINGS });
    expect(rows.summary()).toMatchObject({ schema: 1, rows: { read: 0, written: 0 } });
  });

  it('sums up', async () => {
    const rows = mine({ input: ROWS, pool: [...PASSAGES, { text: 'sends mail' }, { text: ' ' }], ...SETTINGS });
    for await (const _ of rows);
    expect(rows.summary()).toMatchObject({
      schema: 1,
      rows: { read: 3, written: 3, short: 0, rejected: 0 },
      passages: { read: 9, distinct: 7, duplicates: 1, empty: 1 },
      positives: { distinct: 3, notInPool: 0 },
      negatives: { window: 6, next: 0, random: 0, skipped: 0, kept: 0 },
      truncated: { queries: 0, passages: 0 },
      texts: { distinct: 9, reused: 0 },
      model: SETTINGS.model,
      seed: 42,
      flags: { range: { low: 0, high: 3 }, neg: 2 },
    });
  });

  it('tells of progress, decisions and rows that came out short', async () => {
    const phases: string[] = [];
    const notes: string[] = [];
    const warnings: string[] = [];
    const rejections: Rejection[] = [];
    const records = await collect({
      input: [...ROWS, { query: 'greedy', pos: PASSAGES.slice(0, 6).map(({ text }) => text) }],
      pool: PASSAGES,
      ...SETTINGS,
      onShort: 'drop',
      onProgress: (phase, done, total) => phases.push(`${phase} ${done}/${total ?? '?'}`),
      onNote: (note) => notes.push(note),
      onWarning: (warning) => warnings.push(warning),
      onRejected: (rejection) => rejections.push(rejection),
    });
    expect(records).toHaveLength(3);
    expect(phases).toContain('reading 11/?');
    expect(phases).toContain('embedding 10/10');
    expect(phases.at(-1)).toBe('searching 4/4');
    expect(notes).toEqual([expect.stringMatching(/^query prompt "query" of the model: /)]);
    expect(warnings).toEqual([
      '--range 0-3: the window cannot give --neg 2 in 1 of 4 rows (candidates a row: 1 to 6); random backfill makes up for it where a row has so many',
    ]);
    expect(rejections).toEqual([
      { line: 'input:4', query: 'greedy', reason: 'pool too small', asked: 2, found: 1, written: false },
    ]);
  });
});

describe('mine refuses', () => {
  it.each([
    { options: { input: ROWS, neg: 0 }, message: '--neg: expected a whole number of at least 1 (found 0)' },
    { options: { input: ROWS, ranges: '1-2' }, message: 'unknown option "ranges"' },
    { options: {}, message: 'input: expected a path or an iterable of objects (found nothing)' },
    { options: { input: 7 }, message: 'input: expected a path or an iterable of objects (found a number)' },
    { options: { input: ROWS[0] }, message: 'input: expected a path or an iterable of objects (found an object)' },
    { options: null, message: 'mine: expected an object of options (found null)' },
    { options: { input: ROWS, pool: null }, message: 'pool: expected a path or an iterable of objects (found null)' },
  ])('at once: $message', ({ options, message }) => {
    expect(() => mine(options as unknown as MineOptions)).toThrow(expect.objectContaining({ code: 'usage', message }));
  });

  const missing = join(folder, 'absent.jsonl');

  it.each([
    { title: 'a file that is not there', options: { input: missing }, message: `input: ${missing}: no such file` },
    {
      title: 'a row without positives',
      options: { input: [{ query: 'q' }] },
      message: 'input: input:1: "pos" is missing (found "query"); name the field with --pos-field',
    },
    {
      title: 'a passage that is none',
      options: { input: ROWS, pool: [{ text: 1 }] },
      message: 'input: pool:1: "text" must be a string (found a number)',
    },
    { title: 'no rows', options: { input: [] }, message: 'input: input: no rows; expected one JSON object a line' },
    {
      title: 'no passages',
      options: { input: ROWS, pool: [] },
      message: 'input: pool: no passages; expected one JSON object a line with the field "text"',
    },
    {
      title: 'a pool that is too small',
      options: { input: ROWS, pool: PASSAGES.slice(0, 2) },
      message:
        'input: --neg 2: no row has so many candidates (at most 1, from a pool of 2); lower --neg or add passages',
    },
    {
      title: 'a model that is not there',
      options: { input: ROWS, model: './absent' },
      message: "model: --model ./absent: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub",
    },
    {
      title: 'short rows, where they are to fail the run',
      options: { input: [...ROWS, { query: 'x', pos: PASSAGES.slice(1).map(({ text }) => text) }], onShort: 'fail' },
      message: 'input: --on-short fail: 1 of 4 rows have fewer than 2 negatives; --rejected FILE lists them',
    },
  ])('while iterating: $title', async ({ options, message }) => {
    expect(await refusalOf({ pool: PASSAGES, ...SETTINGS, ...options })).toBe(message);
  });

  it('what the input throws, as it is', async () => {
    const input = (async function* () {
      yield ROWS[0];
      throw new TypeError('the database went away');
    })() as AsyncIterable<object>;
    await expect(collect({ input, ...SETTINGS })).rejects.toThrow(new TypeError('the database went away'));
  });
});

describe('score', () => {
  const reranker = 'fixtures/models/tiny-cross-encoder';
  const rows = [{ query: 'pets', pos: ['a cat'], neg: ['a dog', 'a cat'], id: 1 }];

  it('adds one score to each text, the same to the same text, and keeps other fields', async () => {
    const scored = [];
    for await (const row of score({ input: rows, reranker, workers: 1 })) scored.push(row);
    expect(scored).toHaveLength(1);
    const { pos_scores: [cat] = [], neg_scores: [dog, catAgain] = [], ...rest } = scored[0] as MinedRecord;
    expect(rest).toEqual(rows[0]);
    expect(catAgain).toBe(cat);
    expect(dog).not.toBe(cat);
  });

  it('refuses a wrong option at once', () => {
    const expected = new HnMineError('usage', '--activation: needs a --reranker (found none)');
    expect(() => score({ input: rows, activation: 'sigmoid' })).toThrow(expected);
  });
});

describe('a program that uses the library', () => {
  const library = pathToFileURL(resolve('dist/index.js')).href;
  const model = resolve(SETTINGS.model);

  /** @param place the folder of the program's file, on which it depends what it can import by name */
  function run(script: string, { place = folder, cwd = '.', env = {} } = {}) {
    const file = resolve(place, 'program.mjs');
    writeFileSync(file, script);
    const options = { cwd, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 55_000 } as const;
    const program = spawnSync('node', [file], options);
    return { status: program.status, stdout: program.stdout, stderr: program.stderr };
  }

  const start = `import { mine } from ${JSON.stringify(library)};
    const rows = ${JSON.stringify(ROWS)};
    const settings = ${JSON.stringify({ ...SETTINGS, model, pool: PASSAGES })};`;

  it('ends by itself when it has left the loop early, and nothing is left behind in any folder', () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const script = `${start} for await (const row of mine({ input: rows, ...settings })) { console.log(row.query); break; }`;
    const env = { HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, 'cache'), TMPDIR: home, TEMP: home };
    expect(run(script, { cwd: home, env })).toEqual({ status: 0, stdout: 'file archiver\n', stderr: '' });
    expect(readdirSync(home)).toEqual([]);
  });

  it('ends by itself when a row was refused, and prints nothing', () => {
    const script = `${start} try { for await (const row of mine({ input: [...rows, 7], ...settings })); } catch ({ code, message }) { console.log(code, message); }`;
    expect(run(script)).toEqual({
      status: 0,
      stdout: 'input input:4: expected a JSON object (found a number)\n',
      stderr: '',
    });
  });

  it('can be the one in the README, which prints what stands there', () => {
    const section =
      readFileSync('README.md', 'utf8')
        .split(/^## /m)
        .find((part) => part.startsWith('Library\n')) ?? '';
    const [, script = '', printed] = /```js\n(.*?)```\s+```\w*\n(.*?)```/s.exec(section) ?? [];
    expect(script).toContain("from 'hn-mine'");
    const place = mkdtempSync('dist/program-');
    try {
      expect(run(script, { place })).toEqual({ status: 0, stdout: printed, stderr: '' });
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});
