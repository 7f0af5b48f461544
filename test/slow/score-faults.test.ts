import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { collect, HN_MINE, makeTexts, parseRows, type Result, TINY, TINY_MODEL, Workspace } from '../cli/run-cli.js';
import { TINY_RERANKER } from '../rerank/score-pairs.js';
import { disk, whyNoDisk } from './mount-disk.js';
import { Random } from './random-files.js';
import { runWithin } from './run-within.js';

const RERANKER = ['--reranker', resolve(TINY_RERANKER), '--workers', '1'];
const ROWS = 3000;

const rows = makeTexts(0, ROWS).map((text, i) => ({
  query: `find ${i}`,
  pos: [text],
  neg: [`1 ${text}`, `2 ${text}`],
}));

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  workspace.write('mined.jsonl', rows);
});

const score = (...flags: string[]) =>
  runWithin(workspace, [
    'score',
    '--input',
    'mined.jsonl',
    '--quiet',
    ...(flags.includes('--model') ? [] : RERANKER),
    ...flags,
  ]);

/** A run that must fail with one line. */
function expectRefusal({ stdout, stderr, code, signal }: Result, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect({ stdout, code, signal }).toEqual({ stdout: '', code: 1, signal: null });
}

const hasProc = process.platform === 'linux';

describe.skipIf(!hasProc)(`memory${hasProc ? '' : ' (skipped: there is no /proc)'}`, () => {
  const WORD = 'x'.repeat(10_000);

  /** Rows of ten kilobytes; the long word is one token. */
  function writeLongRows(count: number): void {
    const file = openSync(workspace.path('mined.jsonl'), 'w');
    for (let i = 0; i < count; i++) {
      writeSync(file, `${JSON.stringify({ query: `find ${i}`, pos: [`a red cat ${i}`], neg: [`${i} ${WORD}`] })}\n`);
    }
    closeSync(file);
  }

  /** Scores the rows. @returns the most anonymous memory that the process held, in MiB */
  async function peakOf(count: number, flags: readonly string[]): Promise<number> {
    writeLongRows(count);
    const more = ['--memory', '64MB', '--quiet', '--output', 'scored.jsonl'];
    const child = workspace.start(['score', '--input', 'mined.jsonl', ...flags, ...more]);
    const ended = collect(child);
    let peak = 0;
    while (child.exitCode === null && child.signalCode === null) {
      const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '';
      peak = Math.max(peak, Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0));
      await setTimeout(20);
    }
    expect(await ended).toEqual({ stdout: '', stderr: '', code: 0, signal: null });
    return peak / 1024;
  }

  it.each([
    { what: 'a reranker', flags: RERANKER },
    { what: 'an encoder', flags: TINY },
  ])('of scoring by $what does not grow with the input', async ({ flags }) => {
    const [short, long] = [await peakOf(2000, flags), await peakOf(16_000, flags)];
    const written = execFileSync('wc', ['-l', workspace.path('scored.jsonl')], { encoding: 'utf8' });
    expect(Number.parseInt(written, 10)).toBe(16_000);
    expect(short).toBeGreaterThan(50);
    // The input grew by 134 MiB; the heap takes its time to settle.
    expect(long - short).toBeLessThan(70);
  });
});

