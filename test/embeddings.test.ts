import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeNpyHeader } from '#dist/npy/npy.js';
import { Workspace } from './cli/run-cli.js';

const MODEL = ['--model', join(process.cwd(), 'fixtures/models/tiny-bert-cls'), '--no-cache', '--quiet'];
const MINE = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', '--range', '0-3', '--neg', '2', '--scores'];

const TRAIN = ['one', 'two', 'one'].map((query, i) => ({ query, pos: [`answer ${i}`] }));
const POOL = ['answer 0', 'answer 1', 'other', 'answer 2', 'other', '', 'more', 'and more'].map((text) => ({ text }));
const DIM = 32;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  workspace.write('train.jsonl', TRAIN);
  workspace.write('pool.jsonl', POOL);
});

async function embed(...flags: string[]): Promise<Buffer> {
  const finished = await workspace.run(['embed', ...MODEL, ...flags]);
  expect(finished).toMatchObject({ code: 0, stderr: '', stdout: '' });
  return readFileSync(join(workspace.folder, flags[flags.indexOf('--output') + 1] as string));
}

const rowsOf = (file: Buffer) => file.subarray(10 + file.readUInt16LE(8));

it('writes the header that numpy.save writes', () => {
  // numpy 2.4: np.save of np.zeros((3, 4), 'f4').
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
  const expected = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(text.padEnd(117)),
    Buffer.from('\n'),
  ]);
  expect(makeNpyHeader(3, 4)).toEqual(expected);
});

describe('hn-mine embed', () => {
  it('writes a row for each record: duplicates have the same, empty passages none', async () => {
    const file = await embed('--pool', 'pool.jsonl', '--output', 'pool.npy');
    expect(file.toString('latin1', 10)).toContain("'shape': (8, 32), ");
    const rows = rowsOf(file);
    expect(rows.length).toBe(8 * DIM * 4);
    const row = (i: number) => rows.subarray(i * DIM * 4, (i + 1) * DIM * 4);
    expect(row(4)).toEqual(row(2));
    expect(row(0)).not.toEqual(row(1));
    expect(row(5)).toEqual(Buffer.alloc(DIM * 4));
  });

  it('joins the shards of a pool to the whole', async () => {
    const whole = await embed('--pool', 'pool.jsonl', '--output', 'pool.npy');
    const shards = [1, 2, 3].map((i) =>
      embed('--pool', 'pool.jsonl', '--shard', `${i}/3`, '--output', `part-${i}.npy`),
    );
    expect(Buffer.concat((await Promise.all(shards)).map(rowsOf))).toEqual(rowsOf(whole));
  });

  it.each([
    { flags: [], line: 'embed: expected --pool for passages or --input for queries (found neither)' },
    {
      flags: ['--pool', 'a', '--input', 'b', '--output', 'c'],
      line: 'embed: expected --pool for passages or --input for queries (found both)',
    },
    { flags: ['--pool', 'pool.jsonl'], line: '--output: expected a file such as pool.npy (found nothing)' },
    {
      flags: ['--pool', 'pool.jsonl', '--output', 'x', '--neg', '3'],
      line: '--neg: no such option; see hn-mine --help',
    },
  ])('refuses $flags', async ({ flags, line }) => {
    expect(await workspace.run(['embed', ...flags])).toEqual({
      code: 2,
      stdout: '',
      stderr: `${line}\n`,
      signal: null,
    });
  });
});

