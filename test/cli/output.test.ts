import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import {
  DEAD_PROCESS,
  FILES,
  HN_MINE,
  type MinedLine,
  makePassages,
  makeRows,
  makeTexts,
  parseRows,
  type Result,
  readFixture,
  TINY,
  TINY_MODEL,
  Workspace,
} from './run-cli.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace();
});

/** Mines quietly with the tiny model from `train.jsonl` and `pool.jsonl`. */
const mine = (...flags: string[]) => workspace.run([...FILES, ...TINY, '--range', '0-20', '--quiet', ...flags]);

function writeInputs(rows: string | object[] = makeRows(4), pool: object[] = makePassages(30)): void {
  workspace.write('train.jsonl', rows);
  workspace.write('pool.jsonl', pool);
}

let plain: Promise<Result> | undefined;

/** What a run on the inputs gives; all who ask have written the same ones. */
function minePlainly(): Promise<Result> {
  plain ??= mine();
  return plain;
}

const partials = () => workspace.list().filter((file) => file.endsWith('.partial'));

describe('a row comes out as it went in, with its negatives', () => {
  it('fields keep their order, and their source text', async () => {
    const [first, second] = [
      '{"id": 12345678901234567890, "query": "a red cat", "weight": 1.0, "neg": [], "pos": ["a blue cat"], "tiny": 1e-400}',
      '{ "pos" : ["a gr\\u00fcn \\/ dog"],"query":"caf\\u00e9 \\ud83d\\ude00","meta":{"b": [1.50, {"c":  null}],"a":{}}, "neg": ["old"], "neg": ["older"] }',
    ];
    writeInputs(`${first}\n${second}\n`);
    const { stdout } = await mine('--neg', '1');
    const lists = parseRows(stdout).map(({ neg }) => JSON.stringify(neg));
    expect(stdout).toBe(
      `${(first as string).replace('"neg": []', `"neg": ${lists[0]}`)}\n` +
        '{"pos": ["a gr\\u00fcn \\/ dog"], "query": "caf\\u00e9 \\ud83d\\ude00", ' +
        `"meta": {"b": [1.50, {"c":  null}],"a":{}}, "neg": ${lists[1]}}\n`,
    );
  });

  it('negatives come last where there were none, under the names that were given', async () => {
    const rows = [{ q: 'a red cat', answers: ['a blue cat'], query: 1, pos: 2, neg: 3 }];
    const pool = makePassages(30).map(({ text }, i) => ({ body: text, head: i < 2 ? 'Title' : '', key: i, text: 0 }));
    writeInputs(rows, pool);
    const fields = ['--query-field', 'q', '--pos-field', 'answers', '--neg-field', 'wrong'];
    const names = ['--text-field', 'body', '--title-field', 'head', '--passage-id-field', 'key'];
    const { stdout, stderr } = await mine(...fields, ...names, '--neg', '2');
    expect(stderr).toBe('');
    const [row] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(row as object)).toEqual(['q', 'answers', 'query', 'pos', 'neg', 'wrong']);
    expect(row).toMatchObject({ ...rows[0], wrong: [expect.any(String), expect.any(String)] });
  });

  it('what described the old negatives is left out, and that is said', async () => {
    const about = { neg_scores: [0.5], neg_ids: ['x'], neg_ranks: [3], pos_scores: [0.9], pos_ids: ['p'] };
    writeInputs([...makeRows(1).map((row) => ({ ...row, neg: ['old'], ...about })), ...makeRows(4).slice(1)]);
    const { stdout, stderr } = await workspace.run([...FILES, ...TINY, '--range', '0-20']);
    expect(Object.keys(parseRows(stdout)[0] as object)).toEqual(['query', 'pos', 'neg', 'pos_scores', 'pos_ids']);
    for (const field of ['neg_scores', 'neg_ids', 'neg_ranks'])
      expect(stderr).toContain(`"${field}" left out of 1 rows: it described their old negatives\n`);
  });

  it('what describes negatives stays where they are the same as before', async () => {
    const kept = ['a white cow', 'a black cow'];
    writeInputs(makeRows(1).map((row) => ({ ...row, neg: kept, neg_ids: ['a', 'b'] })));
    const { stdout, stderr } = await mine('--keep-neg', '--neg', '2');
    expect(parseRows(stdout)[0]).toMatchObject({ neg: kept, neg_ids: ['a', 'b'] });
    expect(stderr).toBe('');
  });

  it('negatives that a row came with stand first where they are kept, and are told apart', async () => {
    const [row] = makeRows(1);
    const neg = ['of another pool', ...(row?.pos ?? []), 'of another  pool', row?.query];
    writeInputs([{ ...row, neg }]);
    const { stdout } = await mine('--keep-neg', '--neg', '3', '--scores', '--ranks', '--summary', 'summary.json');
    const [mined] = parseRows(stdout);
    expect(mined?.neg[0]).toBe('of another pool');
    expect(mined?.neg).toHaveLength(3);
    expect(mined?.neg_ranks).toEqual([null, expect.any(Number), expect.any(Number)]);
    expect(mined?.neg_scores).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
    expect((JSON.parse(workspace.read('summary.json')) as Summary).negatives).toMatchObject({ kept: 1, window: 2 });
  });

  it('scores and ranks are as many as the texts, best first', async () => {
    writeInputs([{ query: 'a red cat', pos: ['a red cat', 'a blue cat', 'not in the pool'] }, ...makeRows(3)]);
    const { stdout } = await mine('--scores', '--ranks', '--neg', '6');
    for (const { pos, neg, pos_scores = [], neg_scores = [], neg_ranks = [] } of parseRows(stdout)) {
      expect([pos_scores.length, neg_scores.length, neg_ranks.length]).toEqual([pos.length, 6, 6]);
      expect(neg).toHaveLength(6);
      expect(neg_scores).toEqual(neg_scores.toSorted((a, b) => b - a));
      expect(neg_ranks).toEqual(neg_ranks.toSorted((a, b) => Number(a) - Number(b)));
      for (const score of [...pos_scores, ...neg_scores]) expect(Number(score.toPrecision(7))).toBe(score);
    }
    expect(Object.keys(parseRows(stdout)[0] as object)).toEqual([
      'query',
      'pos',
      'neg',
      'pos_scores',
      'neg_scores',
      'neg_ranks',
    ]);
  });

  it('random backfill has no rank, backfill from skipped ranks has one', async () => {
    writeInputs(makeRows(2), makePassages(10));
    const past = parseRows((await mine('--range', '0-2', '--neg', '2', '--ranks')).stdout);
    expect(past.flatMap(({ neg_ranks }) => neg_ranks)).toEqual([0, 1, 0, 1]);
    const random = parseRows((await mine('--range', '8-12', '--neg', '3', '--ranks')).stdout);
    for (const { neg_ranks } of random) expect(neg_ranks).toEqual([6, 7, 8]);
    const excluded = makeRows(2).map((row) => ({
      ...row,
      pos: [...row.pos, ...makeTexts(2, 8)],
    }));
    writeInputs(excluded, makePassages(20));
    const raw = parseRows((await mine('--rank-basis', 'raw', '--range', '0-2', '--neg', '2', '--ranks')).stdout);
    expect(raw.flatMap(({ neg_ranks }) => neg_ranks)).toContain(null);
  });

  it('scores already in a row are written anew in their place', async () => {
    writeInputs(makeRows(1).map(({ query, pos }) => ({ pos_scores: [9], query, neg_scores: [8], pos, neg: ['old'] })));
    const [row] = parseRows((await mine('--scores', '--neg', '2')).stdout);
    expect(Object.keys(row as object)).toEqual(['pos_scores', 'query', 'neg_scores', 'pos', 'neg']);
    expect(row?.pos_scores?.[0]).toBeLessThanOrEqual(1);
    expect(row?.neg_scores).toHaveLength(2);
  });
});

