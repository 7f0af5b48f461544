import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import { createFlatIndex } from '#dist/search/flat.js';
import { boundScores, combinePositives } from '#dist/select/bounds.js';
import { type Embed, mineInMemory, scoreInText, textsOf } from './mine-in-memory.js';

const flat = {
  createIndex: (passages: Parameters<typeof createFlatIndex>[0]) => createFlatIndex(passages, { workers: 1 }),
};

const scores = (from: number, to: number, step: number) =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => (from + i * step).toFixed(4));

/** Mines one row whose positive scores `positive` in a pool of passages that score what they say. */
async function mineScores(pool: readonly string[], settings: MineSettings, pos: readonly string[] = ['0.5000']) {
  const records = { input: [{ query: 'q', pos }], pool: [...pos, ...pool].map((text) => ({ text })) };
  const { rows } = await mineInMemory(records, settings, scoreInText, flat);
  const [row] = rows;
  return { texts: row ? textsOf(row) : [], reason: row?.reason, row };
}

describe('the highest score of a negative', () => {
  it.each([
    { settings: {}, positive: 0.5, ceiling: Infinity },
    { settings: { maxScore: 0.7 }, positive: 0.5, ceiling: 0.7 },
    { settings: { margin: 0.1 }, positive: 0.5, ceiling: 0.4 },
    { settings: { margin: -0.1 }, positive: 0.5, ceiling: 0.6 },
    { settings: { relativeMargin: 0.05 }, positive: 0.5, ceiling: 0.475 },
    { settings: { relativeMargin: 0.05 }, positive: -0.5, ceiling: -0.525 },
    { settings: { maxScore: 0.45, margin: 0.1, relativeMargin: 0.3 }, positive: 0.5, ceiling: 0.35 },
  ])('is $ceiling with $settings and a positive of $positive', ({ settings, positive, ceiling }) => {
    expect(boundScores({ ...settings, positiveScore: 'min' }, positive).ceiling).toBeCloseTo(ceiling, 12);
  });

  it.each([
    { how: 'min' as const, expected: 0.2 },
    { how: 'max' as const, expected: 0.9 },
    { how: 'mean' as const, expected: 0.5 },
  ])('holds against the $how of several positives', ({ how, expected }) => {
    expect(combinePositives([0.2, 0.9, 0.4], how)).toBeCloseTo(expected, 12);
  });
});

