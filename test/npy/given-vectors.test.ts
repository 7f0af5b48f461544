import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type MineOptions, mine } from '#dist/index.js';
import { removeTemporaryFolders } from '../temporary-folder.js';
import { writeVectors } from '../vector-files.js';

afterAll(removeTemporaryFolders);

const hasList = existsSync('/proc/self/fd');

/** The files that this process holds open below a folder. */
function listOpenFiles(folder: string): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((path) => path.startsWith(folder));
}

const input = [{ query: 'q', pos: ['a'] }];
const pool = ['a', 'b', 'c'].map((text) => ({ text }));

/** Mines one row of three passages with vectors from files. @returns the files that are still open, too */
const run = async (options: Partial<MineOptions>, vectors = 3) => {
  const poolEmbeddings = [writeVectors(Array.from({ length: vectors }, () => [1, 0, 0]))];
  const queryEmbeddings = [writeVectors([[0, 1, 0]])];
  const all = { input, pool, poolEmbeddings, queryEmbeddings, range: '0-2', neg: 2, workers: 1, ...options } as const;
  const rows: string[][] = [];
  const refusal = await (async () => {
    for await (const { neg } of mine(all)) rows.push(neg);
  })().catch((error: Error) => error.message);
  const open = hasList ? [...poolEmbeddings, ...queryEmbeddings].flatMap((file) => listOpenFiles(dirname(file))) : [];
  return { rows, refusal, open };
};

describe.skipIf(!hasList)('files of vectors are closed', () => {
  it('where all is well', async () => {
    expect(await run({})).toEqual({ rows: [['b', 'c']], refusal: undefined, open: [] });
  });

  it('where they do not fit', async () => {
    const refusal =
      '--pool-embeddings: expected 3 vectors, one for each of the passages of the pool in their order (found 2)';
    expect(await run({}, 2)).toEqual({ rows: [], refusal, open: [] });
  });

  it.each([
    { what: 'is missing', path: '/nowhere.npy', says: /^--pool-embeddings \/nowhere\.npy: no such file$/ },
    {
      what: 'is no matrix',
      path: 'package.json',
      says: /: expected a matrix of float32 in C order, .* \(found /,
    },
    {
      what: 'has other vectors',
      path: writeVectors([[1, 0]]),
      says: /: expected vectors of 3 values, .* \(found 2\)$/,
    },
  ])('where one of several $what', async ({ path, says }) => {
    const poolEmbeddings = [writeVectors([[1, 0, 0]]), path, writeVectors([[0, 0, 1]])];
    const { rows, refusal, open } = await run({ poolEmbeddings });
    expect(refusal).toMatch(says);
    const sisters = poolEmbeddings.flatMap((file) => listOpenFiles(file));
    expect({ rows, open: [...open, ...sisters] }).toEqual({ rows: [], open: [] });
  });

  it('where a text is not among them', async () => {
    const { rows, refusal, open } = await run({ input: [{ query: 'q', pos: ['elsewhere'] }] });
    expect(refusal).toMatch(/^--pool-embeddings: 1 texts whose scores are needed are not in the pool;/);
    expect({ rows, open }).toEqual({ rows: [], open: [] });
  });

  it('where a shard has no rows', async () => {
    expect(await run({ shard: '1/2' })).toEqual({ rows: [], refusal: undefined, open: [] });
  });
});

it('files of vectors are enough where a row came with an empty negative, which is not kept', async () => {
  const { rows, refusal } = await run({
    input: [{ query: 'q', pos: ['a'], neg: [' ', 'c'] }],
    keepNeg: true,
    scores: true,
  });
  expect({ rows, refusal }).toEqual({ rows: [['c', 'b']], refusal: undefined });
});
