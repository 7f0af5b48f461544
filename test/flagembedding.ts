import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type MineSettings, mine } from '#dist/index.js';

interface ReferenceRow {
  row: number;
  /** Places in the pool. */
  window: number[];
  /** Places that rounding may put into the window or leave out. */
  tied?: number[];
}

const readLines = <T>(file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

/**
 * Holds the windows of ranks 10 to 210 against those that FlagEmbedding's `hn_mine` drew from, as sets.
 *
 * @param reference a file of `fixtures/references`, whose README says how it was made
 * @param folder with `train.jsonl` and `pool.jsonl`
 */
export async function expectWindowsOf(reference: string, folder: string, settings: MineSettings): Promise<void> {
  const [, ...expected] = readLines<ReferenceRow>(reference);
  const pool = [...new Set(readLines<{ text: string }>(`${folder}/pool.jsonl`).map(({ text }) => text))];
  const places = new Map(pool.map((text, place) => [text, place]));
  const rows = mine({
    input: `${folder}/train.jsonl`,
    pool: `${folder}/pool.jsonl`,
    range: [10, 210],
    neg: 200,
    sample: 'top',
    rankBasis: 'raw',
    backfill: 'none',
    ...settings,
  });
  let count = 0;
  for await (const { neg } of rows) {
    const { row, window, tied = [] } = expected[count] as ReferenceRow;
    expect(row).toBe(count++);
    const sure = (some: number[]) => some.filter((place) => !tied.includes(place)).sort((a, b) => a - b);
    expect(sure(neg.map((text) => places.get(text) as number))).toEqual(sure(window));
  }
  expect(count).toBe(expected.length);
}