describe('vectors from files', () => {
  it('give the bytes of a run that embeds, from one file or several, for queries, pool or both', async () => {
    const { stdout: expected, code } = await workspace.run([...MINE, ...MODEL]);
    expect(code).toBe(0);
    await embed('--pool', 'pool.jsonl', '--output', 'pool.npy');
    await embed('--pool', 'pool.jsonl', '--shard', '1/2', '--output', 'a.npy');
    await embed('--pool', 'pool.jsonl', '--shard', '2/2', '--output', 'b.npy');
    await embed('--input', 'train.jsonl', '--output', 'queries.npy');
    const pool = ['--pool-embeddings', 'pool.npy'];
    const queries = ['--query-embeddings', 'queries.npy'];
    for (const flags of [
      pool,
      ['--pool-embeddings', 'a.npy', '--pool-embeddings', 'b.npy'],
      queries,
      [...pool, ...queries],
    ]) {
      expect((await workspace.run([...MINE, ...MODEL, ...flags])).stdout).toBe(expected);
    }
    // With all of them given, no model is loaded.
    const without = await workspace.run([...MINE, ...pool, ...queries, '--quiet']);
    expect(without).toMatchObject({ code: 0, stdout: expected });
  });

  it('are refused with one line where they do not fit', async () => {
    const header = makeNpyHeader(8, 3);
    const file = (name: string, bytes: Buffer) => writeFileSync(join(workspace.folder, name), bytes);
    const ones = (count: number) => Buffer.from(new Float32Array(count).fill(1).buffer);
    file('short.npy', Buffer.concat([header, ones(23)]));
    file('whole.npy', Buffer.concat([header, ones(24)]));
    file('four.npy', Buffer.concat([makeNpyHeader(8, 4), ones(32)]));
    file(
      'double.npy',
      Buffer.concat([Buffer.from(header.toString('latin1').replace('<f4', '<f8'), 'latin1'), ones(48)]),
    );
    file('nan.npy', Buffer.concat([header, ones(9), Buffer.from(Float32Array.of(Number.NaN).buffer), ones(14)]));
    file('seven.npy', Buffer.concat([makeNpyHeader(7, 3), ones(21)]));
    mkdirSync(join(workspace.folder, 'folder.npy'));
    const expected = 'expected a matrix of float32 in C order, as numpy.save writes it';
    const cases: [string[], RegExp | string][] = [
      [['none.npy'], '--pool-embeddings none.npy: no such file\n'],
      [['pool.jsonl'], `--pool-embeddings pool.jsonl: ${expected} (found another format)\n`],
      [
        ['double.npy'],
        new RegExp(`^--pool-embeddings double.npy: ${expected} \\(found \\{'descr': '<f8', [^\\n]*\\)\\n$`),
      ],
      [['short.npy'], '--pool-embeddings short.npy: expected 96 bytes of vectors (found 92); is it whole?\n'],
      [
        ['seven.npy'],
        '--pool-embeddings: expected 8 vectors, one for each of the passages of the pool in their order (found 7)\n',
      ],
      [
        ['whole.npy', 'four.npy'],
        '--pool-embeddings four.npy: expected vectors of 3 values, as in whole.npy (found 4)\n',
      ],
      [['nan.npy'], '--pool-embeddings nan.npy: the vector of row 3 (from 0) holds a value that is no number\n'],
      [
        ['whole.npy'],
        '--pool-embeddings, --query-embeddings: vectors of 32 and of 3 values cannot be compared; both must be of one model\n',
      ],
    ];
    for (const [files, line] of cases) {
      const flags = files.flatMap((one) => ['--pool-embeddings', one]);
      const { code, stdout, stderr } = await workspace.run([...MINE, ...MODEL, ...flags]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      if (typeof line === 'string') expect(stderr).toBe(line);
      else expect(stderr).toMatch(line);
    }
  });

  it('do without a model only where the pool holds every positive', async () => {
    await embed('--pool', 'pool.jsonl', '--output', 'pool.npy');
    await embed('--input', 'train.jsonl', '--output', 'queries.npy');
    workspace.write('train.jsonl', [...TRAIN.slice(0, 2), { query: 'one', pos: ['an answer from elsewhere'] }]);
    const { code, stderr } = await workspace.run([
      ...MINE,
      '--pool-embeddings',
      'pool.npy',
      '--query-embeddings',
      'queries.npy',
      '--quiet',
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "--pool-embeddings: 1 texts whose scores are needed are not in the pool; add them to it, or give the vectors' --model\n",
    });
  });
});
