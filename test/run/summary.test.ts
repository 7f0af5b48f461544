import { describe, expect, it } from 'vitest';
import { parseConfig } from '#dist/config/config.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { type MinedRow, prepareMining, type WrittenNegative } from '#dist/mine.js';
import { Tally } from '#dist/run/summary.js';

const negative = (source: WrittenNegative['source'], score: number | undefined): WrittenNegative => {
  return { escaped: Buffer.from(`${source} ${score}`), score, rank: null, source };
};

function mined(posScores: number[], negatives: WrittenNegative[], reason?: MinedRow['reason']): MinedRow {
  const row = { line: { file: 'f', number: 1, text: '{}' }, query: 'q', pos: ['p'], neg: [], posIds: [] };
  return { row, posScores, negatives, ...(reason === undefined ? {} : { reason }) };
}

/** A clock that tells what it is set to. */
function createTally(settings = {}) {
  const clock = { milliseconds: 5000 };
  return { clock, tally: new Tally(parseConfig(settings), () => clock.milliseconds) };
}

describe('the summary', () => {
  it('of nothing is all zeros', () => {
    const { tally } = createTally({ seed: 7 });
    expect(tally.finish()).toEqual({
      schema: 1,
      rows: { read: 0, written: 0, short: 0, rejected: 0 },
      reasons: {},
      passages: { read: 0, distinct: 0, duplicates: 0, empty: 0 },
      positives: { distinct: 0, notInPool: 0 },
      negatives: { window: 0, next: 0, random: 0, skipped: 0, kept: 0 },
      scores: { positives: null, negatives: null },
      truncated: { queries: 0, passages: 0 },
      texts: { distinct: 0, reused: 0 },
      seconds: { reading: 0, embedding: 0, indexing: 0, searching: 0, reranking: 0, writing: 0, total: 0 },
      model: null,
      seed: 7,
      flags: parseConfig({ seed: 7 }),
    });
  });

  it('counts rows, reasons and the negatives that were written, and averages their scores', () => {
    const { tally } = createTally();
    tally.addRow(mined([0.5, 0.7], [negative('window', 0.25), negative('random', 0.5)]), true);
    tally.addRow(mined([0.9], [negative('kept', undefined), negative('next', 0.3)], 'too few candidates'), true);
    tally.addRow(mined([0.1], [], 'pool too small'), false);
    tally.addRow(mined([0.1], [negative('skipped', 9)], 'pool too small'), false);
    expect(tally.finish()).toMatchObject({
      rows: { written: 2, short: 3, rejected: 2 },
      reasons: { 'too few candidates': 1, 'pool too small': 2 },
      negatives: { window: 1, next: 1, random: 1, skipped: 0, kept: 1 },
      scores: { positives: 0.7, negatives: 0.35 },
    });
    expect([tally.written, tally.short, tally.rejected]).toEqual([2, 3, 2]);
  });

  it('counts what was read', async () => {
    const input = [
      { query: 'q', pos: ['a', 'x'] },
      { query: 'r', pos: ['b'] },
    ];
    const pool = ['a', 'b', 'a', '', 'c'].map((text) => ({ text }));
    const config = parseConfig({ range: '0-1', neg: 1 });
    const { tally } = createTally();
    const { dataset } = await prepareMining({ input, pool: [pool] }, config, new Workspace(planMemory(2e9)), () => {});
    tally.dataset = dataset;
    expect(tally.finish()).toMatchObject({
      rows: { read: 2 },
      passages: { read: 5, distinct: 3, duplicates: 1, empty: 1 },
    });
    expect(tally.expected).toBe(2);
  });

  it('gives each phase its time, and writing what the output made rows wait', () => {
    const { tally, clock } = createTally();
    clock.milliseconds += 1000;
    tally.enter('embedding');
    clock.milliseconds += 2000;
    tally.enter('embedding');
    clock.milliseconds += 500;
    tally.enter('searching');
    clock.milliseconds += 4000;
    tally.addWriting(1500);
    const expected = {
      reading: 1,
      embedding: 2.5,
      indexing: 0,
      searching: 2.5,
      reranking: 0,
      writing: 1.5,
      total: 7.5,
    };
    expect(tally.finish().seconds).toEqual(expected);
    expect(tally.finish().seconds).toEqual(expected);
  });
});
