import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { collect, makePassages, makeRows, TINY, Workspace } from '../cli/run-cli.js';
import { disk, whyNoDisk } from './mount-disk.js';
import { runWithin } from './run-within.js';

/** Five rows take ten megabytes, of which 64 MB of memory hold five. */
const NOTES = 'many words '.repeat(200_000);

const FLAGS = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', ...TINY, '--range', '0-9', '--neg', '5', '--quiet'];
const BOUNDED = [...FLAGS, '--memory', '64MB'];

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  workspace.write(
    'train.jsonl',
    makeRows(5).map((row) => ({ ...row, notes: NOTES })),
  );
  workspace.write('pool.jsonl', makePassages(64));
});

/** Whether a process has a file open that is gone from a folder. */
function holdsFileOf(pid: number, folder: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return new RegExp(`^${folder}/hn-mine-.* \\(deleted\\)$`).test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  });
}

const hasProc = process.platform === 'linux';

it.skipIf(!hasProc)(
  'texts beyond the memory go to a file without a name, which a killed run does not leave behind',
  async () => {
    const folder = workspace.path('tmp');
    workspace.write('tmp/keep', '');
    const child = workspace.start(BOUNDED, { env: { TMPDIR: folder } });
    const ended = collect(child);
    let hasHeld = false;
    while (!hasHeld && child.exitCode === null) {
      hasHeld = holdsFileOf(child.pid as number, folder);
      await setTimeout(5);
    }
    child.kill('SIGKILL');
    expect(hasHeld).toBe(true);
    expect((await ended).signal).toBe('SIGKILL');
    expect(readdirSync(folder)).toEqual(['keep']);
  },
);

describe.skipIf(disk === undefined)(`a full disk${whyNoDisk}`, () => {
  it('under the temporary files is one line that says what to do, and leaves the old output', async () => {
    const env = { TMPDIR: disk };
    workspace.write('mined.jsonl', 'the old output');
    const full = await runWithin(workspace, [...BOUNDED, '--output', 'mined.jsonl'], { env });
    expect(full).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: `${disk}: temporary files cannot be kept there (the disk is full); free space, choose another disk with --cache-dir or TMPDIR, or give more --memory\n`,
    });
    expect(workspace.read('mined.jsonl')).toBe('the old output');
    expect(readdirSync(disk as string)).toEqual([]);
    const unbounded = await runWithin(workspace, FLAGS, { env });
    expect({ code: unbounded.code, stderr: unbounded.stderr }).toEqual({ code: 0, stderr: '' });
    execFileSync('mount', ['-o', 'remount,size=64m', disk as string]);
    const bounded = await runWithin(workspace, BOUNDED, { env });
    expect(bounded.stdout === unbounded.stdout).toBe(true);
    expect(bounded.stdout.split('\n')).toHaveLength(6);
  });
});
