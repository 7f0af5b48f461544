import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import type { Pair, Reranker } from '#dist/rerank/reranker.js';
import { type Embed, mineInMemory, textsOf } from '../mine-in-memory.js';
import { openTestRun } from '../rules/other-engines.js';

/** Passages are named `RETRIEVER SCORE/RERANKER SCORE`, such as `0.9/0.2`, with a letter behind to tell some apart. */
const scoresIn = (text: string) => text.split('/').map((part) => Number.parseFloat(part)) as [number, number];

/** A retriever that gives the first score for every query. */
const first: Embed = (text, role) => [role === 'query' ? 1 : scoresIn(text)[0]];

/** A reranker that gives the second, and remembers what it was asked. */
function secondScores() {
  const asked: Pair[] = [];
  const reranker: Reranker = {
    async score(pairs) {
      asked.push(...pairs);
      return { scores: Float64Array.from(pairs, ([, passage]) => scoresIn(passage)[1]), truncated: 0 };
    },
    close: async () => {},
  };
  return { asked, tools: { openReranker: async () => reranker } };
}

const POSITIVE = '0.5/0.6';

async function mineScores(
  pool: readonly string[],
  settings: MineSettings,
  {
    pos = [POSITIVE],
    ranked,
    ...more
  }: { pos?: readonly string[]; neg?: readonly string[]; ranked?: readonly string[] } = {},
) {
  const { asked, tools } = secondScores();
  const texts = [...pos, ...pool];
  const records = { input: [{ query: 'q', pos, ...more }], pool: texts.map((text) => ({ text })) };
  const runs = ranked ? [openTestRun(() => ranked.map((text) => texts.indexOf(text)), 0)] : [];
  const { rows } = await mineInMemory(
    records,
    { reranker: 'fake', sample: 'top', backfill: 'none', ...settings, ...(ranked ? { run: 'run 0' } : {}) },
    first,
    settings.reranker === undefined && 'reranker' in settings ? { runs } : { ...tools, runs },
  );
  const [row] = rows;
  return { texts: row ? textsOf(row) : [], reason: row?.reason, row, asked: asked.map(([, passage]) => passage) };
}

const range = (low: number, high: number): [number, number] => [low, high];

describe('the window', () => {
  const pool = ['0.9/0.1', '0.8/0.5', '0.7/0.3', '0.6/0.4', '0.4/0.9', '0.3/0.8'];

  it("is cut from the reranker's order of the candidates that the retriever ranks best", async () => {
    const found = await mineScores(pool, { range: range(1, 4), neg: 2 });
    // The four best of the retriever, by the reranker: 0.5, 0.4, 0.3, 0.1.
    expect(found.texts).toEqual(['0.6/0.4', '0.7/0.3']);
    expect(found.row?.negatives.map(({ rank, score }) => [rank, score])).toEqual([
      [1, 0.4],
      [2, 0.3],
    ]);
    expect(found.row?.posScores).toEqual([0.6]);
    expect(found.asked).toEqual([POSITIVE, '0.9/0.1', '0.8/0.5', '0.7/0.3', '0.6/0.4']);
  });

  it('sees as many candidates as --rerank-depth says', async () => {
    expect((await mineScores(pool, { range: range(0, 2), neg: 2 })).texts).toEqual(['0.8/0.5', '0.9/0.1']);
    expect((await mineScores(pool, { range: range(0, 2), neg: 2, rerankDepth: 6 })).texts).toEqual([
      '0.4/0.9',
      '0.3/0.8',
    ]);
  });

  it('takes equal scores in pool order', async () => {
    const equal = ['0.7/0.5 c', '0.9/0.5 b', '0.8/0.5 a'];
    expect((await mineScores(equal, { range: range(0, 3), neg: 3 })).texts).toEqual(equal);
  });

  it('loses the riskiest candidates before any is scored', async () => {
    // Score and likeness to a positive of 0.5: the higher the score, the more alike.
    const found = await mineScores(pool, { range: range(2, 4), neg: 2, positiveWeight: 1 });
    expect(found.asked).toEqual([POSITIVE, '0.7/0.3', '0.6/0.4', '0.4/0.9', '0.3/0.8']);
    expect(found.texts).toEqual(['0.4/0.9', '0.3/0.8']);
    const shallow = await mineScores(pool, { range: range(2, 4), neg: 2, positiveWeight: 1, rerankDepth: 2 });
    expect(shallow.texts).toEqual(['0.6/0.4', '0.7/0.3']);
    expect(shallow.row?.negatives.map(({ rank }) => rank)).toEqual([0, 1]);
  });
});

