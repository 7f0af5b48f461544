import { describe, expect, it } from 'vitest';
import { type Embed, hashVector, mineInMemory, textsOf } from './mine-in-memory.js';
import { type ChoiceSettings, chooseByRules, DEFAULT_CHOICE } from './rules/choice.js';
import { normal, type PassageRecord, type RowRecord } from './rules/records.js';

/** Answers must not come out as negatives, by whatever way they might. */

const BACKFILLS = ['random', 'next', 'none'] as const;
const RANK_BASES = ['candidates', 'raw'] as const;

describe('an answer is no negative, whatever it looks like', () => {
  const input: RowRecord[] = [
    { query: 'capital of France', query_id: 7, pos: ['Paris'], neg: ['Paris ', 'Lyon', 'Lyon\n', 'Lutetia'] },
    // A sibling by ID.
    { query: 'where the government sits', query_id: '7', pos: ['The seat.'], pos_ids: ['d9'], neg: ['City of Light'] },
    // A sibling by text, with an answer in another Unicode form, and twice.
    { query: ' capital\u00a0of  France', pos: ['Caf\u00e9 de Paris', 'Caf\u00e9 de Paris'] },
    // Symmetric data: the query is a passage, and another row's answer.
    { query: 'Paris', pos: ['Lutetia'] },
    { query: 'Lutetia', pos: ['Paris'] },
    // The same pair twice, and an answer that the pool does not hold.
    { query: 'a town', pos: ['Metz', 'elsewhere'], neg: ['elsewhere', 'Brest'] },
    { query: 'a town', pos: ['Metz', 'elsewhere'] },
  ];
  const pool: PassageRecord[] = [
    { text: 'Paris' },
    { text: ' Paris' },
    { text: 'The seat.', title: 'Paris' },
    { text: 'Cafe\u0301  de Paris' },
    { text: 'capital of France' },
    { text: 'City of Light', _id: 'd9' },
    { text: 'City of Light', _id: 'd10' },
    { text: 'Lutetia' },
    { text: 'Lyon' },
    { text: 'Lyon ' },
    { text: 'a town' },
    { text: 'Metz', title: 'Lorraine' },
    { text: 'Metz' },
    { text: 'Brest' },
    { text: 'Lille' },
  ];
  const france = ['Lutetia', 'Lyon', 'a town', 'Lorraine Metz', 'Metz', 'Brest', 'Lille'];
  const ancient = [
    'Paris The seat.',
    'Caf\u00e9 de Paris',
    'capital of France',
    'City of Light',
    ...france.filter((text) => text !== 'Lutetia'),
  ];
  const town = [
    'Paris',
    'Paris The seat.',
    'Caf\u00e9 de Paris',
    'capital of France',
    'City of Light',
    'Lutetia',
    'Lyon',
    'Brest',
    'Lille',
  ];
  const allowed = [france, france, france, ancient, ancient, town, town];

  const mine = async (settings: Partial<ChoiceSettings>) => {
    const { rows } = await mineInMemory({ input, pool }, { range: [0, 15], scores: true, ...settings });
    const rules = chooseByRules({ input, pool }, { ...DEFAULT_CHOICE, range: [0, 15], ...settings }, hashVector);
    expect(rows.map(({ negatives }) => negatives)).toEqual(rules.map(({ negatives }) => negatives));
    return rows.map((row) => textsOf(row).map(normal));
  };

  it('and everything else may be one', async () => {
    for (const rankBasis of RANK_BASES) {
      const rows = await mine({ neg: 10, rankBasis, backfill: 'none', sample: 'top' });
      expect(rows.map((texts) => texts.toSorted())).toEqual(allowed.map((texts) => texts.map(normal).toSorted()));
    }
  });

  it.each(BACKFILLS)('by backfill %s, from any window, kept negatives or not', async (backfill) => {
    for (const rankBasis of RANK_BASES) {
      for (const [keepNeg, low] of [
        [false, 0],
        [true, 0],
        [false, 5],
        [true, 5],
      ] as [boolean, number][]) {
        const rows = await mine({ neg: 5, range: [low, low + 5], rankBasis, backfill, keepNeg, seed: low });
        for (const [i, texts] of rows.entries()) {
          expect(allowed[i]?.map(normal)).toEqual(expect.arrayContaining(texts));
          expect(new Set(texts).size).toBe(texts.length);
        }
      }
    }
  });

  it('and kept negatives come first, each once', async () => {
    const rows = await mine({ neg: 2, keepNeg: true, sample: 'top' });
    expect(rows[0]).toEqual(['Lyon', 'Lutetia']);
    expect(rows[1]).not.toContain('City of Light');
    expect(rows[5]?.[0]).toBe('Brest');
    expect(rows[5]).not.toContain('elsewhere');
  });
});

describe('backfill of forty rows whose answers fill their windows', () => {
  const answersOf = (i: number) => ['a', 'b', 'c'].map((letter) => `answer ${i} ${letter}`);
  const input = Array.from({ length: 40 }, (_, i) => ({ query: `query ${i}`, pos: answersOf(i) }));
  // Every answer is there twice, with and without a space at its end.
  const pool = input.flatMap(({ pos }) => pos.flatMap((text) => [{ text }, { text: `${text} ` }]));
  /** Answers are what their query is, but longer: they rank first. */
  const embed: Embed = (text, role) => {
    const [x = 0, y = 0, z = 0] = hashVector(/\d+/.exec(text)?.[0] ?? '');
    const length = Math.hypot(x, y, z) / (role === 'query' ? 1 : 2 + (hashVector(text)[0] as number) / 20);
    return [x / length, y / length, z / length];
  };

  it.each(['random', 'next'] as const)(
    '%s adds no positive and no duplicate, and marks what it adds',
    async (backfill) => {
      const settings = { range: [0, 10] as [number, number], neg: 10, rankBasis: 'raw' as const, backfill };
      const { rows, lines } = await mineInMemory({ input, pool }, { ...settings, scores: true, ranks: true }, embed);
      const rules = chooseByRules({ input, pool }, { ...DEFAULT_CHOICE, ...settings }, embed);
      let backfilled = 0;
      for (const [i, { negatives }] of rows.entries()) {
        const texts = negatives.map(({ text }) => text.trim());
        expect(texts).toHaveLength(10);
        expect(new Set(texts).size).toBe(10);
        expect(texts.filter((text) => answersOf(i).includes(text))).toEqual([]);
        expect(negatives).toEqual(rules[i]?.negatives);
        const { neg_ranks } = JSON.parse(lines[i] as string) as { neg_ranks: (number | null)[] };
        for (const [at, { source, rank }] of negatives.entries()) {
          expect(neg_ranks[at]).toBe(rank);
          if (source === 'window') expect(rank).toBeLessThan(10);
          else if (source === 'random') expect(rank).toBeNull();
          else expect(rank).toBeGreaterThanOrEqual(10);
        }
        backfilled += negatives.filter(({ source }) => source === backfill).length;
      }
      // Six of ten ranks are answers, and others come twice.
      expect(backfilled).toBeGreaterThanOrEqual(40 * 6);
    },
  );
});
