import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import type { MinedRecord } from '#dist/index.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import type { Tools } from '#dist/mine.js';
import { createFlatIndex, type FlatOptions } from '#dist/search/flat.js';
import { type Embed, hashVector, indexOf, mineInMemory, scoreInText, textsOf } from './mine-in-memory.js';
import { type ChoiceSettings, chooseByRules, DEFAULT_CHOICE } from './rules/choice.js';

/** What users of other miners ask for, on 32 queries that share 8 positives: every value is computed a second time. */

const input = Array.from({ length: 32 }, (_, i) => ({
  query: `query ${i}`,
  pos: [`answer ${i % 8}`, ...(i % 5 === 0 ? [`answer ${(i + 3) % 8}`] : [])],
}));
const pool = Array.from({ length: 248 }, (_, i) => ({ text: i % 31 === 0 ? `answer ${i / 31}` : `passage ${i}` }));

const known = new Map<string, readonly number[]>();

/** Unit vectors, others for a text as query and as passage. */
const embed: Embed = (text, role) => {
  const key = `${role} ${text}`;
  const vector = known.get(key) ?? hashVector(key);
  const unit = known.has(key) ? vector : vector.map((value) => value / Math.hypot(...vector));
  known.set(key, unit);
  return unit;
};

const flat = (options: Partial<FlatOptions> = {}): Partial<Tools> => ({
  createIndex: (passages) => createFlatIndex(passages, { workers: 1, ...options }),
});

const mine = (settings: MineSettings) =>
  mineInMemory({ input, pool }, { scores: true, ranks: true, ...settings }, embed);

/** Mines, and holds each row against the rules. */
async function mineByRules(settings: Partial<ChoiceSettings>) {
  const mined = await mine(settings);
  const expected = chooseByRules({ input, pool }, { ...DEFAULT_CHOICE, ...settings }, embed);
  expect(mined.rows.map(({ negatives }) => negatives)).toEqual(expected.map(({ negatives }) => negatives));
  return mined.lines.map((line) => JSON.parse(line) as Required<MinedRecord>);
}

const SAMPLES = ['top', 'random', 'weighted'] as const;

