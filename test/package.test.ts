import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

describe('the packed package, installed in an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hn-mine-package-'));
  let packed: string[] = [];

  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder]);
    packed = (JSON.parse(stdout) as { files: { path: string }[] }[])[0]?.files.map(({ path }) => path) ?? [];
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz')) as string;
    writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder });
  }, 150_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('holds the program, the model with its licence, and nothing of the tests', () => {
    const tops = new Set(packed.map((path) => path.split('/')[0]));
    expect([...tops].sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'models', 'package.json']);
    expect(packed).toContain('models/all-MiniLM-L6-v2/LICENSE');
    expect(packed).toContain('models/all-MiniLM-L6-v2/README.md');
    expect(packed).toContain('models/all-MiniLM-L6-v2/onnx/model_quantized.onnx');
  });

  it('mines with the built-in model', async () => {
    const pool = ['cats purr', 'dogs bark', 'birds sing', 'cars drive']
      .map((text) => JSON.stringify({ text }))
      .join('\n');
    writeFileSync(join(folder, 'train.jsonl'), '{"query": "a cat", "pos": ["cats purr"]}\n');
    writeFileSync(join(folder, 'pool.jsonl'), pool);
    const flags = [
      '--input',
      'train.jsonl',
      '--pool',
      'pool.jsonl',
      '--range',
      '0-3',
      '--neg',
      '3',
      '--summary',
      's.json',
    ];
    const { stdout } = await run(join('node_modules', '.bin', 'hn-mine'), flags, { cwd: folder });
    const { neg, ...row } = JSON.parse(stdout) as { neg: string[] };
    expect(row).toEqual({ query: 'a cat', pos: ['cats purr'] });
    expect(neg.toSorted()).toEqual(['birds sing', 'cars drive', 'dogs bark']);
    expect(JSON.parse(readFileSync(join(folder, 's.json'), 'utf8'))).toMatchObject({ rows: { written: 1, short: 0 } });
  });

  it('can be imported, and has types', async () => {
    const code = "import { mine, HnMineError } from 'hn-mine'; console.log(typeof mine, typeof HnMineError)";
    const { stdout } = await run('node', ['--input-type=module', '--eval', code], { cwd: folder });
    expect(stdout).toBe('function function\n');
    writeFileSync(
      join(folder, 'use.ts'),
      "import { mine, type MinedRecord } from 'hn-mine';\nexport const rows: AsyncIterable<MinedRecord> = mine({ input: 'train.jsonl', neg: 3 });\n",
    );
    const tsc = resolve('node_modules/.bin/tsc');
    await run(tsc, ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', 'nodenext', 'use.ts'], {
      cwd: folder,
    });
  });
});

it('passes publint', async () => {
  const { stdout } = await run('npx', ['publint', '--strict']);
  expect(stdout).toContain('All good!');
});