describe('bounds', () => {
  const pool = Array.from({ length: 40 }, (_, i) => `${(0.99 - i / 100).toFixed(2)}/${((i * 7) % 40) / 40}`);

  it.each([
    { settings: { maxScore: 0.5 }, isWithin: (score: number) => score <= 0.5 },
    { settings: { minScore: 0.3 }, isWithin: (score: number) => score >= 0.3 },
    { settings: { margin: 0.2 }, isWithin: (score: number) => score <= 0.6 - 0.2 },
    { settings: { relativeMargin: 0.5 }, isWithin: (score: number) => score <= 0.6 - 0.5 * 0.6 },
    { settings: { maxScore: 0.5, minScore: 0.1, margin: 0.2 }, isWithin: (s: number) => s >= 0.1 && s <= 0.6 - 0.2 },
  ])("are about the reranker's scores: $settings", async ({ settings, isWithin }) => {
    const { texts, reason } = await mineScores(pool, { range: range(2, 20), neg: 5, rerankDepth: 40, ...settings });
    const ranked = pool.filter((text) => isWithin(scoresIn(text)[1])).sort((a, b) => scoresIn(b)[1] - scoresIn(a)[1]);
    expect(reason).toBeUndefined();
    expect(texts).toEqual(ranked.slice(2, 7));
  });

  it('starve no row that a deeper look can fill', async () => {
    const above = Array.from({ length: 95 }, (_, i) => `${(0.9 - i / 1000).toFixed(3)}/0.9`);
    const below = Array.from({ length: 5 }, (_, i) => `${(0.3 - i / 1000).toFixed(3)}/0.${i + 1}`);
    const settings = { range: range(0, 10), neg: 5, margin: 0.05 };
    const found = await mineScores([...above, ...below], settings);
    expect(found.texts).toEqual(below.toReversed());
    expect(found.reason).toBeUndefined();
    expect(found.asked).toHaveLength(101);
    const limited = await mineScores([...above, ...below], { ...settings, rerankLimit: 97 });
    expect(limited).toMatchObject({ texts: below.slice(0, 2).toReversed(), reason: 'rerank limit' });
    expect(limited.asked).toHaveLength(98);
  });

  it('say why a row is short where every candidate was scored', async () => {
    const few = ['0.9/0.9', '0.8/0.2', '0.7/0.8'];
    const short = (settings: MineSettings) => mineScores(few, { range: range(0, 3), neg: 3, ...settings });
    expect(await short({ maxScore: 0.5 })).toMatchObject({ texts: ['0.8/0.2'], reason: 'ceiling' });
    expect(await short({ minScore: 0.5 })).toMatchObject({ texts: ['0.9/0.9', '0.7/0.8'], reason: 'floor' });
  });

  it('say so as well where the last candidate of all was the last that the limit allows', async () => {
    const spellings = [`${POSITIVE} `, `${POSITIVE}  `];
    const few = ['0.9/0.9', '0.8/0.2', '0.7/0.8'];
    const settings = { range: range(0, 3), neg: 3, rerankDepth: 3, rerankLimit: 3, minScore: 0.5 };
    const texts = ['0.9/0.9', '0.7/0.8'];
    expect(await mineScores([...few, ...spellings], settings)).toMatchObject({ texts, reason: 'floor' });
    const more = await mineScores([...few, ...spellings, '0.1/0.9'], settings);
    expect(more).toMatchObject({ texts, reason: 'rerank limit' });
  });

  it('are not what left a row short whose run has too few candidates without them', async () => {
    const few = ['0.9/0.9', '0.8/0.2', '0.7/0.1', '0.6/0.3'];
    const settings = { range: range(1, 4), neg: 3, maxScore: 0.5 };
    expect((await mineScores(few, settings, { ranked: few.slice(1) })).reason).toBe('run too short');
    expect((await mineScores(few, settings, { ranked: few })).reason).toBe('ceiling');
    const risky = await mineScores(few, { ...settings, positiveWeight: 1 }, { ranked: few });
    expect(risky).toMatchObject({ texts: ['0.6/0.3', '0.8/0.2', '0.7/0.1'], reason: undefined });
    const below = await mineScores(few, { ...settings, positiveWeight: 1, maxScore: 0.25 }, { ranked: few });
    expect(below).toMatchObject({ texts: ['0.8/0.2', '0.7/0.1'], reason: 'ceiling' });
  });

  it('and likeness to positives give the same reason as without a reranker', async () => {
    const some = ['0.9/0.9', '-0.8/0.2', '-0.7/0.8'];
    const settings = { range: range(0, 3), neg: 3, maxPositiveSimilarity: 0.5 };
    for (const reranker of ['fake', undefined]) {
      const found = await mineScores(some, { ...settings, reranker }, { ranked: some });
      expect(found.texts.toSorted()).toEqual(['-0.7/0.8', '-0.8/0.2']);
      expect(found.reason).toBe('too few candidates');
    }
  });
});