describe.skipIf(disk === undefined)(`a full disk${whyNoDisk}`, () => {
  const onDisk = (name: string) => join(disk as string, name);
  const remount = (options: string) => execFileSync('mount', ['-o', `remount,${options}`, disk as string]);

  beforeEach(() => {
    remount('rw,size=64m');
    for (const name of readdirSync(disk as string)) rmSync(onDisk(name), { recursive: true });
    remount('size=256k');
  });

  it.each(['scored.jsonl', 'scored.jsonl.gz'])(
    'under the output leaves the old %s and no partial file',
    async (name) => {
      workspace.write(
        'mined.jsonl',
        rows.map((row, i) => ({ ...row, notes: new Random(i + 1).bytes(200).toString('hex') })),
      );
      writeFileSync(onDisk(name), 'the old output');
      const says = new RegExp(`^${onDisk(name)}: cannot be written \\(the disk is full\\)\n$`);
      expectRefusal(await score('--output', onDisk(name)), says);
      expect(readdirSync(disk as string)).toEqual([name]);
      expect(readFileSync(onDisk(name), 'utf8')).toBe('the old output');
      remount('size=64m');
      expect(await score('--output', onDisk(name))).toMatchObject({ stderr: '', code: 0 });
      expect(readdirSync(disk as string)).toEqual([name]);
    },
  );

  it('under the store ends with one line, and the rerun goes on', async () => {
    workspace.write('scored.jsonl', 'the old output');
    const flags = ['--model', TINY_MODEL, '--output', 'scored.jsonl', '--cache-dir', onDisk('cache')];
    expectRefusal(
      await score(...flags),
      /: embeddings cannot be stored \(the disk is full\); free space, give another/,
    );
    expect(workspace.read('scored.jsonl')).toBe('the old output');
    expect(workspace.list()).toEqual(['mined.jsonl', 'scored.jsonl']);
    remount('size=64m');
    expect(await score(...flags)).toMatchObject({ stderr: '', code: 0 });
    const { stdout } = await score('--model', TINY_MODEL, '--no-cache');
    expect(workspace.read('scored.jsonl') === stdout).toBe(true);
    expect(parseRows(stdout)).toHaveLength(ROWS);
  });
});

const hasFull = existsSync('/dev/full');

describe.skipIf(!hasFull)(`a device that is always full${hasFull ? '' : ' (skipped: there is no /dev/full)'}`, () => {
  it('is one line of error, named or as standard output', async () => {
    expectRefusal(await score('--output', '/dev/full'), /^\/dev\/full: cannot be written \(the disk is full\)\n$/);
    const flags = ['score', '--input', 'mined.jsonl', '--quiet', ...RERANKER].join("' '");
    const result = await workspace.shell(`${HN_MINE} '${flags}' > /dev/full`);
    expectRefusal(result, /^standard output: cannot be written \(the disk is full\)\n$/);
  });
});

describe('an input that was cut off', () => {
  const whole = rows.map((row) => JSON.stringify(row)).join('\n');
  const packed = gzipSync(whole);
  const lines = whole.split('\n').map((line) => line.length + 1);

  /** Cut where no line ends. */
  const random = new Random(4);
  const cuts = Array.from({ length: 4 }, () => {
    const line = random.below(ROWS - 1);
    const before = lines.slice(0, line).reduce((sum, length) => sum + length, 0);
    return { line: line + 1, at: before + 1 + random.below((lines[line] as number) - 3) };
  });

  it.each(cuts)(
    'in line $line is one line of error after whole rows, and the old output stays',
    async ({ line, at }) => {
      workspace.write('mined.jsonl', whole.slice(0, at));
      workspace.write('scored.jsonl', 'the old output');
      const says = new RegExp(`^mined\\.jsonl:${line}: not valid JSON \\(.* at column \\d+\\)\n$`);
      const { stdout, ...result } = await score();
      expectRefusal({ ...result, stdout: '' }, says);
      expect(parseRows(stdout).map(({ query }) => query)).toEqual(
        rows.slice(0, parseRows(stdout).length).map(({ query }) => query),
      );
      expect(parseRows(stdout).length).toBeLessThan(line);
      expectRefusal(await score('--output', 'scored.jsonl'), says);
      expect(workspace.read('scored.jsonl')).toBe('the old output');
      expect(workspace.list()).toEqual(['mined.jsonl', 'scored.jsonl']);
    },
  );

  it('in the middle of a packed file is one line of error', async () => {
    for (const length of [3, 100, packed.length >> 1, packed.length - 1]) {
      workspace.write('mined.jsonl', packed.subarray(0, length));
      const { stdout, ...result } = await score();
      expectRefusal(
        { ...result, stdout: '' },
        /^mined\.jsonl: damaged or truncated gzip \(unexpected end of file\)\n$/,
      );
      expect(parseRows(stdout).length).toBeLessThan(ROWS);
      expectRefusal(await score('--output', 'scored.jsonl'), /truncated gzip/);
      expect(workspace.list()).toEqual(['mined.jsonl']);
    }
  });
});