describe('ceilings and floors', () => {
  it('drop -0.49 and keep -0.80 for a positive of -0.50 and a relative margin of 0.05', async () => {
    const settings = { range: [0, 2] as [number, number], neg: 1, relativeMargin: 0.05, backfill: 'none' as const };
    expect((await mineScores(['-0.4900', '-0.8000', '-0.5100'], settings, ['-0.5000'])).texts).toEqual(['-0.8000']);
  });

  it.each([
    // 0.2 is a little more in float32.
    { maxScore: 0.20005 },
    { margin: 0.29995 },
    { relativeMargin: 0.5999 },
    { maxScore: 0.20005, margin: 0.29995, relativeMargin: 0.5999 },
  ])(
    'fill the row from below them though the best 1,500 passages are above: $maxScore $margin $relativeMargin',
    async (bounds) => {
      const pool = [...scores(0.2001, 0.3501, 0.0001), ...scores(0.1, 0.2, 0.001)];
      const { texts, row } = await mineScores(pool, { range: [10, 60], neg: 15, sample: 'top', ...bounds });
      expect(texts).toEqual(scores(0.1, 0.2, 0.001).reverse().slice(10, 25));
      expect(row?.negatives.map(({ rank }) => rank)).toEqual(Array.from({ length: 15 }, (_, i) => 10 + i));
    },
  );

  it('count ranks between them, and say which one left a row short', async () => {
    const pool = scores(0, 0.9, 0.1);
    const between = { range: [0, 9] as [number, number], neg: 4, sample: 'top' as const, backfill: 'none' as const };
    expect(await mineScores(pool, { ...between, maxScore: 0.65, minScore: 0.25 })).toMatchObject({
      texts: ['0.6000', '0.4000', '0.3000'],
      reason: 'floor',
    });
    expect(await mineScores(pool, { ...between, maxScore: 0.25 })).toMatchObject({
      texts: ['0.2000', '0.1000', '0.0000'],
      reason: 'ceiling',
    });
    expect(await mineScores(pool, { ...between, maxScore: 0.35 })).toMatchObject({ reason: undefined });
  });

  it('hold for random backfill and for the ranks past the window', async () => {
    const pool = scores(0, 0.9, 0.01);
    for (const backfill of ['random', 'next'] as const) {
      const settings = {
        range: [0, 20] as [number, number],
        neg: 20,
        rankBasis: 'raw' as const,
        backfill,
        maxScore: 0.8,
        minScore: 0.3,
      };
      const { texts } = await mineScores(pool, settings);
      expect(texts).toHaveLength(20);
      expect(Math.max(...texts.map(Number))).toBeLessThanOrEqual(0.8);
      expect(Math.min(...texts.map(Number))).toBeGreaterThanOrEqual(0.3);
    }
  });

  it('only remove from a raw window', async () => {
    const settings = {
      range: [0, 4] as [number, number],
      neg: 4,
      rankBasis: 'raw' as const,
      backfill: 'none' as const,
    };
    // The raw ranking: 0.9, 0.8, 0.7, 0.6, then the positive.
    const found = await mineScores(scores(0, 0.9, 0.1), { ...settings, maxScore: 0.75 });
    expect(found).toMatchObject({ texts: ['0.7000', '0.6000'], reason: 'ceiling' });
  });

  it('never let a negative reach its positive, with 32 queries that share 8 positives', async () => {
    const positives = Array.from({ length: 8 }, (_, i) => `shared ${(0.3 + i / 20).toFixed(4)}`);
    const input = Array.from({ length: 32 }, (_, i) => ({ query: `query ${i}`, pos: [positives[i % 8]] }));
    const pool = [...positives, ...scores(-0.5, 0.9, 0.01)].map((text) => ({ text }));
    const settings = {
      range: [0, 30] as [number, number],
      neg: 5,
      maxScore: 0.6,
      minScore: -0.2,
      margin: 0.02,
      relativeMargin: 0.05,
    };
    const { rows } = await mineInMemory({ input, pool }, settings, scoreInText, flat);
    for (const { negatives, posScores } of rows) {
      expect(negatives).toHaveLength(5);
      const [positive = 0] = posScores;
      for (const { score = 1 } of negatives) {
        expect(score).toBeLessThanOrEqual(Math.min(0.6, positive - 0.02, positive * 0.95));
        expect(score).toBeGreaterThanOrEqual(-0.2);
      }
    }
  });
});

/** Vectors in the plane, by name. */
const onPlane =
  (vectors: Record<string, [number, number]>): Embed =>
  (text) =>
    vectors[text] ?? [0, 0];

