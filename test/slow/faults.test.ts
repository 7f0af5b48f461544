import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { EmbeddingStore } from '#dist/store/embedding-store.js';
import { makePassages, makeRows, parseRows, type Result, TINY_MODEL, Workspace } from '../cli/run-cli.js';
import { disk, whyNoDisk } from './mount-disk.js';
import { Random } from './random-files.js';
import { runWithin } from './run-within.js';

const FLAGS = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', '--model', TINY_MODEL, '--range', '0-9', '--scores'];

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  workspace.write('train.jsonl', makeRows(5));
  workspace.write('pool.jsonl', makePassages(64));
});

const mine = (...flags: string[]) => runWithin(workspace, [...FLAGS, '--neg', '5', '--quiet', ...flags]);

/** A run that must succeed. @returns its rows, and how many texts it took from the store */
async function mineWell(...flags: string[]): Promise<{ rows: string; reused: number }> {
  const { stdout, stderr, code, signal } = await mine('--summary', workspace.path('summary.json'), ...flags);
  expect({ code, signal, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  const { texts } = JSON.parse(workspace.read('summary.json')) as Summary;
  return { rows: stdout, reused: texts.reused };
}

/** A run that must fail with one line. */
function expectRefusal({ stdout, stderr, code, signal }: Result, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect({ stdout, code, signal }).toEqual({ stdout: '', code: 1, signal: null });
}

/** All files below a folder with their bytes. */
function readAll(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
}

describe.skipIf(disk === undefined)(`a full disk${whyNoDisk}`, () => {
  const onDisk = (name: string) => join(disk as string, name);
  const remount = (options: string) => execFileSync('mount', ['-o', `remount,${options}`, disk as string]);
  const fill = () => {
    expect(() => writeFileSync(onDisk('filler'), Buffer.alloc(2_000_000))).toThrow('ENOSPC');
  };

  beforeEach(() => {
    remount('rw');
    for (const name of readdirSync(disk as string)) rmSync(onDisk(name), { recursive: true });
    remount('size=1m');
  });

  it.each(['mined.jsonl', 'mined.jsonl.gz'])('under the output leaves the old %s and no partial file', async (name) => {
    workspace.write(
      'train.jsonl',
      makeRows(5).map((row) => ({ ...row, notes: makeNoise(600_000) })),
    );
    writeFileSync(onDisk(name), 'the old output');
    const output = onDisk(name);
    expectRefusal(
      await mine('--output', output),
      new RegExp(`^${output}: cannot be written \\(the disk is full\\)\n$`),
    );
    expect([...readAll(disk as string)]).toEqual([[name, 'the old output']]);
    remount('size=64m');
    await mineWell('--output', output);
    expect(readdirSync(disk as string)).toEqual([name]);
    expect(statSync(output).size).toBeGreaterThan(1_500_000);
  });

  it('full to the last byte under the output is one line of error', async () => {
    writeFileSync(onDisk('mined.jsonl'), 'the old output');
    fill();
    expectRefusal(await mine('--output', onDisk('mined.jsonl')), /: cannot be written \(the disk is full\)\n$/);
    expect(readdirSync(disk as string).sort()).toEqual(['filler', 'mined.jsonl']);
    expect(readFileSync(onDisk('mined.jsonl'), 'utf8')).toBe('the old output');
  });

  it('under the store keeps what was stored, and the store goes on once there is room', async () => {
    const cache = ['--cache-dir', onDisk('cache')];
    const before = await mineWell(...cache);
    const stored = readAll(onDisk('cache'));
    workspace.write('pool.jsonl', makePassages(20_000));
    workspace.write('mined.jsonl', 'the old output');
    const right = await mineWell('--no-cache');
    const says =
      /\.vectors: embeddings cannot be stored \(the disk is full\); free space, give another --cache-dir, or/;
    expectRefusal(await mine(...cache, '--output', 'mined.jsonl'), says);
    expect(workspace.read('mined.jsonl')).toBe('the old output');
    expect(workspace.list()).toEqual(['mined.jsonl', 'pool.jsonl', 'summary.json', 'train.jsonl']);
    for (const [name, bytes] of stored)
      expect(readFileSync(join(onDisk('cache'), name), 'latin1') === bytes).toBe(true);
    remount('size=64m');
    const { rows, reused } = await mineWell(...cache);
    expect(rows === right.rows).toBe(true);
    // Most of what the run stored before it failed counts.
    expect(reused).toBeGreaterThan(1000);
    expect((await mineWell(...cache)).reused).toBe(20_005);
    workspace.write('pool.jsonl', makePassages(64));
    expect(await mineWell(...cache)).toEqual({ rows: before.rows, reused: 69 });
  });

  it('full to the last byte under a store that is there is one line of error', async () => {
    const cache = ['--cache-dir', onDisk('cache')];
    await mineWell(...cache);
    fill();
    expect((await mineWell(...cache)).reused).toBe(69);
    workspace.write('pool.jsonl', makePassages(80));
    expectRefusal(await mine(...cache), /: embeddings cannot be stored \(the disk is full\); free space, give another/);
    rmSync(onDisk('filler'));
    expect((await mineWell(...cache)).reused).toBe(69);
    expect((await mineWell(...cache)).reused).toBe(85);
  });

  it('full to the last byte under a store that is new is one line of error', async () => {
    const cache = ['--cache-dir', onDisk('cache')];
    fill();
    expectRefusal(await mine(...cache), /: embeddings cannot be (kept there|stored) \(.*\); .*--no-cache\n$/);
    rmSync(onDisk('filler'));
    const listed = await workspace.run(['cache', 'ls', ...cache]);
    expect({ code: listed.code, stderr: listed.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await mineWell(...cache)).reused).toBe(0);
    expect((await mineWell(...cache)).reused).toBe(69);
    const { stdout } = await workspace.run(['cache', 'ls', ...cache]);
    expect(stdout).toContain(TINY_MODEL);
  });

  it('that may only be read is one line of error, for the output and for the store', async () => {
    await mineWell('--cache-dir', onDisk('cache'));
    const stored = readAll(disk as string);
    remount('ro');
    const output = onDisk('mined.jsonl');
    expectRefusal(await mine('--output', output), new RegExp(`^--output ${output}: ${disk} is not writable\n$`));
    for (const name of ['cache', 'other']) {
      expectRefusal(
        await mine('--cache-dir', onDisk(name)),
        /: embeddings cannot be kept there \(.*\); .*--no-cache\n$/,
      );
    }
    expect(readAll(disk as string)).toEqual(stored);
    remount('rw');
  });
});

/** Text that does not compress. */
function makeNoise(length: number): string {
  return new Random(length).bytes(length / 2).toString('hex');
}

const hasFull = existsSync('/dev/full');

describe.skipIf(!hasFull)(`a device that is always full${hasFull ? '' : ' (skipped: there is no /dev/full)'}`, () => {
  it.each(['--output', '--summary'])('as %s is one line of error', async (flag) => {
    const { stdout, ...result } = await mine(flag, '/dev/full');
    expectRefusal({ ...result, stdout: '' }, /^\/dev\/full: cannot be written \(the disk is full\)\n$/);
    expect(stdout === '').toBe(flag === '--output');
  });

  it('as standard output is one line of error', async () => {
    const line = [process.execPath, join(process.cwd(), 'bin/hn-mine.js'), ...FLAGS, '--neg', '5', '--quiet'].join(' ');
    const result = await workspace.shell(`${line} > /dev/full`);
    expectRefusal(result, /^standard output: cannot be written \(the disk is full\)\n$/);
  });
});

describe('two runs at once on one store', () => {
  it('both give the bytes of a run alone, and a third computes nothing', async () => {
    workspace.write('pool.jsonl', makePassages(3000));
    const alone = await mineWell('--no-cache');
    for (let round = 0; round < 3; round++) {
      const cache = ['--cache-dir', workspace.path(`cache-${round}`)];
      const both = await Promise.all([mine(...cache), mine(...cache)]);
      for (const { stdout, stderr, code } of both) {
        expect({ stderr, code, isSame: stdout === alone.rows }).toEqual({ stderr: '', code: 0, isSame: true });
      }
      const third = await mineWell(...cache);
      expect({ reused: third.reused, isSame: third.rows === alone.rows }).toEqual({ reused: 3005, isSame: true });
    }
  });

  it('that find it damaged both end well', async () => {
    const cache = workspace.path('cache');
    const alone = await mineWell('--cache-dir', cache);
    const encoder = join(cache, 'embeddings', readdirSync(join(cache, 'embeddings'))[0] as string);
    for (let i = 0; i < 200; i++) writeFileSync(join(encoder, `foreign-${i}.vectors`), Buffer.alloc(100, 1));
    for (let i = 0; i < 200; i++) writeFileSync(join(encoder, `foreign-${i}.keys`), Buffer.alloc(100, 1));
    const both = await Promise.all([mine('--cache-dir', cache), mine('--cache-dir', cache)]);
    expect(both.map(({ stdout, code }) => ({ stdout, code }))).toEqual([
      { stdout: alone.rows, code: 0 },
      { stdout: alone.rows, code: 0 },
    ]);
  });
});

describe('an input that was cut off', () => {
  const expectCut = async (says: RegExp) => expectRefusal(await mine('--no-cache'), says);

  it.each(['train.jsonl', 'pool.jsonl'])('in the middle of a line is one line of error, in %s', async (name) => {
    const lines = workspace.read(name).split('\n');
    const random = new Random(3);
    for (let i = 0; i < 6; i++) {
      const number = 2 + random.below(3);
      const column = 1 + random.below((lines[number - 1] as string).length - 1);
      workspace.write(name, [...lines.slice(0, number - 1), lines[number - 1]?.slice(0, column)].join('\n'));
      await expectCut(
        new RegExp(`^${name}:${number}: not valid JSON \\((unexpected end|unterminated string) at column \\d+\\)\n$`),
      );
    }
  });

  it('in the middle of a packed file is one line of error', async () => {
    const packed = gzipSync(workspace.read('pool.jsonl'));
    for (const length of [3, 100, packed.length >> 1, packed.length - 1]) {
      workspace.write('pool.jsonl', packed.subarray(0, length));
      await expectCut(/^pool\.jsonl: damaged or truncated gzip \(unexpected end of file\)\n$/);
    }
  });
});

describe('a cache folder that is none', () => {
  it('a file in its place is one line of error', async () => {
    workspace.write('cache', 'a file');
    const says =
      /^cache\/embeddings\/\w+: embeddings cannot be kept there \(ENOTDIR: .*\); give another --cache-dir, or .*\n$/;
    expectRefusal(await mine('--cache-dir', 'cache'), says);
    workspace.write('other/embeddings', 'a file');
    expectRefusal(await mine('--cache-dir', 'other'), /: embeddings cannot be kept there \((ENOTDIR|EEXIST): .*\n$/);
    expect([workspace.read('cache'), workspace.read('other/embeddings')]).toEqual(['a file', 'a file']);
  });

  const isRoot = process.getuid?.() === 0;
  const whyNot = isRoot ? ' (skipped: root may write everywhere)' : '';

  it.skipIf(isRoot)(`one that is not writable is one line of error${whyNot}`, async () => {
    mkdirSync(workspace.path('cache'));
    chmodSync(workspace.path('cache'), 0o555);
    expectRefusal(await mine('--cache-dir', 'cache'), /: embeddings cannot be kept there \(EACCES: .*\n$/);
  });
});

describe('a store that was damaged', () => {
  /** A store of two segments, and what every run must give. */
  let whole = '';
  let right: { rows: string; reused: number };

  afterAll(() => rmSync(whole, { recursive: true, force: true }));

  beforeEach(async () => {
    if (whole === '') {
      whole = mkdtempSync(join(tmpdir(), 'hn-mine-whole-'));
      workspace.write('pool.jsonl', makePassages(40));
      await mineWell('--cache-dir', whole);
      workspace.write('pool.jsonl', makePassages(64));
      await mineWell('--cache-dir', whole);
      right = await mineWell('--cache-dir', whole);
    }
    cpSync(whole, workspace.path('cache'), { recursive: true });
  });

  const encoderFolder = () => {
    const encoders = workspace.path('cache/embeddings');
    return join(encoders, readdirSync(encoders)[0] as string);
  };

  const listSegmentFiles = () =>
    [...readAll(workspace.path('cache')).keys()].filter((name) => /\.(vectors|keys)$/.test(name)).sort();

  /** Damages every segment file of a fresh copy, and runs twice: the second run finds everything. */
  async function runDamaged(damage: (path: string, size: number) => void): Promise<number> {
    rmSync(workspace.path('cache'), { recursive: true });
    cpSync(whole, workspace.path('cache'), { recursive: true });
    for (const name of listSegmentFiles()) {
      const path = workspace.path(join('cache', name));
      damage(path, statSync(path).size);
    }
    const first = await mineWell('--cache-dir', 'cache');
    expect(first.rows).toBe(right.rows);
    expect(await mineWell('--cache-dir', 'cache')).toEqual(right);
    return first.reused;
  }

  it('is whole to begin with', () => {
    expect(listSegmentFiles()).toHaveLength(4);
    expect(right.reused).toBe(69);
    expect(parseRows(right.rows)).toHaveLength(5);
  });

  it('gives the right bytes when its segments are cut off at twenty random places', async () => {
    const random = new Random(20);
    const reused: number[] = [];
    for (let i = 0; i < 20; i++) reused.push(await runDamaged((path, size) => truncateSync(path, random.below(size))));
    expect(Math.max(...reused)).toBeGreaterThan(10);
    expect(Math.max(...reused)).toBeLessThan(69);
  });

  it('gives the right bytes when its segments are random bytes of random lengths', async () => {
    const random = new Random(21);
    for (let i = 0; i < 8; i++) {
      const reused = await runDamaged((path) =>
        writeFileSync(path, random.bytes(random.below(random.pick([100, 20_000])))),
      );
      expect(reused).toBe(0);
    }
  });

  it('gives the right bytes when any bit of a header is wrong, or some bits of all files', async () => {
    const random = new Random(22);
    for (let i = 0; i < 12; i++) {
      await runDamaged((path, size) => {
        const bytes = readFileSync(path);
        const isHeader = path.endsWith('.vectors') && i < 8;
        // The bytes after the file's name for itself, where the length of its vectors stands, and some more.
        for (const at of isHeader
          ? [18 + random.below(6)]
          : [random.below(size), random.below(size), random.below(size)]) {
          bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        }
        if (isHeader || i >= 8) writeFileSync(path, bytes);
      });
    }
  });

  it('gives the right bytes when its files are exchanged', async () => {
    const files = listSegmentFiles().map((name) => workspace.path(join('cache', name)));
    const contents = files.map((path) => readFileSync(path));
    files.forEach((path, i) => {
      writeFileSync(path, contents[(i + 2) % 4] as Buffer);
    });
    expect(await mineWell('--cache-dir', 'cache')).toEqual(right);
    files.forEach((path, i) => {
      writeFileSync(path, contents[(i + 1) % 4] as Buffer);
    });
    expect((await mineWell('--cache-dir', 'cache')).rows).toBe(right.rows);
  });

  it('gives nothing where its files were removed after it was opened', async () => {
    const folder = encoderFolder();
    const key = readFileSync(join(folder, listSegmentFiles()[0]?.split('/').pop() as string)).subarray(0, 16);
    const store = await EmbeddingStore.open(folder, {}, () => {});
    const found: number[] = [];
    await store.read([key], (position) => found.push(position));
    rmSync(folder, { recursive: true });
    await store.read([key], (position) => found.push(position));
    expect(found).toEqual([0]);
    const vector = { vector: new Float32Array(store.dim as number), isTruncated: false };
    await expect(store.append([key], [vector])).rejects.toThrow(/: embeddings cannot be stored \(ENOENT: /);
    await store.close();
  });

  it('is listed and removed by the cache commands whatever its description holds', async () => {
    const folder = encoderFolder();
    const manage = (...words: string[]) => runWithin(workspace, ['cache', ...words, '--cache-dir', 'cache']);
    workspace.write('cache/embeddings/stray', 'no folder');
    for (const description of ['', '{"model": ', '7', 'null', '{"model": 7}']) {
      writeFileSync(join(folder, 'encoder.json'), description);
      const { stdout, stderr, code } = await manage('ls');
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^\w{12} +[\d.]+ kB {2}used today +unknown\n1 encoder, [\d.]+ kB in cache\n$/);
    }
    expect((await manage('rm', '--all')).stdout).toMatch(/^removed .* unknown\n1 encoder removed, [\d.]+ kB\n$/);
    workspace.write('other', 'a file');
    const refused = await runWithin(workspace, ['cache', 'ls', '--cache-dir', 'other']);
    expectRefusal(refused, /^other\/embeddings: cannot be read \(ENOTDIR: .*\)\n$/);
  });
});
