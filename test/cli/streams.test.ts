import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  collect,
  FILES,
  FIXTURES,
  HN_MINE,
  makePassages,
  makeRows,
  parseRows,
  type Result,
  readSlowly,
  SIGNAL_NUMBERS,
  TINY,
  TINY_MODEL,
  until,
  Workspace,
} from './run-cli.js';

/** Far more rows than a pipe holds, in several blocks of queries. */
const MANY_ROWS = 3000;

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace();
});

function writeManyRows(): void {
  const passages = makePassages(400);
  const rows = Array.from({ length: MANY_ROWS }, (_, i) => ({ query: `find ${i}`, pos: [passages[i % 400]?.text] }));
  workspace.write('train.jsonl', rows);
  workspace.write('pool.jsonl', passages);
}

/** Whether the command ended by itself or by the signal, as a shell has it. */
const exitCodeOf = ({ code, signal }: Result) => code ?? 128 + SIGNAL_NUMBERS[signal as NodeJS.Signals];

describe('standard output', () => {
  it('closed early by its reader ends the run quietly', async () => {
    writeManyRows();
    const command = `${HN_MINE} '${[...FILES, ...TINY, '--quiet'].join("' '")}'`;
    const { stdout, stderr, code } = await workspace.shell(`set -o pipefail; ${command} | head -1`);
    expect(parseRows(stdout).map(({ query }) => query)).toEqual(['find 0']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('and standard error closed early end the run quietly', async () => {
    writeManyRows();
    const command = `${HN_MINE} '${[...FILES, ...TINY].join("' '")}'`;
    const { stderr, code } = await workspace.shell(`set -o pipefail; ${command} 2>&1 | head -1`);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('read slowly makes the run wait, and gets every row whole and in order', async () => {
    writeManyRows();
    const child = workspace.start([...FILES, ...TINY]);
    const result = collect(child);
    await readSlowly(child, 3);
    const { stdout, stderr, code } = await result;
    expect(parseRows(stdout).map(({ query }) => query)).toEqual(
      Array.from({ length: MANY_ROWS }, (_, i) => `find ${i}`),
    );
    expect(stderr).toMatch(/^rows {7}3,000 written of 3,000 read$/m);
    expect(code).toBe(0);
  });
});

describe('a signal', () => {
  /** Passages that take the built-in model some seconds; none of the positives is among them, which is warned of. */
  function writeSlowInputs(): void {
    const rows = readFileSync(join(FIXTURES, 'train.jsonl'), 'utf8');
    const positives = new Set(parseRows(rows).flatMap(({ pos }) => pos));
    const texts = readFileSync(join(FIXTURES, 'pool.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text);
    const others = texts.filter((text) => !positives.has(text));
    workspace.write('train.jsonl', rows);
    workspace.write(
      'pool.jsonl',
      [...others, ...others, ...others].map((text, i) => ({ text: `${i} ${text}` })),
    );
  }

  it.each([
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const)(
    '$signal during embedding ends the run within two seconds with $code, the old output untouched',
    async ({ signal, code }) => {
      writeSlowInputs();
      workspace.write('mined.jsonl', 'old\n');
      const child = workspace.start([...FILES, '--output', 'mined.jsonl', '--workers', '1', '--no-cache']);
      const result = collect(child);
      let said = '';
      child.stderr?.on('data', (text: Buffer) => {
        said += text.toString();
      });
      await until(() => said.startsWith('warning: '));
      expect(workspace.list().filter((file) => file.endsWith('.partial'))).toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const sent = performance.now();
      child.kill(signal);
      const ended = await result;
      expect(performance.now() - sent).toBeLessThan(2000);
      expect(exitCodeOf(ended)).toBe(code);
      expect(ended.stdout).toBe('');
      expect(ended.stderr).toMatch(new RegExp(`^warning: [^\\n]*\\nstopped by ${signal}\\n$`));
      expect(workspace.read('mined.jsonl')).toBe('old\n');
      expect(workspace.list()).toEqual(['mined.jsonl', 'pool.jsonl', 'train.jsonl']);
    },
  );

  it('SIGTERM during writing leaves whole rows, the first ones', async () => {
    writeManyRows();
    const child = workspace.start([...FILES, ...TINY, '--workers', '1']);
    const result = collect(child);
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    const ended = await result;
    expect(exitCodeOf(ended)).toBe(143);
    const queries = parseRows(ended.stdout).map(({ query }) => query);
    expect(queries).toEqual(queries.map((_, i) => `find ${i}`));
    expect(ended.stderr).toBe('stopped by SIGTERM\n');
  });

  it('SIGINT during a dry run, or before rows have come on standard input, ends it', async () => {
    for (const flags of [['--dry-run'], []]) {
      const child = workspace.start(['--input', '-', ...TINY, ...flags]);
      const result = collect(child);
      child.stdin?.write('{"query": "a", "pos": ["b"]}\n');
      await new Promise((resolve) => setTimeout(resolve, 600));
      child.kill('SIGINT');
      expect(exitCodeOf(await result)).toBe(130);
    }
  });

  it('is a line of JSON where the log is JSON', async () => {
    const child = workspace.start(['--input', '-', ...TINY, '--log-format', 'json', '--output', 'mined.jsonl']);
    const result = collect(child);
    await until(() => workspace.list().length > 0);
    child.kill('SIGTERM');
    const ended = await result;
    expect(exitCodeOf(ended)).toBe(143);
    expect(JSON.parse(ended.stderr)).toMatchObject({ level: 'error', msg: 'stopped by SIGTERM' });
  });
});

describe('a worker that fails ends the run with one line, and no hang', () => {
  const inWorkers = (kind: string, does: string) =>
    workspace.write(
      'preload.cjs',
      `const { isMainThread, workerData, parentPort } = require('node:worker_threads');
       if (!isMainThread && workerData?.${kind} !== undefined) { ${does} }`,
    );
  const run = (...flags: string[]) => {
    workspace.write('train.jsonl', makeRows(50));
    workspace.write('pool.jsonl', makePassages(300));
    workspace.write('mined.jsonl', 'old\n');
    return workspace.run([...FILES, ...TINY, '--output', 'mined.jsonl', ...flags], {
      env: { NODE_OPTIONS: '--require ./preload.cjs' },
    });
  };
  const died = (reason: string) => ({
    stdout: '',
    stderr: `a worker thread died (${reason}); fewer --workers need less memory\n`,
    code: 1,
    signal: null,
  });

  it.each([
    {
      name: 'one that encodes exits',
      kind: 'graphFile',
      does: "parentPort.once('message', () => process.exit(3));",
      reason: 'exit code 3',
    },
    {
      name: 'one that encodes throws',
      kind: 'graphFile',
      does: "parentPort.once('message', () => { throw new Error('out of luck'); });",
      reason: 'out of luck',
    },
    {
      name: 'one that encodes exits before it is ready',
      kind: 'graphFile',
      does: 'process.exit(5);',
      reason: 'exit code 5',
    },
    {
      name: 'one that searches exits',
      kind: 'passages',
      does: "parentPort.once('message', () => process.exit(4));",
      reason: 'exit code 4',
    },
  ])('$name', async ({ kind, does, reason }) => {
    inWorkers(kind, does);
    expect(await run('--workers', '1')).toEqual(died(reason));
    expect(await run('--workers', '4')).toEqual(died(reason));
    expect(workspace.list()).toEqual(['mined.jsonl', 'pool.jsonl', 'preload.cjs', 'train.jsonl']);
    expect(workspace.read('mined.jsonl')).toBe('old\n');
  });

  it('a graph that fails on a text', async () => {
    const settings = (file: string) => JSON.parse(readFileSync(join(TINY_MODEL, file), 'utf8')) as object;
    // The graph has positions for 128 tokens.
    const model = workspace.copyModel('model', {
      'config.json': JSON.stringify({ ...settings('config.json'), max_position_embeddings: 512 }),
      'sentence_bert_config.json': JSON.stringify({ ...settings('sentence_bert_config.json'), max_seq_length: 512 }),
    });
    workspace.write('train.jsonl', makeRows(5));
    workspace.write('pool.jsonl', [...makePassages(100), { text: 'a long text '.repeat(100) }]);
    const { stdout, stderr, code } = await workspace.run([
      ...FILES,
      '--model',
      model,
      '--query-instruction',
      '',
      '--no-cache',
    ]);
    expect(stderr).toMatch(/^\S+\/model: the graph failed on \d+ texts \([^\n]+\)\n$/);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  });
});