describe('what is read', () => {
  it('--limit mines the first rows; siblings and the pool still come from all', async () => {
    const [first, second, ...others] = makeRows(12);
    const sibling = {
      query: first?.query,
      pos: makeTexts(30, 38),
    };
    workspace.write('train.jsonl', [first, second, sibling, ...others] as object[]);
    const run = (...flags: string[]) =>
      workspace.run(['--input', 'train.jsonl', ...TINY, '--range', '0-20', '--neg', '10', '--quiet', ...flags]);
    const whole = parseRows((await run()).stdout);
    const limited = parseRows((await run('--limit', '2')).stdout);
    expect(limited).toEqual(whole.slice(0, 2));
    for (const text of sibling.pos) expect(limited[0]?.neg).not.toContain(text);
    expect(parseRows((await run('--limit', '100')).stdout)).toEqual(whole);
  });

  it('rows on standard input, packed or not, give what a file gives', async () => {
    writeInputs();
    const fromFile = await minePlainly();
    const args = ['--input', '-', '--pool', 'pool.jsonl', ...TINY, '--range', '0-20', '--quiet'];
    const content = workspace.read('train.jsonl');
    expect(await workspace.run(args, { stdin: content })).toEqual(fromFile);
    expect(await workspace.run(args, { stdin: gzipSync(content) })).toEqual(fromFile);
  });

  it('several pools are one, in their order', async () => {
    writeInputs(makeRows(4), makePassages(30));
    workspace.write('a.jsonl', makePassages(30).slice(0, 11));
    workspace.write('b.jsonl', makePassages(30).slice(8));
    const args = [
      '--input',
      'train.jsonl',
      '--pool',
      'a.jsonl',
      '--pool',
      'b.jsonl',
      ...TINY,
      '--range',
      '0-20',
      '--quiet',
    ];
    expect(await workspace.run(args)).toEqual(await minePlainly());
  });

  it('without a pool, the positives and negatives of the input are it', async () => {
    const rows = makeRows(10).map((row, i) => ({ ...row, neg: [`spare ${i}`] }));
    workspace.write('train.jsonl', rows);
    const { stdout } = await workspace.run([
      '--input',
      'train.jsonl',
      ...TINY,
      '--range',
      '0-20',
      '--neg',
      '15',
      '--quiet',
    ]);
    const pool = rows.flatMap(({ pos, neg }) => [...pos, ...neg]);
    for (const { neg, pos } of parseRows(stdout)) {
      expect(neg).toHaveLength(15);
      expect(pool.filter((text) => neg.includes(text))).toHaveLength(15);
      expect(neg).not.toContain(pos[0]);
    }
  });
});

