import { expect, it } from 'vitest';
import { describeSummary } from '#dist/cli/describe-summary.js';
import { parseConfig } from '#dist/config/config.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { prepareMining } from '#dist/mine.js';
import { Tally } from '#dist/run/summary.js';

it.each([
  { window: 20, random: 0, share: '20, none backfilled' },
  { window: 9999, random: 1, share: '10,000, under 0.1% backfilled (1 random, 0 next, 0 skipped ranks)' },
  { window: 999, random: 1, share: '1,000, 0.1% backfilled (1 random, 0 next, 0 skipped ranks)' },
  { window: 1, random: 3, share: '4, 75.0% backfilled (3 random, 0 next, 0 skipped ranks)' },
])('tells that $random of $window and as many more were backfilled', async ({ window, random, share }) => {
  const config = parseConfig({ neg: 1, range: '0-1' });
  const tally = new Tally(config);
  const inputs = { input: [{ query: 'q', pos: ['p'] }], pool: [[{ text: 'p' }, { text: 'n' }]] };
  const { dataset } = await prepareMining(inputs, config, new Workspace(planMemory(1e8)), () => {});
  tally.dataset = dataset;
  const negativesOf = (source: 'window' | 'random', length: number) => {
    return Array.from({ length }, () => ({ escaped: Buffer.from('n'), score: undefined, rank: null, source }));
  };
  const negatives = [...negativesOf('window', window), ...negativesOf('random', random)];
  tally.addRow({ row: dataset.rows.read(0), negatives, posScores: [] }, true);
  expect(describeSummary(tally.finish())).toContain(`negatives  ${share}`);
});
