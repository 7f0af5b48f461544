import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { Workspace } from '../cli/run-cli.js';

const TINY = 'fixtures/models/tiny-bert-cls';

const folder = mkdtempSync(join(tmpdir(), 'hn-mine-stored-'));
const cache = join(folder, 'cache');
const at = (name: string) => join(folder, name);

function mine(...flags: string[]): { rows: string; texts: Summary['texts']; truncated: Summary['truncated'] } {
  const files = ['--input', at('train.jsonl'), '--pool', at('pool.jsonl'), '--range', '0-3', '--neg', '2', '--quiet'];
  const rows = execFileSync(
    'node',
    ['bin/hn-mine.js', ...files, '--cache-dir', cache, '--summary', at('summary.json'), ...flags],
    { encoding: 'utf8' },
  );
  const { texts, truncated } = JSON.parse(readFileSync(at('summary.json'), 'utf8')) as Summary;
  return { rows, texts, truncated };
}

const passages = Array.from({ length: 20 }, (_, i) => `passage number ${i} ${'of many words '.repeat(i)}`);
const writePool = (texts: string[]) =>
  writeFileSync(at('pool.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));

beforeAll(() => {
  writeFileSync(at('train.jsonl'), `{"query": "a question", "pos": ["${passages[3]}"]}\n`);
  writePool(passages);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run with a store', () => {
  it('encodes a text once, and gives the same bytes cold, warm and without a store', () => {
    const cold = mine('--model', TINY, '--scores');
    expect(cold.texts).toEqual({ distinct: 21, reused: 0 });
    const warm = mine('--model', TINY, '--scores');
    expect(warm).toEqual({ ...cold, texts: { distinct: 21, reused: 21 } });
    expect(mine('--model', TINY, '--scores', '--no-cache')).toEqual(cold);
  });

  it('encodes only what is new', () => {
    writePool([...passages, 'one more']);
    expect(mine('--model', TINY).texts).toEqual({ distinct: 22, reused: 21 });
    writePool(passages);
  });

  it('does not take an abbreviated text for a whole one', () => {
    const { truncated } = mine('--model', TINY);
    expect(truncated.passages).toBeGreaterThan(0);
  });

  it.each([
    { what: 'pooling', flags: ['--pooling', 'mean'] },
    { what: 'normalization', flags: ['--no-normalize'] },
    { what: 'the graph', flags: ['--model', 'fixtures/models/tiny-fp16', '--dtype', 'fp16'] },
  ])('$what makes another encoder', ({ flags }) => {
    expect(mine('--model', TINY, ...flags).texts.reused).toBe(0);
  });

  it.each([
    { what: 'another length', flags: ['--passage-max-length', '32'], reused: 1 },
    { what: 'another query prompt', flags: ['--query-instruction', 'ask: '], reused: 20 },
    { what: 'another passage prompt', flags: ['--passage-instruction', 'tell: '], reused: 1 },
  ])('$what never meets an old vector', ({ flags, reused }) => {
    expect(mine('--model', TINY, ...flags).texts).toEqual({ distinct: 21, reused });
  });

  it.each(['tokenizer.json', join('onnx', 'model.onnx')])('another %s makes another encoder', (file) => {
    const copy = at('copy');
    cpSync(TINY, copy, { recursive: true });
    // The copy is the same encoder, wherever it is.
    expect(mine('--model', copy).texts.reused).toBe(21);
    const bytes = readFileSync(join(copy, file));
    // White space after the JSON, or a byte of some weight.
    const changed = file.endsWith('.json') ? Buffer.concat([bytes, Buffer.from(' ')]) : bytes;
    if (changed === bytes) changed[bytes.length >> 1] = (changed[bytes.length >> 1] as number) ^ 1;
    writeFileSync(join(copy, file), changed);
    expect(mine('--model', copy).texts.reused).toBe(0);
    rmSync(copy, { recursive: true });
  });

  it('sets a torn store aside or computes what is lost, and says so in one line', () => {
    const before = mine('--model', TINY);
    const encoders = join(cache, 'embeddings');
    for (const id of readdirSync(encoders)) {
      for (const file of readdirSync(join(encoders, id))) {
        if (file.endsWith('.vectors')) writeFileSync(join(encoders, id, file), Buffer.alloc(5000, 7));
      }
    }
    expect(mine('--model', TINY)).toEqual({ ...before, texts: { distinct: 21, reused: 0 } });
    expect(mine('--model', TINY)).toEqual({ ...before, texts: { distinct: 21, reused: 21 } });
  });
});

it("goes on without a store where the platform's folder cannot be used, but not where the one asked for cannot", async () => {
  const workspace = new Workspace();
  workspace.write('train.jsonl', [{ query: 'a question', pos: ['an answer'] }]);
  workspace.write(
    'pool.jsonl',
    ['an answer', 'b', 'c'].map((text) => ({ text })),
  );
  const file = workspace.write('file', '');
  const flags = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', '--range', '0-2', '--neg', '2', '--quiet'];
  const model = ['--model', resolve(TINY)];
  const { code, stdout, stderr } = await workspace.run([...flags, ...model], { env: { XDG_CACHE_HOME: file } });
  expect({ code, rows: stdout.split('\n').length }).toEqual({ code: 0, rows: 2 });
  expect(stderr).toMatch(
    /^warning: \S+\/file\/\S+: embeddings cannot be kept there \(ENOTDIR: [^\n]*; going on without\n$/,
  );
  const asked = await workspace.run([...flags, ...model, '--cache-dir', join(file, 'cache')]);
  expect(asked).toMatchObject({ code: 1, stdout: '' });
  expect(asked.stderr).toMatch(/^\S+: embeddings cannot be kept there \(ENOTDIR: [^\n]*\n$/);
});

describe('hn-mine cache', () => {
  const manage = (...words: string[]) =>
    execFileSync('node', ['bin/hn-mine.js', 'cache', ...words, '--cache-dir', cache], { encoding: 'utf8' });

  it('lists encoders, removes one by the head of its ID, and all', () => {
    const listed = manage('ls').trim().split('\n');
    expect(listed.length).toBeGreaterThan(3);
    const [first = ''] = listed;
    expect(first).toMatch(/^[0-9a-f]{12} +[\d.]+ kB {2}used today +fixtures\/models\/tiny-/);
    expect(manage('rm', first.slice(0, 12))).toMatch(/^removed .*\n1 encoder removed, /);
    expect(manage('ls').trim().split('\n')).toHaveLength(listed.length - 1);
    expect(manage('prune', '--older-than', '1d')).toBe('0 encoders removed, 0 B\n');
    manage('prune', '--max-size', '0');
    expect(manage('ls')).toBe(`0 encoders, 0 B in ${cache}\n`);
  });
});
