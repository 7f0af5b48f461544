import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddingStore } from '#dist/store/embedding-store.js';
import type { StoredVector } from '#dist/store/segment.js';

const DIM = 5;

let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hn-mine-store-'));
  warnings = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const openStore = () => EmbeddingStore.open(folder, { model: 'test' }, (message) => warnings.push(message));
const keyOf = (number: number) =>
  Uint8Array.from(createHash('sha256').update(`text ${number}`).digest().subarray(0, 16));
const vectorOf = (number: number): StoredVector => {
  return { vector: Float32Array.from({ length: DIM }, (_, i) => number + i / 7), isTruncated: number % 3 === 0 };
};
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function storeNumbers(wanted: readonly number[]): Promise<void> {
  const store = await openStore();
  await store.append(wanted.map(keyOf), wanted.map(vectorOf));
  await store.close();
}

/** The numbers whose vectors are there, each checked for its values. */
async function readNumbers(wanted: readonly number[]): Promise<number[]> {
  const store = await openStore();
  const found: number[] = [];
  await store.read(wanted.map(keyOf), (position, stored) => {
    const number = wanted[position] as number;
    expect(stored).toEqual(vectorOf(number));
    found.push(number);
  });
  await store.close();
  return found.sort((a, b) => a - b);
}

const fileWith = (ending: string) => join(folder, readdirSync(folder).find((file) => file.endsWith(ending)) as string);

describe('the embedding store', () => {
  it('gives back what was stored, to the bit, and nothing else', async () => {
    await storeNumbers(numbers(0, 3000));
    expect(await readNumbers(numbers(2990, 3010))).toEqual(numbers(2990, 3000));
    expect(await readNumbers([7, 3, 2999, 0])).toEqual([0, 3, 7, 2999]);
  });

  it('is empty at first and makes no segment where nothing is stored', async () => {
    const store = await openStore();
    expect(store.dim).toBeUndefined();
    await store.close();
    expect(readdirSync(folder)).toEqual(['encoder.json']);
    expect(JSON.parse(readFileSync(join(folder, 'encoder.json'), 'utf8'))).toEqual({ model: 'test' });
  });

  it('keeps the segments of several writers, at once and one after the other', async () => {
    const stores = await Promise.all([openStore(), openStore()]);
    for (const [i, store] of stores.entries()) {
      const mine = numbers(100 * i, 100 * i + 60);
      await Promise.all(mine.map((number) => store.append([keyOf(number)], [vectorOf(number)])));
    }
    await Promise.all(stores.map((store) => store.close()));
    await storeNumbers(numbers(150, 200));
    expect(await readNumbers(numbers(0, 200))).toEqual([...numbers(0, 60), ...numbers(100, 200)]);
  });

  it.each([1, 17, 500, 4000])('reads what is whole of a segment whose last %i bytes are missing', async (bytes) => {
    await storeNumbers(numbers(0, 300));
    for (const ending of ['.vectors', '.keys']) {
      const file = fileWith(ending);
      truncateSync(file, Math.max(0, readFileSync(file).length - bytes));
    }
    const found = await readNumbers(numbers(0, 300));
    expect(found).toEqual(numbers(0, found.length));
    expect(found.length).toBe(300 - Math.max(Math.ceil(bytes / 24), Math.ceil(bytes / 20)));
  });

  it('does not return a record that was damaged', async () => {
    await storeNumbers(numbers(0, 10));
    const file = fileWith('.vectors');
    const bytes = readFileSync(file);
    const record = 64 + 4 * (4 + 4 * DIM);
    bytes[record + 9] = (bytes[record + 9] as number) ^ 1;
    writeFileSync(file, bytes);
    expect(await readNumbers(numbers(0, 10))).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
  });

  it('sets a foreign file aside and says so', async () => {
    await storeNumbers(numbers(0, 5));
    writeFileSync(join(folder, 'a.vectors'), Buffer.alloc(500, 1));
    writeFileSync(join(folder, 'a.keys'), Buffer.alloc(500, 1));
    expect(await readNumbers(numbers(0, 6))).toEqual(numbers(0, 5));
    expect(warnings).toEqual([
      `${join(folder, 'a.vectors')}: not a file of this store; set aside as a.vectors.damaged`,
    ]);
    expect(readdirSync(folder)).toContain('a.vectors.damaged');
    warnings = [];
    expect(await readNumbers([1])).toEqual([1]);
    expect(warnings).toEqual([]);
  });

  it('passes over a segment that another process has just begun', async () => {
    await storeNumbers([1]);
    writeFileSync(join(folder, 'begun.vectors'), '');
    expect(await readNumbers([1, 2])).toEqual([1]);
    appendFileSync(join(folder, 'begun.keys'), '');
    expect(await readNumbers([1, 2])).toEqual([1]);
    expect(warnings).toEqual([]);
  });
});