describe('--ids', () => {
  const pool = makePassages(30).map((passage, i) => ({
    ...passage,
    ...(i % 4 === 0 ? {} : { _id: i === 7 ? 70 : `p${i}` }),
  }));
  const idOf = new Map(pool.map(({ text, _id }) => [text, _id === undefined ? null : `${_id}`]));

  it('names the passages of positives and negatives, null where one has no ID or is not in the pool', async () => {
    const rows = [
      { query: 'a', pos: [...makeTexts(4, 8), 'elsewhere'] },
      { query: 'b', pos: makeTexts(1, 2), pos_ids: ['mine'] },
    ];
    writeInputs(rows, pool);
    const { stdout, code } = await mine('--neg', '8', '--ids');
    const [first, second] = parseRows(stdout) as (MinedLine & { pos_ids: unknown; neg_ids: unknown })[];
    expect(first?.pos_ids).toEqual([null, 'p5', 'p6', '70', null]);
    expect(second?.pos_ids).toEqual(['mine']);
    for (const row of [first, second]) expect(row?.neg_ids).toEqual(row?.neg.map((text) => idOf.get(text)));
    expect(code).toBe(0);
    // The output is an input: its IDs are read, and written anew.
    workspace.write('train.jsonl', stdout);
    expect((await mine('--neg', '8', '--ids')).stdout).toBe(stdout);
  });

  it('names kept negatives too, and stands where the old IDs stood', async () => {
    writeInputs([{ neg_ids: ['old'], query: 'a', pos: makeTexts(1, 2), neg: ['elsewhere', ...makeTexts(2, 3)] }], pool);
    const { stdout } = await mine('--neg', '3', '--ids', '--keep-neg');
    expect(stdout).toMatch(/^\{"neg_ids": \[null, "p2", ("p\d+"|"70"|null)\], "query": /);
  });

  it.each([
    { flags: [], says: 'found no "_id" and no "id"); name the field with --passage-id-field' },
    { flags: ['--passage-id-field', 'key'], says: 'found no "key")' },
  ])('is refused where no passage has one', async ({ flags, says }) => {
    writeInputs();
    const { stdout, stderr, code } = await mine('--ids', ...flags);
    expect({ stdout, stderr, code }).toEqual({
      stdout: '',
      stderr: `--ids: no passage of the pool has an ID (${says}\n`,
      code: 1,
    });
  });
});

describe('--format', () => {
  const rows = [...makeRows(2), { ...makeRows(3)[2], pos: ['a small fox', 'a tall fox'] }];

  it.each([
    { format: 'triplet', each: 'positive and negative', count: 4 + 4 + 8 },
    { format: 'n-tuple', each: 'positive', count: 4 },
    { format: 'labeled-pair', each: 'positive or negative', count: 5 + 5 + 6 },
    { format: 'labeled-list', each: 'positive', count: 4 },
  ])('$format makes a line of each $each of a row', async ({ format, count }) => {
    writeInputs(rows);
    const [plain, examples] = await Promise.all([
      mine('--neg', '4', '--scores'),
      mine('--neg', '4', '--scores', '--format', format, '--summary', 'summary.json'),
    ]);
    expect(parseLines(examples.stdout)).toEqual(parseLines(plain.stdout).flatMap((row) => makeExamples(row, format)));
    const summary = JSON.parse(workspace.read('summary.json')) as Summary;
    expect(summary).toMatchObject({ rows: { read: 3, written: 3 }, examples: count, negatives: { window: 12 } });
    expect(examples.code).toBe(0);
  });

  it('is told in the summary', async () => {
    writeInputs();
    const flags = [...FILES, ...TINY, '--range', '0-20', '--no-progress'];
    const { stderr } = await workspace.run([...flags, '--format', 'triplet', '--neg', '4']);
    expect(stderr).toMatch(/^rows {7}4 written of 4 read\nexamples {3}16 lines of triplet\nshort/);
  });
});

interface ScoredLine {
  readonly query: string;
  readonly pos: string[];
  readonly neg: string[];
  readonly pos_scores: number[];
  readonly neg_scores: number[];
}

/** What a row of `--scores` is as examples, by the definitions of sentence-transformers. */
function makeExamples({ query, pos, neg, pos_scores, neg_scores }: ScoredLine, format: string): object[] {
  const both = pos.map((positive, i) => ({ positive, score: pos_scores[i] as number }));
  switch (format) {
    case 'triplet':
      return both.flatMap(({ positive, score }) =>
        neg.map((negative, i) => ({ query, positive, negative, scores: [score, neg_scores[i]] })),
      );
    case 'n-tuple':
      return both.map(({ positive, score }) => {
        const negatives = Object.fromEntries(neg.map((negative, i) => [`negative_${i + 1}`, negative]));
        return { query, positive, ...negatives, scores: [score, ...neg_scores] };
      });
    case 'labeled-pair':
      return [
        ...both.map(({ positive, score }) => ({ query, passage: positive, score })),
        ...neg.map((passage, i) => ({ query, passage, score: neg_scores[i] })),
      ];
    default:
      return both.map(({ positive, score }) => {
        return { query, passages: [positive, ...neg], scores: [score, ...neg_scores] };
      });
  }
}

const TUPLE_COLUMNS = [1, 2, 3, 4, 5].map((i) => `negative_${i}`);

function parseLines(stdout: string): ScoredLine[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ScoredLine);
}