/** In float64, over float32 values. */
function innerProduct(query: string, passage: string): number {
  const [a, b] = [Float32Array.from(embed(query, 'query')), Float32Array.from(embed(passage, 'passage'))];
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

describe('windows hold what the rules put there', () => {
  it('by default: ranks 10 to 209, fifteen of them', async () => {
    const rows = await mineByRules({});
    for (const { neg, neg_ranks } of rows) {
      expect(neg).toHaveLength(15);
      expect(Math.min(...(neg_ranks as number[]))).toBeGreaterThanOrEqual(10);
      expect(Math.max(...(neg_ranks as number[]))).toBeLessThan(210);
    }
  });

  it.each<{ range: [number, number]; neg: number }>([
    { range: [0, 1], neg: 1 },
    { range: [1, 4], neg: 3 },
    { range: [1, 4], neg: 2 },
    { range: [3, 90], neg: 7 },
    { range: [230, 240], neg: 10 },
    { range: [240, 300], neg: 20 },
  ])('$range, of which $neg, in any way of sampling and ranking', async ({ range, neg }) => {
    for (const sample of SAMPLES) await mineByRules({ range, neg, sample });
    await mineByRules({ range, neg, rankBasis: 'raw' });
  });

  it('all of them, in whatever way they are sampled, where N is the size of the window', async () => {
    const [top, ...others] = await Promise.all(
      SAMPLES.map((sample) => mineByRules({ range: [5, 25], neg: 20, sample })),
    );
    for (const { neg_ranks } of top ?? []) expect(neg_ranks).toEqual(Array.from({ length: 20 }, (_, i) => 5 + i));
    for (const other of others) expect(other).toEqual(top);
  });
});

describe('filters', () => {
  const filters: {
    title: string;
    filter: Partial<ChoiceSettings>;
    most: (positive: number) => number;
    least: number;
  }[] = [
    { title: 'max-score and min-score', filter: { maxScore: 0.5, minScore: -0.25 }, most: () => 0.5, least: -0.25 },
    { title: 'min-score alone', filter: { minScore: 0.1 }, most: () => Infinity, least: 0.1 },
    { title: 'margin 0.1', filter: { margin: 0.1 }, most: (p) => p - 0.1, least: -Infinity },
    { title: 'margin 0', filter: { margin: 0 }, most: (p) => p, least: -Infinity },
    {
      title: 'relative-margin 0.05',
      filter: { relativeMargin: 0.05 },
      most: (p) => p - 0.05 * Math.abs(p),
      least: -Infinity,
    },
    {
      title: 'all at once',
      filter: { maxScore: 0.6, minScore: -0.9, margin: 0.1, relativeMargin: 0.05 },
      most: (p) => Math.min(0.6, p - 0.1, p - 0.05 * Math.abs(p)),
      least: -0.9,
    },
  ];

  it.each(filters)('of $title bound every negative, and choose by the rules', async ({ filter, most, least }) => {
    const windows: Partial<ChoiceSettings>[] = [
      { range: [0, 12], sample: 'top' },
      { range: [0, 12], sample: 'random' },
      { range: [10, 60], sample: 'weighted' },
    ];
    for (const window of windows) {
      for (const { query, pos, neg } of await mineByRules({ neg: 6, ...window, ...filter })) {
        const positive = Math.min(...pos.map((text) => innerProduct(query, text)));
        const scores = neg.map((text) => innerProduct(query, text));
        expect(Math.max(...scores)).toBeLessThanOrEqual(most(positive));
        expect(Math.min(...scores)).toBeGreaterThanOrEqual(least);
      }
    }
  });

  it('leave short only the rows that have too few passages between them, and say which bound it was', async () => {
    const bounds = { maxScore: 0.6, minScore: 0, margin: 0.1, relativeMargin: 0.05 };
    const expected = input.map(({ query, pos }) => {
      const p = Math.min(...pos.map((text) => innerProduct(query, text)));
      const most = Math.min(0.6, p - 0.1, p - 0.05 * Math.abs(p));
      const scores = pool.filter(({ text }) => !pos.includes(text)).map(({ text }) => innerProduct(query, text));
      const count = Math.min(6, scores.filter((score) => score >= 0 && score <= most).length);
      return { count, reason: count === 6 ? undefined : most < 0 ? 'ceiling' : 'floor' };
    });
    for (const tools of [{}, flat()]) {
      const settings: MineSettings = { range: [0, 12], neg: 6, backfill: 'none', ...bounds };
      const { rows } = await mineInMemory({ input, pool }, settings, embed, tools);
      expect(rows.map(({ negatives, reason }) => ({ count: negatives.length, reason }))).toEqual(expected);
    }
    expect(new Set(expected.map(({ reason }) => reason))).toEqual(new Set([undefined, 'ceiling', 'floor']));
  });

  it.each<{ positiveScore: 'min' | 'max' | 'mean' }>([
    { positiveScore: 'min' },
    { positiveScore: 'max' },
    { positiveScore: 'mean' },
  ])('are held against the $positiveScore of several positives', async ({ positiveScore }) => {
    await mineByRules({ range: [0, 12], neg: 6, sample: 'top', relativeMargin: 0.05, positiveScore });
  });

  it('let through what scores exactly a bound, and nothing beyond it', async () => {
    const texts = ['0.5', '0.375', '0.37500003', '0.25', '0.24999999', '0.125'];
    const records = { input: [{ query: 'q', pos: ['0.5'] }], pool: texts.map((text) => ({ text })) };
    const choose = async (settings: MineSettings) => {
      const given: MineSettings = { range: [0, 5], neg: 5, backfill: 'none', sample: 'top', ...settings };
      return (await mineInMemory(records, given, scoreInText, flat())).rows.map(textsOf)[0];
    };
    expect(await choose({ margin: 0.125 })).toEqual(['0.375', '0.25', '0.24999999', '0.125']);
    expect(await choose({ relativeMargin: 0.25 })).toEqual(['0.375', '0.25', '0.24999999', '0.125']);
    expect(await choose({ maxScore: 0.375 })).toEqual(['0.375', '0.25', '0.24999999', '0.125']);
    expect(await choose({ maxScore: 0.375, minScore: 0.25 })).toEqual(['0.375', '0.25']);
    expect(await choose({ minScore: 0.125, margin: 0.25 })).toEqual(['0.25', '0.24999999', '0.125']);
  });
});

describe('written scores', () => {
  it('are those of the vectors, one for each text, and no negative has a higher one than its positive under a ceiling', async () => {
    const rows = await mineByRules({ range: [0, 30], neg: 8, margin: 0 });
    for (const { query, pos, neg, pos_scores, neg_scores } of rows) {
      expect([pos_scores.length, neg_scores.length]).toEqual([pos.length, neg.length]);
      for (const [i, text] of [...pos, ...neg].entries()) {
        const written = [...pos_scores, ...neg_scores][i] as number;
        expect(Math.abs(written - innerProduct(query, text))).toBeLessThan(1e-6);
      }
      expect(Math.max(...neg_scores)).toBeLessThanOrEqual(Math.min(...pos_scores));
    }
  });
});

describe('blocks of uneven size give the bytes of one', () => {
  const settings: MineSettings = { range: [2, 40], neg: 5, scores: true, ranks: true, relativeMargin: 0.05 };
  const eight = { input: input.slice(10, 18), pool };
  const linesOf = async (tools: Partial<Tools>) => (await mineInMemory(eight, settings, embed, tools)).lines;

  it('where queries are multiplied by three, three and two', async () => {
    const whole = await linesOf(flat());
    expect(whole).toHaveLength(8);
    expect(await linesOf(flat({ blockSize: 3 }))).toEqual(whole);
    expect(await linesOf(flat({ blockSize: 3, tileSize: 100, workers: 4 }))).toEqual(whole);
  });

  it('where rows are searched by three, three and two, as memory allows', async () => {
    const filler = 'x'.repeat(20_000);
    const large = { input: eight.input.map((row) => ({ ...row, filler })), pool };
    const mineLarge = async (mining: number) => {
      const sizes: number[] = [];
      const createIndex: Tools['createIndex'] = async (passages) => {
        const index = indexOf(passages);
        const search: typeof index.search = (queries, k, below) => {
          if (below === undefined) sizes.push(queries.count);
          return index.search(queries, k, below);
        };
        return { ...index, search };
      };
      const workspace = new Workspace({ ...planMemory(2e9), mining });
      const { lines } = await mineInMemory(large, settings, embed, { createIndex, workspace });
      // A block is made while another is searched: either may be first to ask.
      return { lines, sizes: sizes.sort((a, b) => b - a) };
    };
    const whole = await mineLarge(1e9);
    expect(whole.sizes).toEqual([8]);
    // Four times three rows and a half, in a quarter of it.
    const inBlocks = await mineLarge(4 * 4 * 3.5 * filler.length);
    expect(inBlocks).toEqual({ lines: whole.lines, sizes: [3, 3, 2] });
  });
});
