import { resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { TINY_RERANKER } from '../rerank/score-pairs.js';
import {
  collect,
  HN_MINE,
  makeTexts,
  parseRows,
  type Result,
  readSlowly,
  SIGNAL_NUMBERS,
  TINY,
  TINY_MODEL,
  until,
  Workspace,
} from './run-cli.js';

/** Several blocks of pairs, far more output than a pipe holds. */
const ROWS = 2000;

const RERANKER = ['--reranker', resolve(TINY_RERANKER), '--workers', '1'];
const SCORE = ['score', '--input', 'mined.jsonl', ...RERANKER, '--quiet'];

const rows = makeTexts(0, ROWS).map((text, i) => ({
  query: `find ${i}`,
  pos: [text],
  neg: Array.from({ length: 6 }, (_, k) => `${k} ${text}`),
}));

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace();
  workspace.write('mined.jsonl', rows);
});

const queriesOf = (lines: string) => parseRows(lines).map(({ query }) => query);
const firstQueries = (count: number) => rows.slice(0, count).map(({ query }) => query);
const partials = () => workspace.list().filter((name) => name.endsWith('.partial'));
const hasWritten = () => partials().some((name) => workspace.read(name) !== '');

/** Whether the command ended by itself or by the signal, as a shell has it. */
const exitCodeOf = ({ code, signal }: Result) => code ?? 128 + SIGNAL_NUMBERS[signal as NodeJS.Signals];

describe('hn-mine score, killed when some rows are written,', () => {
  it('leaves the old output, and its rerun removes what was left and gives the bytes of an unbroken one', async () => {
    workspace.write('scored.jsonl', 'old\n');
    const unbroken = workspace.run(SCORE);
    const child = workspace.start([...SCORE, '--output', 'scored.jsonl']);
    const ended = collect(child);
    await until(hasWritten);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ stdout: '', signal: 'SIGKILL' });
    expect(workspace.read('scored.jsonl')).toBe('old\n');
    expect(partials()).toHaveLength(1);
    expect(await workspace.run([...SCORE, '--output', 'scored.jsonl'])).toMatchObject({ code: 0, stderr: '' });
    expect(queriesOf(workspace.read('scored.jsonl'))).toEqual(firstQueries(ROWS));
    expect(workspace.read('scored.jsonl') === (await unbroken).stdout).toBe(true);
    expect(workspace.list()).toEqual(['mined.jsonl', 'scored.jsonl']);
  });

  it.each([
    { signal: 'SIGTERM', code: 143, flags: RERANKER },
    { signal: 'SIGINT', code: 130, flags: RERANKER },
    { signal: 'SIGTERM', code: 143, flags: TINY },
  ] as const)(
    'by $signal ends within two seconds with $code, the old output untouched',
    async ({ signal, code, flags }) => {
      workspace.write('scored.jsonl', 'old\n');
      const child = workspace.start(['score', '--input', 'mined.jsonl', ...flags, '--output', 'scored.jsonl']);
      const ended = collect(child);
      await until(hasWritten);
      const sent = performance.now();
      child.kill(signal);
      const result = await ended;
      expect(performance.now() - sent).toBeLessThan(2000);
      expect(exitCodeOf(result)).toBe(code);
      expect(result).toMatchObject({ stdout: '', stderr: `stopped by ${signal}\n` });
      expect(workspace.read('scored.jsonl')).toBe('old\n');
      expect(workspace.list()).toEqual(['mined.jsonl', 'scored.jsonl']);
    },
  );

  it('by SIGTERM while it writes to a pipe leaves whole rows, the first ones', async () => {
    const child = workspace.start(SCORE);
    const ended = collect(child);
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    const result = await ended;
    expect(exitCodeOf(result)).toBe(143);
    expect(result.stderr).toBe('stopped by SIGTERM\n');
    const queries = queriesOf(result.stdout);
    expect(queries.length).toBeGreaterThan(0);
    expect(queries.length).toBeLessThan(ROWS);
    expect(queries).toEqual(firstQueries(queries.length));
  });

  it.each([['before rows have come'], ['when some have come']])(
    'by SIGTERM as it waits for its input, %s, ends',
    async (when) => {
      const child = workspace.start(['score', '--input', '-', ...RERANKER, '--output', 'scored.jsonl']);
      const ended = collect(child);
      if (when.startsWith('when')) child.stdin?.write(`${JSON.stringify(rows[0])}\n`);
      await until(() => partials().length > 0);
      child.kill('SIGTERM');
      expect(exitCodeOf(await ended)).toBe(143);
      expect(workspace.list()).toEqual(['mined.jsonl']);
    },
  );
});

describe('standard output of hn-mine score', () => {
  it('closed early by its reader ends the run quietly', async () => {
    const { stdout, stderr, code } = await workspace.shell(
      `set -o pipefail; ${HN_MINE} '${SCORE.join("' '")}' | head -1`,
    );
    expect(queriesOf(stdout)).toEqual(['find 0']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('closed early while rows still come on standard input ends the run as well', async () => {
    const child = workspace.start(['score', '--input', '-', '--model', TINY_MODEL, '--no-cache', '--quiet']);
    const ended = collect(child);
    child.stdin?.on('error', () => {});
    child.stdout?.once('data', () => child.stdout?.destroy());
    const feed = (error?: Error | null) => {
      if (!error) child.stdin?.write(lines, feed);
    };
    const lines = workspace.read('mined.jsonl');
    feed();
    expect(await ended).toMatchObject({ stderr: '', code: 0 });
  });

  it('read slowly makes the run wait, and gets every row whole and in order', async () => {
    const child = workspace.start(SCORE);
    const ended = collect(child);
    await readSlowly(child, 2);
    const { stdout, stderr, code } = await ended;
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(queriesOf(stdout)).toEqual(firstQueries(ROWS));
  });
});

it('a worker of hn-mine score that fails ends the run with one line, the old output untouched', async () => {
  workspace.write('scored.jsonl', 'old\n');
  workspace.write(
    'preload.cjs',
    `const { isMainThread, workerData, parentPort } = require('node:worker_threads');
     if (!isMainThread && workerData?.graphFile) parentPort.once('message', () => process.exit(3));`,
  );
  const env = { NODE_OPTIONS: '--require ./preload.cjs' };
  for (const flags of [RERANKER, TINY]) {
    expect(
      await workspace.run(['score', '--input', 'mined.jsonl', ...flags, '--output', 'scored.jsonl'], { env }),
    ).toEqual({
      stdout: '',
      stderr: 'a worker thread died (exit code 3); fewer --workers need less memory\n',
      code: 1,
      signal: null,
    });
    expect(workspace.list()).toEqual(['mined.jsonl', 'preload.cjs', 'scored.jsonl']);
    expect(workspace.read('scored.jsonl')).toBe('old\n');
  }
});
