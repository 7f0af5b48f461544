import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pool } from '#dist/input/pool.js';
import { hashText } from '#dist/memory/hash.js';
import { drawUniform, seedRow } from '#dist/select/draw.js';

/**
 * The expected values come from a few lines of Python that share no code with this program: `hashlib.sha256` over
 * `json.dumps([seed, query, pos, copy], ensure_ascii=False, separators=(",", ":"))` or over the passage's UTF-8 text, the first
 * two big-endian 32-bit words of each digest, and
 *
 *     def fmix(h):
 *         h &= 0xFFFFFFFF
 *         h ^= h >> 16; h = h * 0x85EBCA6B & 0xFFFFFFFF
 *         h ^= h >> 13; h = h * 0xC2B2AE35 & 0xFFFFFFFF
 *         return h ^ (h >> 16)
 *     def draw(seed, passage):
 *         first = fmix(seed[0] ^ passage[0]); high = fmix(first ^ seed[1] ^ passage[1]); low = fmix(high + first)
 *         return (high + low / 2**32) / 2**32
 *
 * They are part of the output's format: with other values the same seed would give other negatives.
 */
const PASSAGES = { alpha: [2396255917, 1750832542], beta: [4098778343, 1597589737], 東京: [318772914, 1503393765] };

const ROWS = [
  {
    row: { seed: 42, query: 'what is a hard negative?', pos: ['a passage near the query'], copy: 0 },
    hash: [4067592403, 1345279300],
    draws: [0.5630722777384849, 0.9239194457788299, 0.6521690777186605],
  },
  {
    row: { seed: 42, query: 'what is a hard negative?', pos: ['a passage near the query'], copy: 1 },
    hash: [2885593785, 1016490747],
    draws: [0.5394815566245845, 0.06683819006001057, 0.4285894434367685],
  },
  {
    row: { seed: 43, query: 'what is a hard negative?', pos: ['a passage near the query'], copy: 0 },
    hash: [3320838873, 176347015],
    draws: [0.6352426378460422, 0.7217631179139844, 0.001779476014824279],
  },
  {
    row: { seed: 42, query: 'größe', pos: ['東京', '"quoted"\n'], copy: 0 },
    hash: [1400951690, 3788957835],
    draws: [0.08442767784186472, 0.8613334045168748, 0.3699217934193156],
  },
  {
    row: { seed: -1, query: '', pos: ['', ''], copy: 7 },
    hash: [2728537240, 3300066895],
    draws: [0.8085262662926781, 0.3337663232467103, 0.56943494009659],
  },
];

describe('the hash that draws are made from', () => {
  it.each(ROWS)('seeds row $row.query with $row.seed, copy $row.copy', ({ row, hash }) => {
    expect(seedRow(row)).toEqual({ high: hash[0], low: hash[1] });
  });

  it.each(Object.entries(PASSAGES))('hashes the passage %s', (text, [high, low]) => {
    const pool = new Pool();
    pool.add({ text });
    expect([...pool.hashes]).toEqual([high, low]);
  });

  it.each(ROWS)('draws for row $row.query with $row.seed, copy $row.copy', ({ row, draws }) => {
    const drawn = Object.values(PASSAGES).map(([high = 0, low = 0]) => drawUniform(seedRow(row), { high, low }));
    expect(drawn).toEqual(draws);
  });

  it.each([
    { seed: { high: 0, low: 0 }, passage: { high: 0, low: 0 }, draw: Number.MIN_VALUE },
    { seed: { high: 1, low: 2 }, passage: { high: 3, low: 4 }, draw: 0.48138447661933775 },
  ])('draws $draw', ({ seed, passage, draw }) => {
    expect(drawUniform(seed, passage)).toBe(draw);
  });
});

describe('drawUniform', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const hash = fc.record({ high: word, low: word });

  it('stays above 0 and at most 1 for any two hashes', () => {
    fc.assert(
      fc.property(hash, hash, (seed, passage) => {
        const draw = drawUniform(seed, passage);
        return draw > 0 && draw <= 1;
      }),
    );
  });

  it('spreads evenly over passages, even where their hashes count up', () => {
    for (const seed of [{ high: 0, low: 0 }, seedRow({ seed: 42, query: 'q', pos: ['p'], copy: 0 })]) {
      const draws = Array.from({ length: 100_000 }, (_, i) => drawUniform(seed, { high: 0, low: i }));
      expectUniform(draws);
    }
  });

  it('spreads evenly over rows for one passage', () => {
    const passage = { high: 2396255917, low: 1750832542 };
    const rows = Array.from({ length: 20_000 }, (_, i) => seedRow({ seed: 42, query: `q${i}`, pos: ['p'], copy: 0 }));
    expectUniform(rows.map((seed) => drawUniform(seed, passage)));
  });

  it('draws for one row independently of its draws for another', () => {
    const [a, b] = [0, 1].map((copy) => seedRow({ seed: 42, query: 'q', pos: ['p'], copy }));
    const pairs = Array.from({ length: 20_000 }, (_, i) => {
      const passage = hashText(`passage ${i}`);
      return [a, b].map((seed) => drawUniform(seed as NonNullable<typeof seed>, passage) - 0.5);
    });
    const covariance = pairs.reduce((sum, [x = 0, y = 0]) => sum + x * y, 0) / pairs.length;
    // 1/12 is the variance of one uniform draw; five standard errors.
    expect(Math.abs(covariance * 12)).toBeLessThan(5 / Math.sqrt(pairs.length));
  });
});

/** Mean within five standard errors; chi-square over 100 bins within five standard deviations. */
function expectUniform(draws: readonly number[]): void {
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * draws.length));
  const bins = new Array<number>(100).fill(0);
  for (const draw of draws) bins[Math.floor(draw * 100)] = (bins[Math.floor(draw * 100)] as number) + 1;
  const expected = draws.length / 100;
  const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(Math.abs(chiSquare - 99)).toBeLessThan(5 * Math.sqrt(2 * 99));
}