describe('rows that come up short', () => {
  // The second row has every passage but two for its own.
  const rows = [...makeRows(1), { query: 'all', pos: makeTexts(2, 20) }, ...makeRows(3).slice(2)];
  const flags = ['--neg', '5', '--rejected', 'rejected.jsonl', '--summary', 'summary.json'];
  const rejection = { line: 'train.jsonl:2', query: 'all', reason: 'pool too small', asked: 5, found: 2 };
  const readReports = () => ({
    rejected: workspace
      .read('rejected.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
    summary: JSON.parse(workspace.read('summary.json')) as Summary,
  });

  beforeEach(() => writeInputs(rows, makePassages(20)));

  it('are kept, counted and listed', async () => {
    const { stdout, code } = await mine(...flags);
    expect(parseRows(stdout).map(({ neg }) => neg.length)).toEqual([5, 2, 5]);
    const { rejected, summary } = readReports();
    expect(rejected).toEqual([{ ...rejection, written: true }]);
    expect(summary.rows).toEqual({ read: 3, written: 3, short: 1, rejected: 0 });
    expect(summary.reasons).toEqual({ 'pool too small': 1 });
    expect(code).toBe(0);
  });

  it('are dropped, counted and listed', async () => {
    const { stdout, code } = await mine(...flags, '--on-short', 'drop');
    expect(parseRows(stdout).map(({ query }) => query)).toEqual([rows[0]?.query, rows[2]?.query]);
    const { rejected, summary } = readReports();
    expect(rejected).toEqual([{ ...rejection, written: false }]);
    expect(summary.rows).toEqual({ read: 3, written: 2, short: 1, rejected: 1 });
    expect(code).toBe(0);
  });

  it('make no tuple', async () => {
    const { stdout, code } = await mine(...flags, '--format', 'n-tuple');
    const tuples = parseLines(stdout);
    expect(tuples.map(({ query }) => query)).toEqual([rows[0]?.query, rows[2]?.query]);
    for (const tuple of tuples) expect(Object.keys(tuple)).toEqual(['query', 'positive', ...TUPLE_COLUMNS]);
    const { rejected, summary } = readReports();
    expect(rejected).toEqual([{ ...rejection, written: false }]);
    expect(summary).toMatchObject({ rows: { read: 3, written: 2, short: 1, rejected: 1 }, examples: 2 });
    expect(code).toBe(0);
  });

  it('fail the run, which keeps the old output and still writes its reports', async () => {
    workspace.write('mined.jsonl', 'old\n');
    const { stdout, stderr, code } = await mine(...flags, '--on-short', 'fail', '--output', 'mined.jsonl');
    expect(stderr).toMatch(/\n--on-short fail: 1 of 3 rows have fewer than 5 negatives; --rejected FILE lists them\n$/);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(workspace.read('mined.jsonl')).toBe('old\n');
    expect(partials()).toEqual([]);
    const { rejected, summary } = readReports();
    expect(rejected).toEqual([{ ...rejection, written: true }]);
    expect(summary.rows).toMatchObject({ read: 3, short: 1 });
  });

  it('are never written without a negative', async () => {
    writeInputs([...makeRows(1), { query: 'all', pos: makeTexts(0, 20) }], makePassages(20));
    const { stdout, code } = await mine(...flags);
    expect(parseRows(stdout).map(({ neg }) => neg.length)).toEqual([5]);
    expect(readReports().rejected).toMatchObject([{ query: 'all', found: 0, written: false }]);
    expect(code).toBe(0);
  });
});

describe('--summary', () => {
  it('is JSON with a versioned schema', async () => {
    writeInputs([...makeRows(3), ...makeRows(1)], [...makePassages(30), ...makePassages(2), { text: ' ' }]);
    const { stdout } = await mine('--summary', 'summary.json', '--neg', '4', '--seed', '7');
    const summary = JSON.parse(workspace.read('summary.json')) as Summary;
    expect(summary).toMatchObject({
      schema: 1,
      rows: { read: 4, written: 4, short: 0, rejected: 0 },
      reasons: {},
      passages: { read: 33, distinct: 30, duplicates: 2, empty: 1 },
      positives: { distinct: 3, notInPool: 0 },
      negatives: { window: 16, next: 0, random: 0, skipped: 0, kept: 0 },
      scores: { positives: expect.any(Number), negatives: expect.any(Number) },
      truncated: { queries: 0, passages: 0 },
      model: TINY_MODEL,
      seed: 7,
      flags: { range: { low: 0, high: 20 }, neg: 4, seed: 7, sample: 'random' },
    });
    const { seconds } = summary;
    expect(Object.keys(seconds)).toEqual([
      'reading',
      'embedding',
      'indexing',
      'searching',
      'reranking',
      'writing',
      'total',
    ]);
    for (const time of Object.values(seconds)) expect(time).toBeGreaterThanOrEqual(0);
    expect(seconds.total).toBeGreaterThanOrEqual(seconds.embedding);
    expect(parseRows(stdout)).toHaveLength(4);
  });

  it('counts each text that is longer than the model reads, however many workers count', async () => {
    const long = 'word '.repeat(300);
    const pool = makePassages(300).map(({ text }, i) => ({ text: i < 290 ? `${text} ${long}` : text }));
    writeInputs([...makeRows(2), { query: `a ${long}`, pos: ['x'] }], pool);
    await mine('--summary', 'summary.json', '--workers', '4');
    expect(JSON.parse(workspace.read('summary.json'))).toMatchObject({ truncated: { queries: 1, passages: 290 } });
  });
});

describe('--output', () => {
  it('has the bytes that standard output has', async () => {
    writeInputs();
    const { stdout } = await minePlainly();
    expect(await mine('--output', 'mined.jsonl')).toEqual({ stdout: '', stderr: '', code: 0, signal: null });
    expect(workspace.read('mined.jsonl')).toBe(stdout);
    expect(partials()).toEqual([]);
  });

  it('is packed where its name ends in .gz, the same bytes each time', async () => {
    writeInputs();
    const { stdout } = await minePlainly();
    await mine('--output', 'a.jsonl.gz');
    await mine('--output', 'b.jsonl.gz');
    const packed = readFileSync(workspace.path('a.jsonl.gz'));
    expect(gunzipSync(packed).toString()).toBe(stdout);
    expect(packed.equals(readFileSync(workspace.path('b.jsonl.gz')))).toBe(true);
  });

  it('leaves the old file as it was when the run fails, and nothing else', async () => {
    writeInputs();
    workspace.write('mined.jsonl', 'old\n');
    const model = workspace.copyModel('corrupt', { 'onnx/model.onnx': 'no graph' });
    const { code } = await workspace.run([...FILES, '--model', model, '--neg', '3', '--output', 'mined.jsonl']);
    expect(code).toBe(1);
    expect(workspace.read('mined.jsonl')).toBe('old\n');
    expect(partials()).toEqual([]);
  });

  it('removes what runs that are gone left behind, and nothing of a run that goes on', async () => {
    writeInputs();
    const other = spawn('sleep', ['60']);
    const [gone, alive, elsewhere] = [
      `mined.jsonl.${hostname()}.${DEAD_PROCESS}.partial`,
      `mined.jsonl.${hostname()}.${other.pid}.partial`,
      `mined.jsonl.another-host.${DEAD_PROCESS}.partial`,
    ];
    for (const file of [gone, alive, elsewhere]) workspace.write(file, 'half a row');
    const { code } = await mine('--output', 'mined.jsonl');
    other.kill();
    expect(code).toBe(0);
    expect(partials()).toEqual([alive, elsewhere].toSorted());
  });

  it('replaces what a link points to, not the link', async () => {
    writeInputs();
    mkdirSync(workspace.path('elsewhere'));
    workspace.write('elsewhere/old.jsonl', 'old\n');
    symlinkSync('elsewhere/old.jsonl', workspace.path('link.jsonl'));
    symlinkSync('elsewhere/new.jsonl', workspace.path('to-nothing.jsonl'));
    const { stdout } = await minePlainly();
    await mine('--output', 'link.jsonl');
    await mine('--output', 'to-nothing.jsonl');
    expect(readlinkSync(workspace.path('link.jsonl'))).toBe('elsewhere/old.jsonl');
    expect(lstatSync(workspace.path('to-nothing.jsonl')).isSymbolicLink()).toBe(true);
    expect([workspace.read('elsewhere/old.jsonl'), workspace.read('elsewhere/new.jsonl')]).toEqual([stdout, stdout]);
  });

  it('keeps the mode of the file that it replaces', async () => {
    writeInputs();
    chmodSync(workspace.write('mined.jsonl', 'old\n'), 0o640);
    await mine('--output', 'mined.jsonl');
    expect(statSync(workspace.path('mined.jsonl')).mode & 0o777).toBe(0o640);
  });

  it('a named pipe is written directly', async () => {
    writeInputs();
    const { stdout } = await minePlainly();
    const args = [...FILES, ...TINY, '--range', '0-20', '--quiet', '--output', 'pipe'].join("' '");
    const read = await workspace.shell(`mkfifo pipe; cat pipe & ${HN_MINE} '${args}'; wait`);
    expect(read).toEqual({ stdout, stderr: '', code: 0, signal: null });
    expect(statSync(workspace.path('pipe')).isFIFO()).toBe(true);
  });

  it.each(['-', '/dev/stdout'])(
    '%s is standard output: a pipe, or the end of a file that is added to',
    async (name) => {
      writeInputs();
      const { stdout } = await minePlainly();
      const args = [...FILES, ...TINY, '--range', '0-20', '--quiet', '--output', name];
      expect((await workspace.run(args)).stdout).toBe(stdout);
      workspace.write('all.jsonl', 'before\n');
      await workspace.shell(`${HN_MINE} '${args.join("' '")}' >> all.jsonl`);
      expect(workspace.read('all.jsonl')).toBe(`before\n${stdout}`);
      expect(workspace.has('-')).toBe(false);
    },
  );

  it('a process that reads, as the shell starts it, gets the rows', async () => {
    writeInputs();
    const { stdout } = await minePlainly();
    const args = [...FILES, ...TINY, '--range', '0-20', '--quiet'].join("' '");
    await workspace.shell(
      `${HN_MINE} '${args}' --output >(cat > copy; mv copy copied); while [ ! -e copied ]; do sleep 0.05; done`,
    );
    expect(workspace.read('copied')).toBe(stdout);
  });

  it.skipIf(!existsSync('/dev/full'))('a full disk is one line', async () => {
    writeInputs();
    const says = (name: string) => ({
      stdout: '',
      stderr: `${name}: cannot be written (the disk is full)\n`,
      code: 1,
      signal: null,
    });
    expect(await mine('--output', '/dev/full')).toEqual(says('/dev/full'));
    const args = [...FILES, ...TINY, '--range', '0-20', '--quiet'].join("' '");
    expect(await workspace.shell(`${HN_MINE} '${args}' > /dev/full`)).toEqual(says('standard output'));
    expect(await mine('--summary', '/dev/full')).toMatchObject({ ...says('/dev/full'), stdout: expect.any(String) });
  });
});

describe('what is said', () => {
  it('a summary of a few lines, and nothing else where all is well', async () => {
    writeInputs();
    const { stderr } = await workspace.run([...FILES, ...TINY, '--range', '0-20']);
    expect(stderr.replace(/[\d.]+s/g, 'Ns').replace(/-?0\.\d+/g, 'N')).toBe(
      [
        'rows       4 written of 4 read',
        'short      none',
        'passages   30 distinct of 30 read (0 duplicates merged, 0 empty left out)',
        'positives  4 distinct, 0 not in the pool',
        'negatives  60, none backfilled',
        'mean score positives N, negatives N',
        'truncated  0 queries, 0 passages longer than the model reads',
        'embedded   34 texts, 0 of them known from earlier runs',
        `model      ${TINY_MODEL}, seed 42`,
        'time       Ns (reading Ns, embedding Ns, searching Ns, writing Ns)',
        '',
      ].join('\n'),
    );
  });

  it("the model's own prompt, which a user may not know of", async () => {
    writeInputs();
    const { stderr } = await workspace.run([...FILES, '--model', TINY_MODEL, '--range', '0-20', '--no-cache']);
    const prompt = 'Represent this sentence for searching relevant passages: ';
    expect(stderr.split('\n')[0]).toBe(`query prompt "query" of the model: ${JSON.stringify(prompt)}`);
  });

  it('JSON, a line each, where programs read it', async () => {
    writeInputs([...makeRows(1), { query: 'all', pos: makeTexts(2, 20) }], makePassages(20));
    const { stderr } = await workspace.run([...FILES, ...TINY, '--range', '0-20', '--log-format', 'json']);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(lines[1]).toMatchObject({ msg: 'done', summary: { schema: 1, rows: { read: 2, written: 2, short: 1 } } });
    const failed = await workspace.run([...FILES, ...TINY, '--pool', 'missing', '--log-format', 'json']);
    expect(JSON.parse(failed.stderr)).toMatchObject({ level: 'error', msg: 'missing: no such file' });
    expect(failed.code).toBe(1);
  });

  it('errors with their stack and causes where --verbose asks for it', async () => {
    const { stderr, code } = await workspace.run(['--input', 'missing', '--verbose']);
    expect(stderr).toMatch(/^missing: no such file\n {4}at (.|\n)*\ncaused by ENOENT: /);
    expect(code).toBe(1);
  });

  it('--dry-run reads and checks all, says what a run would do, and loads no model', async () => {
    writeInputs(makeRows(4), makePassages(30));
    const model = workspace.copyModel('corrupt', { 'onnx/model.onnx': 'no graph' });
    const flags = ['--model', model, '--range', '2-12', '--neg', '3', '--dry-run', '--output', 'mined.jsonl'];
    expect(await workspace.run([...FILES, ...flags])).toEqual({
      stdout: '',
      stderr: [
        `would mine 4 rows from 30 distinct passages with ${model}`,
        'candidates a row: 29; window 2-12, 3 negatives, random',
        'positives: 4 distinct, 0 not in the pool',
        '',
      ].join('\n'),
      code: 0,
      signal: null,
    });
    expect(workspace.list()).toEqual(['corrupt', 'pool.jsonl', 'train.jsonl']);
    workspace.write('train.jsonl', 'no rows');
    expect((await workspace.run([...FILES, ...flags])).code).toBe(1);
  });
});

describe('the same command gives the same bytes', () => {
  const run = (...flags: string[]) =>
    workspace.run([...FILES, '--scores', '--ranks', '--no-cache', '--quiet', ...flags]);

  it('with 1 and 4 workers, and in small batches: the built-in model', async () => {
    writeInputs(readFixture('train.jsonl', 20), []);
    workspace.write('pool.jsonl', readFixture('pool.jsonl', 150));
    const one = await run('--workers', '1', '--range', '10-100');
    expect(one.stderr).toBe('');
    expect(parseRows(one.stdout)).toHaveLength(20);
    expect(await run('--workers', '4', '--range', '10-100', '--batch-tokens', '64')).toEqual(one);
  });

  it('with 1 and 4 workers, and in batches of any size: a model of float32', async () => {
    writeInputs(readFixture('train.jsonl', 60), []);
    workspace.write('pool.jsonl', readFixture('pool.jsonl', 250));
    const one = await run(...TINY, '--workers', '1');
    expect(one.stderr).toBe('');
    expect(parseRows(one.stdout)).toHaveLength(60);
    expect(await run(...TINY, '--workers', '4', '--batch-tokens', '64')).toEqual(one);
    expect(await run(...TINY, '--workers', '4', '--batch-tokens', '4096')).toEqual(one);
    expect(await run(...TINY, '--workers', '2', '--batch-size', '2')).toEqual(one);
  });

  it('another seed gives other negatives', async () => {
    writeInputs();
    expect((await mine('--seed', '1', '--neg', '3')).stdout).not.toBe((await mine('--seed', '2', '--neg', '3')).stdout);
  });
});
