import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { indexTexts } from '#dist/lexical/bm25-index.js';
import type { Scored } from '#dist/lexical/bm25-scan.js';
import { createBm25Search } from '#dist/lexical/bm25-search.js';
import { listTexts } from '#dist/memory/text-spool.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';

interface Settings {
  k1: number;
  b: number;
  passages: number;
  queries: number;
}

interface ReferenceRow {
  row: number;
  /** How many passages share a word with the query. */
  scored: number;
  best: [place: number, score: number][];
}

const readLines = <T>(file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

/** What a few texts score for a query, best first; nothing is on disk. */
export async function scoreTexts(
  texts: readonly string[],
  queries: readonly string[],
  { k1 = 1.2, b = 0.75, depth = texts.length, memory = 1e9, workers = 1 } = {},
): Promise<Scored[]> {
  const workspace = new Workspace(planMemory(2e9));
  const index = await indexTexts(listTexts(texts), { k1, b }, { workspace, memory });
  const search = await createBm25Search(index, workers);
  try {
    return await search.search(queries, depth);
  } finally {
    await search.close();
    workspace.close();
  }
}

/**
 * Holds scores and order against those of bm25s.
 *
 * @param reference a file of `fixtures/references`, made by `scripts/make-bm25-reference.py`
 * @param folder with `train.jsonl` and `pool.jsonl`
 */
export async function expectScoresOf(reference: string, folder: string): Promise<void> {
  const [settings, ...expected] = readLines<unknown>(reference) as [Settings, ...ReferenceRow[]];
  const texts = [...new Set(readLines<{ text: string }>(`${folder}/pool.jsonl`).map(({ text }) => text))];
  const queries = readLines<{ query: string }>(`${folder}/train.jsonl`).map(({ query }) => query);
  expect([texts.length, queries.length]).toEqual([settings.passages, settings.queries]);
  const all = await scoreTexts(texts, queries, settings);
  for (const { row, scored, best } of expected) {
    const { passages, scores } = all[row] as Scored;
    expect(passages).toHaveLength(scored);
    const scoreOf = new Map(Array.from(passages, (passage, i) => [passage, scores[i] as number]));
    for (const [place, score] of best) expect(scoreOf.get(place)).toBeCloseTo(score, 6);
    const last = best.at(-1)?.[1] ?? 0;
    // Of equal scores bm25s gives the first as well, but for the last bits.
    const clear = (some: Iterable<[number, number]>) => [...some].filter(([, score]) => score > last + 1e-6);
    const ours = clear(scoreOf).map(([place]) => place);
    expect(new Set(ours)).toEqual(new Set(clear(best).map(([place]) => place)));
    expect(Array.from(scores)).toEqual(Array.from(scores).toSorted((a, b) => b - a));
  }
  expect(expected).toHaveLength(settings.queries);
}
