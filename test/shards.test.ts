import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'hn-mine-shards-'));
const flags = [
  '--input',
  join(folder, 'train.jsonl'),
  '--model',
  'fixtures/models/tiny-bert-cls',
  '--range',
  '0-3',
  '--neg',
  '2',
];

const mine = (...more: string[]) =>
  execFileSync('node', ['bin/hn-mine.js', ...flags, '--quiet', '--cache-dir', join(folder, 'cache'), ...more], {
    encoding: 'utf8',
  });

let whole: string;

beforeAll(() => {
  const rows = Array.from({ length: 11 }, (_, i) => ({
    query: `question ${i % 9}`,
    pos: [`answer ${i}`],
    neg: [`other ${i}`],
  }));
  writeFileSync(join(folder, 'train.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  whole = mine();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([1, 3, 13])('the outputs of %i shards, joined, are the whole output', (count) => {
  expect(whole.split('\n')).toHaveLength(12);
  expect(Array.from({ length: count }, (_, i) => mine('--shard', `${i + 1}/${count}`)).join('')).toBe(whole);
});

it('shards come after the limit', () => {
  const limited = whole
    .split('\n')
    .slice(0, 5)
    .map((line) => `${line}\n`);
  expect([1, 2].map((i) => mine('--limit', '5', '--shard', `${i}/2`)).join('')).toBe(limited.join(''));
});