describe('random backfill', () => {
  const above = Array.from({ length: 12 }, (_, i) => `0.${90 - i}/0.9`);
  const far = Array.from({ length: 30 }, (_, i) => `0.${40 - i}/${i % 3 === 0 ? 0.95 : 0.1}`);
  const settings: MineSettings = { range: range(0, 4), neg: 3, rerankDepth: 12, rerankLimit: 12, maxScore: 0.5 };

  it('is scored before it is taken, within the bounds, and bears no rank', async () => {
    const { row, reason, asked } = await mineScores([...above, ...far], { ...settings, backfill: 'random' });
    expect(reason).toBeUndefined();
    expect(row?.negatives.map(({ score, rank, source }) => [score, rank, source])).toEqual(
      Array.from({ length: 3 }, () => [0.1, null, 'random']),
    );
    expect(asked.length).toBeLessThanOrEqual(1 + 12 + 12);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('tries no more than a depth of passages', async () => {
    const hopeless = far.map((text) => text.replace(/0\.1$/, '0.96'));
    const { texts, reason, asked } = await mineScores([...above, ...hopeless], { ...settings, backfill: 'random' });
    expect({ texts, reason, count: asked.length }).toEqual({ texts: [], reason: 'rerank limit', count: 1 + 12 + 12 });
  });

  it('takes skipped ranks where a depth of passages was all that was left', async () => {
    const pool = ['0.9/0.1', '0.8/0.9', '0.7/0.8', '0.6/0.7'];
    const few = { range: range(1, 3), neg: 1, rerankDepth: 2, rerankLimit: 2, maxScore: 0.5 };
    const { row, reason } = await mineScores(pool, { ...few, backfill: 'random' });
    expect(reason).toBeUndefined();
    expect(row?.negatives.map(({ text, source, rank }) => [text, source, rank])).toEqual([['0.9/0.1', 'skipped', 0]]);
    const more = await mineScores([...pool, '0.5/0.9 more'], { ...few, backfill: 'random' });
    expect(more).toMatchObject({ texts: [], reason: 'rerank limit' });
  });

  it('takes skipped ranks where nothing else is left', async () => {
    const pool = ['0.9/0.1', '0.8/0.5', '0.7/0.3'];
    const { row } = await mineScores(pool, { range: range(2, 5), neg: 3, backfill: 'random' });
    expect(row?.negatives.map(({ text, source }) => [text, source])).toEqual([
      ['0.8/0.5', 'skipped'],
      ['0.7/0.3', 'skipped'],
      ['0.9/0.1', 'window'],
    ]);
    const risky = await mineScores(pool, { range: range(2, 5), neg: 3, backfill: 'random', positiveWeight: 1 });
    expect(risky.row?.negatives.map(({ text, source, rank }) => [text, source, rank])).toEqual([
      ['0.8/0.5', 'skipped', null],
      ['0.7/0.3', 'window', 0],
      ['0.9/0.1', 'skipped', null],
    ]);
  });
});

it('kept negatives have scores of the reranker where scores are written', async () => {
  const settings = { range: range(0, 3), neg: 3, keepNeg: true };
  const neg = ['0.2/0.7 kept'];
  const written = await mineScores(['0.9/0.1', '0.8/0.5'], { ...settings, scores: true }, { neg });
  expect(written.row?.negatives.map(({ score, source }) => [score, source])).toEqual([
    [0.7, 'kept'],
    [0.5, 'window'],
    [0.1, 'window'],
  ]);
  expect((await mineScores(['0.9/0.1', '0.8/0.5'], settings, { neg })).asked).not.toContain(neg[0]);
});

it('kept negatives are held against positives by the vectors of the encoder', async () => {
  const settings = { range: range(0, 3), neg: 3, keepNeg: true, maxPositiveSimilarity: 0.5 };
  // Cosines of 1 and -1 to the positive; neither is in the pool.
  const neg = ['0.2/0.7 alike', '-0.2/0.7 unlike'];
  const { texts, asked } = await mineScores(['-0.9/0.1', '0.8/0.5'], settings, { neg });
  expect(texts).toEqual(['-0.2/0.7 unlike', '-0.9/0.1']);
  expect(asked).toEqual([POSITIVE, '-0.9/0.1']);
});

it('weighted sampling weighs the scores of the reranker', async () => {
  const { tools } = secondScores();
  const input = Array.from({ length: 1000 }, (_, i) => ({ query: `query ${i}`, pos: [POSITIVE] }));
  const pool = [POSITIVE, '0.9/0.6', '0.8/0.5'].map((text) => ({ text }));
  const settings: MineSettings = { reranker: 'fake', range: range(0, 2), neg: 1, sample: 'weighted' };
  const { rows } = await mineInMemory({ input, pool }, settings, first, tools);
  const near = rows.filter((row) => textsOf(row)[0] === '0.9/0.6').length / rows.length;
  // Weights 1 and exp(-100 · 0.1²): 0.731 of the draws, give or take 0.014 standard deviations of 1,000.
  expect(Math.abs(near - 0.731)).toBeLessThan(4 * 0.014);
});

it('rows with the same query share the scores of their pairs', async () => {
  const { asked, tools } = secondScores();
  const input = ['0.5/0.6 a', '0.5/0.6 b'].map((pos) => ({ query: 'q', pos: [pos] }));
  const pool = ['0.9/0.1', '0.8/0.5', '0.7/0.3'].map((text) => ({ text }));
  const settings: MineSettings = { reranker: 'fake', range: range(0, 3), neg: 3 };
  await mineInMemory({ input, pool }, settings, first, tools);
  expect(asked).toHaveLength(2 + 3);
});

describe('for any scores', () => {
  const score = fc.integer({ min: 0, max: 20 }).map((n) => (n / 20).toFixed(2));
  const passage = fc.tuple(score, score).map(([a, b]) => `${a}/${b}`);
  const arbitrary = fc.record({
    pool: fc.array(passage, { minLength: 8, maxLength: 40 }),
    low: fc.nat(3),
    width: fc.integer({ min: 2, max: 6 }),
    depth: fc.integer({ min: 1, max: 12 }),
    times: fc.integer({ min: 1, max: 4 }),
    maxScore: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    minScore: fc.option(fc.double({ min: -1, max: 0.5, noNaN: true }), { nil: undefined }),
  });

  it('the rows are those of the rule, read from the whole pool at once', async () => {
    const check = async ({
      pool,
      low,
      width,
      depth,
      times,
      maxScore,
      minScore = -1,
    }: typeof arbitrary extends fc.Arbitrary<infer T> ? T : never) => {
      const texts = pool.map((text, i) => `${text} ${i}`);
      const ceiling = maxScore === undefined || maxScore < minScore ? 2 : maxScore;
      const neg = Math.min(2, width);
      const rerankLimit = depth * times;
      const settings = {
        range: range(low, low + width),
        neg,
        rerankDepth: depth,
        rerankLimit,
        maxScore: ceiling,
        minScore,
      };
      const found = await mineScores(texts, settings);
      const order = texts
        .map((text, at) => ({ text, at, scores: scoresIn(text) }))
        .sort((a, b) => Math.fround(b.scores[0]) - Math.fround(a.scores[0]) || a.at - b.at);
      let expected: string[] = [];
      for (let reach = depth; reach <= rerankLimit; reach += depth) {
        const within = order.slice(0, reach).filter(({ scores: [, s] }) => s <= ceiling && s >= minScore);
        const ranked = within.sort((a, b) => b.scores[1] - a.scores[1] || a.at - b.at);
        expected = ranked
          .slice(low, low + width)
          .slice(0, neg)
          .map(({ text }) => text);
        if (expected.length === neg) break;
      }
      expect(found.texts).toEqual(expected);
      const isShort = expected.length < neg;
      expect(found.reason === 'rerank limit').toBe(isShort && rerankLimit < texts.length);
      expect(found.reason !== undefined).toBe(isShort);
    };
    await fc.assert(fc.asyncProperty(arbitrary, check), { numRuns: 150 });
  });
});
