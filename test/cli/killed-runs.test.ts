import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { collect, FILES, readFixture, until, Workspace } from './run-cli.js';

/** The size of all keys in a store. */
function storedBytes(cache: string): number {
  const files = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.keys'));
  return files.reduce((sum, file) => sum + statSync(join(cache, file)).size, 0);
}

it('a run killed as it starts, and killed as it embeds, leaves the old output, and its rerun gives the bytes of an unbroken one', async () => {
  const workspace = new Workspace();
  workspace.write('train.jsonl', readFixture('train.jsonl', 10));
  workspace.write('pool.jsonl', readFixture('pool.jsonl', 80));
  workspace.write('mined.jsonl', 'old\n');
  const flags = [...FILES, '--range', '5-30', '--scores', '--quiet', '--workers', '1'];
  const stored = ['--cache-dir', workspace.path('store'), '--output', 'mined.jsonl'];
  const hasPartial = () => workspace.list().some((file) => file.endsWith('.partial'));
  const hasVectors = () => workspace.has('store') && storedBytes(workspace.path('store')) > 0;
  const unbroken = workspace.run([...flags, '--no-cache']);

  for (const isTime of [hasPartial, hasVectors]) {
    const child = workspace.start([...flags, ...stored]);
    const ended = collect(child);
    await until(isTime);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ stdout: '', signal: 'SIGKILL' });
    expect(workspace.read('mined.jsonl')).toBe('old\n');
  }

  const rerun = await workspace.run([...flags, ...stored, '--summary', 'summary.json']);
  expect(rerun).toMatchObject({ code: 0, stdout: '' });
  expect(workspace.read('mined.jsonl')).toBe((await unbroken).stdout);
  const { texts, rows } = JSON.parse(workspace.read('summary.json')) as Summary;
  expect(rows.written).toBe(10);
  expect(texts.reused).toBeGreaterThan(0);
  expect(texts.reused).toBeLessThan(texts.distinct);
  expect(hasPartial()).toBe(false);
});
