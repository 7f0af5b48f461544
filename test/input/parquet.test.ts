import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Line, readLines, type Source } from '#dist/input/lines.js';
import { TINY, Workspace } from '../cli/run-cli.js';

const FOLDER = 'fixtures/parquet';

async function read(source: Source): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of readLines(source, 'input')) lines.push(line);
  return lines;
}

function makeFile(name: string, content: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'parquet-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const refusalOf = (source: Source) =>
  read(source).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('Parquet files', () => {
  it.each(['snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'none'])(
    'are read, their columns packed with %s',
    async (codec) => {
      const file = `${FOLDER}/pool-${codec}.parquet`;
      const expected = Array.from({ length: 40 }, (_, i): Line => {
        const title = i % 3 === 0 ? `"title ${i}"` : 'null';
        const id = 9007199254740993n + BigInt(i);
        return { file, number: i + 1, text: `{"_id": ${id}, "text": "passage ${i}", "title": ${title}}` };
      });
      expect(await read(file)).toEqual(expected);
    },
  );

  it('become the JSON of their rows: lists, records, nulls, long numbers, times', async () => {
    const lines = await read(`${FOLDER}/rows.parquet`);
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(lines[1]?.text).toBe(
      '{"query": "query 1 é 😀", "pos": ["passage 1", "passage 11"], "neg": [], "id": 1152921504606846977, "weight": 0.25, ' +
        '"flag": false, "scores": [0.5, 1], "meta": {"source": "a", "tags": ["x", null], "n": 1}, "kind": "kind 1", ' +
        '"day": "2026-01-02T00:00:00.000000Z"}',
    );
    expect(JSON.parse(lines[0]?.text as string)).toMatchObject({ neg: null, weight: 0 });
    expect(JSON.parse(lines[4]?.text as string)).toMatchObject({ neg: ['passage 20'], weight: null });
  });

  it('are known by their first bytes, not by their names', async () => {
    const file = makeFile('rows.jsonl', readFileSync(`${FOLDER}/rows.parquet`));
    expect(await read(file)).toHaveLength(10);
    expect(await read(makeFile('pool.parquet', Buffer.from('{"text": "a"}\n')))).toHaveLength(1);
    expect(await read(makeFile('empty.parquet', Buffer.from('')))).toEqual([]);
  });

  it('are refused where they are damaged, or a stream', async () => {
    const bytes = readFileSync(`${FOLDER}/rows.parquet`);
    const cut = makeFile('cut.parquet', bytes.subarray(0, bytes.length - 100));
    expect(await refusalOf(cut)).toMatch(/cut\.parquet: cannot be read as Parquet \(.+\)$/);
    const bad = makeFile(
      'bad.parquet',
      Buffer.concat([bytes.subarray(0, 10), Buffer.alloc(500, 0xff), bytes.subarray(510)]),
    );
    expect(await refusalOf(bad)).toMatch(/bad\.parquet: cannot be read as Parquet \(.+\)$/);
    expect(await refusalOf(createReadStream(`${FOLDER}/rows.parquet`))).toBe(
      'input: Parquet is read from a file by its name (found a stream)',
    );
  });

  it('give the rows that the same data gives as JSONL', async () => {
    const workspace = new Workspace();
    const files: string[] = [];
    for (const name of ['rows', 'pool-zstd']) {
      const lines = await read(`${FOLDER}/${name}.parquet`);
      files.push(workspace.write(`${name}.jsonl`, lines.map(({ text }) => `${text}\n`).join('')));
    }
    const flags = [...TINY, '--range', '0-10', '--neg', '4', '--ids', '--quiet'];
    const mine = async (input: string, pool: string) => {
      const { stdout, stderr } = await workspace.run(['--input', input, '--pool', pool, ...flags]);
      expect(stderr).toBe('');
      return stdout;
    };
    const fromJson = await mine(files[0] as string, files[1] as string);
    expect(fromJson.split('\n')[3]).toContain('"id": 1152921504606846979, "weight": 0.75');
    const [input, pool] = [`${process.cwd()}/${FOLDER}/rows.parquet`, `${process.cwd()}/${FOLDER}/pool-zstd.parquet`];
    expect(await mine(input, pool)).toBe(fromJson);
  });

  it('leaves a named pipe to its only reader', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parquet-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const work = read(join(folder, 'pipe'));
    const writer = spawn('sh', ['-c', `printf '{"text": "a"}\\n' > ${join(folder, 'pipe')}`]);
    const written = new Promise((resolve) => writer.on('close', resolve));
    expect(await work).toHaveLength(1);
    expect(await written).toBe(0);
  });
});
