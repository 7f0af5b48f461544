import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRows, Workspace } from './run-cli.js';

const DATA = ['--input', resolve('fixtures/train.jsonl'), '--pool', resolve('fixtures/pool.jsonl')];
const FLAGS = [...DATA, '--range', '0-20', '--neg', '3', '--limit', '20', '--scores', '--quiet'];

async function linesOf(workspace: Workspace, args: readonly string[]) {
  const { stdout, stderr, code } = await workspace.run(args);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout;
}

describe('--output to a Parquet file', () => {
  it('holds the rows that JSONL holds, and can be mined again', async () => {
    const workspace = new Workspace();
    const lines = parseRows(await linesOf(workspace, FLAGS));
    await linesOf(workspace, [...FLAGS, '--output', 'mined.parquet']);
    expect(workspace.list()).toEqual(['mined.parquet']);
    const again = await linesOf(workspace, ['--input', 'mined.parquet', ...FLAGS.slice(2)]);
    expect(parseRows(again)).toEqual(lines);
  });

  it.each(['triplet', 'n-tuple', 'labeled-pair', 'labeled-list'])('holds examples of %s', async (format) => {
    const workspace = new Workspace();
    const lines = parseRows(await linesOf(workspace, [...FLAGS, '--format', format]));
    await linesOf(workspace, [...FLAGS, '--format', format, '--output', 'mined.parquet']);
    const { readParquet } = await import('#dist/input/parquet.js');
    const read: unknown[] = [];
    for await (const { text } of readParquet(workspace.path('mined.parquet'))) read.push(JSON.parse(text));
    expect(read).toEqual(lines);
  });

  it('holds a scored file', async () => {
    const workspace = new Workspace();
    await linesOf(workspace, [...FLAGS, '--output', 'mined.parquet']);
    const score = ['score', '--input', 'mined.parquet', '--quiet'];
    const lines = await linesOf(workspace, score);
    await linesOf(workspace, [...score, '--output', 'scored.parquet']);
    expect(await linesOf(workspace, ['score', '--input', 'scored.parquet', '--quiet'])).toEqual(lines);
  });

  it('leaves nothing where the run fails', async () => {
    const workspace = new Workspace();
    const { code } = await workspace.run([...FLAGS, '--min-score', '5', '--output', 'mined.parquet']);
    expect(code).toBe(1);
    expect(workspace.list()).toEqual([]);
  });
});