describe('likeness to a positive', () => {
  const vectors: Record<string, [number, number]> = {
    q: [1, 0],
    p: [0.8, 0.6],
    a: [0.9, 0.1],
    b: [0.85, 0.5],
    c: [0.7, -0.7],
    d: [0.6, 0.8],
  };
  const records = { input: [{ query: 'q', pos: ['p'] }], pool: ['p', 'a', 'b', 'c', 'd'].map((text) => ({ text })) };
  const choose = async (settings: MineSettings) => {
    const { rows } = await mineInMemory(
      records,
      { sample: 'top', backfill: 'none', ...settings },
      onPlane(vectors),
      flat,
    );
    return rows.map(textsOf)[0];
  };

  it('of at least the limit makes a passage no candidate, by cosine', async () => {
    // Cosines to p: a 0.86, b 0.99, c 0.14, d 0.96.
    expect(await choose({ range: [0, 3], neg: 3, maxPositiveSimilarity: 0.9 })).toEqual(['a', 'c']);
    expect(await choose({ range: [0, 3], neg: 3, maxPositiveSimilarity: 0.97 })).toEqual(['a', 'c', 'd']);
  });

  it('of at least the limit keeps no negative that a row came with, in the pool or not', async () => {
    // Cosines to p as above, of elsewhere 1.00; to the sibling's positive e: a 1.00, c 0.61, d 0.70.
    const neg = ['b', 'elsewhere', 'd', 'c', 'a'];
    const embed = onPlane({ ...vectors, elsewhere: [0.79, 0.61], e: [0.95, 0.12] });
    const input = [{ query: 'q', pos: ['p'], neg }];
    const choose = async (settings: MineSettings, siblings: object[] = []) => {
      const all = { range: [0, 4] as [number, number], neg: 4, keepNeg: true, sample: 'top', ...settings } as const;
      const { rows } = await mineInMemory({ ...records, input: [...input, ...siblings] }, all, embed, flat);
      return rows[0]?.negatives.map(({ text, source }) => `${text} ${source}`);
    };
    expect(await choose({})).toEqual(['b kept', 'elsewhere kept', 'd kept', 'c kept']);
    const within = { maxPositiveSimilarity: 0.97 };
    expect(await choose(within)).toEqual(['d kept', 'c kept', 'a kept']);
    // Bounds of scores are not theirs.
    expect(await choose({ ...within, scores: true, maxScore: 0.65 })).toEqual(['d kept', 'c kept', 'a kept']);
    expect(await choose(within, [{ query: 'q', pos: ['e'] }])).toEqual(['d kept', 'c kept']);
  });

  it('moves the skipped ranks with --positive-weight', async () => {
    // Scores a 0.9, b 0.85, c 0.7, d 0.6; with p a 0.78, b 0.98, c 0.14, d 0.96; at weight 1 a 1.68, b 1.83, c 0.84, d 1.56.
    expect(await choose({ range: [1, 4], neg: 3 })).toEqual(['b', 'c', 'd']);
    expect(await choose({ range: [1, 4], neg: 3, positiveWeight: 1 })).toEqual(['a', 'c', 'd']);
    expect(await choose({ range: [2, 4], neg: 2, positiveWeight: 1 })).toEqual(['c', 'd']);
    expect(await choose({ range: [2, 4], neg: 2, positiveWeight: 10 })).toEqual(['a', 'c']);
  });

  it("looks at siblings' positives as well", async () => {
    const input = [
      { query: 'q', pos: ['a'] },
      { query: 'q', pos: ['p'] },
    ];
    const { rows } = await mineInMemory(
      { ...records, input },
      { range: [0, 3], neg: 3, maxPositiveSimilarity: 0.95, limit: 1 },
      onPlane(vectors),
      flat,
    );
    expect(rows.map(textsOf)).toEqual([['c']]);
  });
});

it('weighted sampling takes passages in proportion to exp(-a·(score - p - b)²)', async () => {
  const input = Array.from({ length: 3000 }, (_, i) => ({ query: `query ${i}`, pos: ['p 0.5'] }));
  const pool = ['p 0.5', 'near 0.5', 'far 0.4'].map((text) => ({ text }));
  const settings = { range: [0, 2] as [number, number], neg: 1, sample: 'weighted' as const, sampleSharpness: 100 };
  const { rows } = await mineInMemory({ input, pool }, settings, scoreInText, flat);
  const near = rows.filter((row) => textsOf(row)[0] === 'near 0.5').length / rows.length;
  // Weights 1 and exp(-100 · 0.1²): 0.731 of the draws, give or take 0.008 standard deviations of 3,000.
  expect(near).toBeGreaterThan(0.731 - 0.032);
  expect(near).toBeLessThan(0.731 + 0.032);
  const shifted = await mineInMemory({ input, pool }, { ...settings, sampleOffset: -0.1 }, scoreInText, flat);
  const far = shifted.rows.filter((row) => textsOf(row)[0] === 'far 0.4').length / rows.length;
  expect(far).toBeGreaterThan(0.731 - 0.032);
  expect(far).toBeLessThan(0.731 + 0.032);
});
