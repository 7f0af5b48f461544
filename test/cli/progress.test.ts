import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress, formatDuration } from '#dist/cli/progress.js';
import { HN_MINE, makePassages, makeRows, readFixture, TINY_MODEL, Workspace } from './run-cli.js';

describe('where there is no terminal', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  function watch(isShown = true) {
    const lines: string[] = [];
    const stderr = { isTTY: false, write: (line: string) => lines.push(line) } as unknown as NodeJS.WriteStream;
    return { progress: createProgress(stderr, isShown), lines };
  }

  it('a plain line every ten seconds says the phase, how far it is, the rate and the time left', () => {
    const { progress, lines } = watch();
    for (let second = 0; second <= 25; second++) {
      progress.update('reading', second * 1000);
      vi.advanceTimersByTime(1000);
    }
    for (let second = 0; second <= 12; second++) {
      progress.update('embedding', second * 5, 1200);
      vi.advanceTimersByTime(1000);
    }
    expect(lines).toEqual([
      'reading: 10,000, 1,000/s\n',
      'reading: 20,000, 1,000/s\n',
      'embedding: 20 of 1,200 (1%), 5.0/s, 3m 56s left\n',
    ]);
  });

  it('nothing where progress is not wanted', () => {
    const { progress, lines } = watch(false);
    progress.update('reading', 0);
    vi.advanceTimersByTime(60_000);
    progress.update('reading', 10);
    expect(lines).toEqual([]);
  });

  it.each([
    [0.04, '0.0s'],
    [9.94, '9.9s'],
    [42.4, '42s'],
    [59.6, '1m 0s'],
    [200, '3m 20s'],
    [7500, '2h 5m'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

const hasScript = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('on a terminal (needs the program script of util-linux)', () => {
  /** Runs on a terminal of 80 columns. */
  async function runOnTerminal(args: string, env: Record<string, string> = {}) {
    const workspace = new Workspace();
    workspace.write('train.jsonl', makeRows(4));
    workspace.write('pool.jsonl', makePassages(20));
    workspace.write('many.jsonl', readFixture('train.jsonl', 100));
    workspace.write('long.jsonl', readFixture('pool.jsonl', 200));
    const command = `stty cols 80; ${HN_MINE} ${args}`;
    const shown = await workspace.shell(`script -qec '${command}' /dev/null`, env);
    return shown.stdout.replaceAll('\r\n', '\n');
  }
  const builtIn = '--input many.jsonl --pool long.jsonl --no-cache';
  const small = `--input train.jsonl --pool pool.jsonl --model ${TINY_MODEL} --no-cache --workers 1`;

  it('a bar a phase with rate and time left, within the columns, and the summary after them', async () => {
    const shown = await runOnTerminal(`${builtIn} --output mined.jsonl --range 10-100`);
    const drawn = stripVTControlCharacters(shown.replaceAll('\u001b[1G', '\n'));
    expect(drawn).toMatch(/^embedding {2}█+░+ \d+ of \d+ \(\d+%\), [\d,.]+\/s, [\d.]+s left$/m);
    const final = drawn.slice(drawn.lastIndexOf('\nreading ') + 1);
    expect(final).toMatch(
      /^reading +█+ 300.*\n+embedding +█+ (\d+) of \1 \(100%\).*\n+searching +█+ 100 of 100 \(100%\).*\n+writing +█+ 100 of 100 \(100%\).*\n+rows +100 written of 100 read\n/,
    );
    expect(final).toMatch(/\ntime {7}[^\n]*\n$/);
    for (const line of drawn.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
  });

  it('rows on the same terminal come after the bars, and the summary after the rows', async () => {
    const shown = stripVTControlCharacters(await runOnTerminal(small));
    const [before = '', after = ''] = [
      shown.slice(0, shown.indexOf('{"query"')),
      shown.slice(shown.indexOf('{"query"')),
    ];
    expect(before).toMatch(/embedding {2}█/);
    expect(after).not.toMatch(/[█░]/);
    expect(after).toMatch(/\}\nrows {7}4 written of 4 read\n/);
  });

  it('warnings stand whole above the bars, in colour unless NO_COLOR is set', async () => {
    const warning =
      '--range 10-210: the window cannot give --neg 15 in 4 of 4 rows (candidates a row: 19); random backfill makes up for it';
    const coloured = await runOnTerminal(`${small} --output mined.jsonl`);
    expect(coloured).toContain(`\u001b[33mwarning:\u001b[39m ${warning}\n`);
    const plain = await runOnTerminal(`${small} --output mined.jsonl`, { NO_COLOR: '1' });
    expect(plain).toContain(`warning: ${warning}\n`);
    expect(plain).not.toContain('\u001b[33m');
  });

  it('no bars with --no-progress or --quiet', async () => {
    expect(await runOnTerminal(`${small} --output mined.jsonl --no-progress`)).not.toMatch(/[█░]/);
    expect(await runOnTerminal(`${small} --output mined.jsonl --quiet --range 0-19`)).toBe('');
  });
});
