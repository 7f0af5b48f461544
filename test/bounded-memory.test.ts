import { describe, expect, it } from 'vitest';
import { type MemoryPlan, planMemory, Workspace } from '#dist/memory/workspace.js';
import { createFlatIndex } from '#dist/search/flat.js';
import { hashVector, mineInMemory, type Records } from './mine-in-memory.js';

const words = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => `w${(seed * 31 + i * 17) % 97}`).join(' ');

/** Repeated queries, positives in and beside the pool, negatives of their own, duplicates; texts of several megabytes. */
const records: Records = {
  input: Array.from({ length: 300 }, (_, i) => ({
    query: `query ${i % 250}`,
    pos: [`passage ${i} ${words(i, 40)}`, ...(i % 3 ? [] : [`elsewhere ${i}`])],
    neg: [`passage ${i + 5} ${words(i + 5, 40)}`, `old ${i}`],
    filler: words(i, 3000),
  })),
  pool: Array.from({ length: 900 }, (_, i) => ({ text: `passage ${i % 800} ${words(i % 800, 40)}` })).concat(
    Array.from({ length: 60 }, (_, i) => ({ text: `long ${i} ${words(i, 12_000)}` })),
  ),
};

const settings = { range: '5-40', neg: 8, scores: true, ranks: true };

/** As little as goes: everything on disk, a row and a text at a time. */
const NOTHING: MemoryPlan = {
  rowTexts: 0,
  passageTexts: 0,
  queryVectors: 0,
  passageVectors: 0,
  postings: 0,
  runs: 0,
  encoding: 1,
  mining: 1,
  searching: 1e6,
};

describe('rows mined with everything on disk equal those mined in memory', () => {
  it.each([
    { title: 'plainly', more: {} },
    { title: 'under ceilings', more: { relativeMargin: 0.3, maxScore: 0.2 } },
    { title: 'with likeness to positives', more: { positiveWeight: 0.5, maxPositiveSimilarity: 0.9 } },
    { title: 'with kept negatives', more: { keepNeg: true } },
    { title: 'by BM25', more: { retriever: 'bm25', maxScore: 0.2 } },
    { title: 'by both, with words skipped', more: { retriever: 'hybrid', skipLexical: 20, relativeMargin: 0.3 } },
    { title: 'as a shard', more: { shard: '2/3', backfill: 'next' } },
  ] as const)('$title', async ({ more }) => {
    const mine = async (plan: MemoryPlan) => {
      const workspace = new Workspace(plan);
      const files: number[] = [];
      const openFile = workspace.openFile.bind(workspace);
      workspace.openFile = () => {
        const file = openFile();
        files.push(file);
        return file;
      };
      const createIndex = (passages: Parameters<typeof createFlatIndex>[0]) =>
        createFlatIndex(passages, { workers: 2 });
      const { lines } = await mineInMemory(records, { ...settings, ...more }, hashVector, { workspace, createIndex });
      return { lines, files: files.length };
    };
    const inMemory = await mine(planMemory(4e9));
    const onDisk = await mine(NOTHING);
    expect(onDisk.lines).toEqual(inMemory.lines);
    expect(inMemory.files).toBe(0);
    // Rows, passages, and two matrices.
    expect(onDisk.files).toBeGreaterThanOrEqual(4);
  });
});
