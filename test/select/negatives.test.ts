import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEEPER,
  type Negative,
  type RowView,
  type SelectSettings,
  selectNegatives as selectWithReason,
} from '#dist/select/negatives.js';
import type { Ranking } from '#dist/select/ranking.js';

/**
 * A row over a pool of `poolSize` passages whose scores fall with their number, so that passage and raw rank are one; draws
 * are given by `draws`, else fall with the number too: the last passage is drawn first.
 */
function rowOver(poolSize: number, view: Partial<RowView> & { draws?: readonly number[] } = {}): RowView {
  const { draws, ...rest } = view;
  return {
    poolSize,
    classOf: (passage) => passage,
    excluded: new Set(),
    drawOf: (passage) => draws?.[passage] ?? (poolSize - passage) / (poolSize + 1),
    scoreOf: (passage) => -passage,
    classCount: poolSize,
    bounds: { ceiling: Infinity, floor: -Infinity },
    positive: 0,
    isTooSimilar: () => false,
    likenessOf: () => 0,
    ...rest,
  };
}

/** The first `k` passages of such a pool, by score. */
function search(k: number): Omit<Ranking, 'isWhole'> {
  return {
    passages: Int32Array.from({ length: k }, (_, i) => i),
    scores: Float64Array.from({ length: k }, (_, i) => -i),
    isByScore: true,
    coversPool: true,
  };
}

const DEFAULTS: SelectSettings = {
  range: { low: 2, high: 6 },
  rankBasis: 'candidates',
  sample: 'top',
  backfill: 'none',
  positiveWeight: 0,
  sampleSharpness: 100,
  sampleOffset: 0,
};

/** The negatives alone; nothing where a deeper search is asked for. */
function selectNegatives(
  ranking: Omit<Ranking, 'isWhole'> & { isWhole?: boolean },
  row: RowView,
  settings: SelectSettings,
  count: number,
) {
  const isWhole = ranking.isWhole ?? ranking.passages.length === row.poolSize;
  const selection = selectWithReason({ ...ranking, isWhole }, row, settings, count);
  return selection === DEEPER ? undefined : selection.negatives;
}

const passagesOf = (chosen: Negative[] | undefined) => chosen?.map(({ passage }) => passage);
const sourcesOf = (chosen: Negative[] | undefined) =>
  chosen?.map(({ passage, rank, source }) => [passage, rank, source]);

describe('selectNegatives from the window', () => {
  it.each([
    { sample: 'top' as const, count: 2, expected: [2, 3] },
    { sample: 'top' as const, count: 4, expected: [2, 3, 4, 5] },
    { sample: 'random' as const, count: 1, expected: [5] },
    { sample: 'random' as const, count: 2, expected: [4, 5] },
    { sample: 'random' as const, count: 4, expected: [2, 3, 4, 5] },
    { sample: 'top' as const, count: 0, expected: [] },
  ])('takes $count by $sample', ({ sample, count, expected }) => {
    const chosen = selectNegatives(search(8), rowOver(20), { ...DEFAULTS, sample }, count);
    expect(passagesOf(chosen)).toEqual(expected);
  });

  it('takes the smallest draws, and gives them by rank, with rank, score and source', () => {
    const draws = [0.01, 0.02, 0.9, 0.1, 0.5, 0.2, 0.03];
    const chosen = selectNegatives(search(7), rowOver(7, { draws }), { ...DEFAULTS, sample: 'random' }, 2);
    expect(chosen).toEqual([
      { passage: 3, score: -3, rank: 3, source: 'window' },
      { passage: 5, score: -5, rank: 5, source: 'window' },
    ]);
  });

  it('counts candidate ranks without excluded passages, so the window stays full', () => {
    const row = rowOver(20, { excluded: new Set([0, 3, 4]) });
    expect(sourcesOf(selectNegatives(search(12), row, DEFAULTS, 4))).toEqual([
      [5, 2, 'window'],
      [6, 3, 'window'],
      [7, 4, 'window'],
      [8, 5, 'window'],
    ]);
  });

  it('counts raw ranks with excluded passages, so they only leave the window', () => {
    const row = rowOver(20, { excluded: new Set([0, 3, 4]) });
    expect(sourcesOf(selectNegatives(search(12), row, { ...DEFAULTS, rankBasis: 'raw' }, 4))).toEqual([
      [2, 2, 'window'],
      [5, 5, 'window'],
    ]);
  });

  it('takes one passage of a class, in the window and by backfill', () => {
    // Passages 2k and 2k + 1 are equal after normalization.
    const classOf = (passage: number) => passage - (passage % 2);
    const settings = { ...DEFAULTS, range: { low: 1, high: 3 } };
    expect(passagesOf(selectNegatives(search(10), rowOver(10, { classOf }), settings, 2))).toEqual([2, 4]);
    for (const backfill of ['random', 'next'] as const) {
      const row = rowOver(10, { classOf, excluded: new Set([0]) });
      const raw = { ...settings, rankBasis: 'raw' as const, range: { low: 2, high: 4 }, backfill };
      expect(passagesOf(selectNegatives(search(10), row, raw, 3))).toEqual(backfill === 'next' ? [2, 4, 6] : [2, 6, 8]);
    }
  });
});

describe('selectNegatives asks for a deeper search', () => {
  const excluded = new Set([0, 1, 2]);

  it.each([
    { title: 'while neighbours cannot fill the window', k: 8, settings: {}, isDone: false },
    { title: 'and not once they can', k: 9, settings: {}, isDone: true },
    { title: 'nor once they are the whole pool', k: 20, settings: { range: { low: 2, high: 60 } }, isDone: true },
    { title: 'not for a raw window that they hold', k: 6, settings: { rankBasis: 'raw' as const }, isDone: true },
    { title: 'for a raw window that they do not', k: 5, settings: { rankBasis: 'raw' as const }, isDone: false },
    {
      title: 'for the ranks past a raw window',
      k: 6,
      settings: { rankBasis: 'raw' as const, backfill: 'next' as const },
      isDone: false,
    },
    {
      title: 'until they hold the ranks past a raw window',
      k: 7,
      settings: { rankBasis: 'raw' as const, backfill: 'next' as const },
      isDone: true,
    },
    {
      title: 'not for random ones past a raw window',
      k: 6,
      settings: { rankBasis: 'raw' as const, backfill: 'random' as const },
      isDone: true,
    },
  ])('$title', ({ k, settings, isDone }) => {
    const chosen = selectNegatives(search(k), rowOver(20, { excluded }), { ...DEFAULTS, ...settings }, 4);
    expect(chosen !== undefined).toBe(isDone);
  });
});

describe('backfill', () => {
  const raw = { ...DEFAULTS, rankBasis: 'raw' as const };
  // Leaves 4 and 5 of the window, 0 of the skipped ranks.
  const excluded = new Set([1, 2, 3, 7]);

  it.each([
    {
      backfill: 'none' as const,
      count: 4,
      expected: [
        [4, 4, 'window'],
        [5, 5, 'window'],
      ],
    },
    {
      backfill: 'next' as const,
      count: 4,
      expected: [
        [4, 4, 'window'],
        [5, 5, 'window'],
        [6, 6, 'next'],
        [8, 8, 'next'],
      ],
    },
    {
      backfill: 'random' as const,
      count: 4,
      expected: [
        [4, 4, 'window'],
        [5, 5, 'window'],
        [8, null, 'random'],
        [9, null, 'random'],
      ],
    },
    {
      backfill: 'random' as const,
      count: 9,
      expected: [
        [0, 0, 'skipped'],
        [4, 4, 'window'],
        [5, 5, 'window'],
        [6, null, 'random'],
        [8, null, 'random'],
        [9, null, 'random'],
      ],
    },
    {
      backfill: 'next' as const,
      count: 9,
      expected: [
        [4, 4, 'window'],
        [5, 5, 'window'],
        [6, 6, 'next'],
        [8, 8, 'next'],
        [9, 9, 'next'],
      ],
    },
  ])('$backfill makes up for $count asked for', ({ backfill, count, expected }) => {
    const chosen = selectNegatives(search(10), rowOver(10, { excluded }), { ...raw, backfill }, count);
    expect(sourcesOf(chosen)).toEqual(expected);
  });

  it('takes skipped ranks from the window upwards to rank 0, and only when nothing is left past it', () => {
    const settings = { ...DEFAULTS, range: { low: 4, high: 8 }, backfill: 'random' as const };
    const take = (count: number) => sourcesOf(selectNegatives(search(5), rowOver(5), settings, count));
    expect(take(1)).toEqual([[4, 4, 'window']]);
    expect(take(3)).toEqual([
      [2, 2, 'skipped'],
      [3, 3, 'skipped'],
      [4, 4, 'window'],
    ]);
    expect(take(4)?.map(([passage]) => passage)).toEqual([1, 2, 3, 4]);
    expect(take(5)?.map(([passage]) => passage)).toEqual([0, 1, 2, 3, 4]);
    expect(take(6)?.map(([passage]) => passage)).toEqual([0, 1, 2, 3, 4]);
  });

  it('draws at random what the row draws lowest, whatever the depth of the search', () => {
    const draws = [0, 0, 0, 0, 0.4, 0.5, 0.9, 0.3, 0.8, 0.2, 0.7, 0.1];
    const row = rowOver(12, { draws, excluded: new Set([2, 3, 11]) });
    for (const k of [6, 9, 12]) {
      expect(sourcesOf(selectNegatives(search(k), row, { ...raw, backfill: 'random' }, 4))).toEqual([
        [4, 4, 'window'],
        [5, 5, 'window'],
        [7, null, 'random'],
        [9, null, 'random'],
      ]);
    }
  });

  it('gives random ones their score and place by score', () => {
    const row = rowOver(10, { excluded, scoreOf: (passage) => -passage });
    const chosen = selectNegatives(search(6), row, { ...raw, backfill: 'random' }, 3);
    expect(chosen?.map(({ score }) => score)).toEqual([-4, -5, -9]);
  });
});

it('looks through no pool where every candidate is known and none is past the window', () => {
  const looks: number[] = [];
  const row = rowOver(8, {
    drawOf(passage) {
      looks.push(passage);
      return passage / 10 + 0.05;
    },
  });
  const settings: SelectSettings = { ...DEFAULTS, range: { low: 6, high: 20 }, backfill: 'random', sample: 'random' };
  expect(passagesOf(selectNegatives(search(8), row, settings, 3))).toEqual([5, 6, 7]);
  expect(looks).toEqual([]);
});

describe('bounds', () => {
  const top = { ...DEFAULTS, range: { low: 1, high: 4 } };
  const bounded = (ceiling: number, floor: number) => rowOver(12, { bounds: { ceiling, floor } });

  it('apply before candidate ranks are counted', () => {
    expect(sourcesOf(selectNegatives(search(12), bounded(-3, -Infinity), top, 3))).toEqual([
      [4, 1, 'window'],
      [5, 2, 'window'],
      [6, 3, 'window'],
    ]);
    expect(passagesOf(selectNegatives(search(12), bounded(-2.5, -5), top, 3))).toEqual([4, 5]);
  });

  it('only remove from raw ranks', () => {
    expect(sourcesOf(selectNegatives(search(12), bounded(-3, -Infinity), { ...top, rankBasis: 'raw' }, 3))).toEqual([
      [3, 3, 'window'],
    ]);
  });

  it('hold for backfill', () => {
    const raw = { ...top, rankBasis: 'raw' as const };
    expect(passagesOf(selectNegatives(search(12), bounded(-3, -6), { ...raw, backfill: 'next' }, 9))).toEqual([
      3, 4, 5, 6,
    ]);
    expect(passagesOf(selectNegatives(search(12), bounded(-3, -6), { ...raw, backfill: 'random' }, 9))).toEqual([
      3, 4, 5, 6,
    ]);
  });

  it('let the first allowed passage of a class stand for it in random backfill', () => {
    // Three of a class; the first passage of all is above the ceiling, and the third would be drawn before the others.
    const classOf = (passage: number) => passage - (passage % 3);
    const draws = [0.05, 0.2, 0.01, 0.1, 0.02, 0.3];
    const row = rowOver(6, { classOf, draws, bounds: { ceiling: -1, floor: -Infinity } });
    const settings = { ...top, range: { low: 0, high: 1 }, rankBasis: 'raw' as const, backfill: 'random' as const };
    expect(passagesOf(selectNegatives(search(6), row, settings, 1))).toEqual([3]);
    expect(passagesOf(selectNegatives(search(6), row, settings, 3))).toEqual([1, 3]);
    const below = rowOver(6, { classOf, draws, bounds: { ceiling: -2, floor: -Infinity } });
    expect(passagesOf(selectNegatives(search(6), below, settings, 1))).toEqual([2]);
  });

  it('need no deeper search where the neighbours have come to the floor', () => {
    const settings = { ...top, range: { low: 1, high: 9 } };
    expect(selectNegatives(search(5), bounded(0, -4), settings, 4)).toBeUndefined();
    expect(passagesOf(selectNegatives(search(6), bounded(0, -4), settings, 4))).toEqual([1, 2, 3, 4]);
  });

  it('leave out what is too like a positive, in the window and by backfill', () => {
    const row = rowOver(12, { isTooSimilar: (passage) => passage % 2 === 0 });
    expect(passagesOf(selectNegatives(search(12), row, top, 3))).toEqual([3, 5, 7]);
    const settings = { ...top, rankBasis: 'raw' as const, backfill: 'random' as const };
    expect(passagesOf(selectNegatives(search(12), row, settings, 9))).toEqual([1, 3, 5, 7, 9, 11]);
  });
});

describe('the reason why a row is short', () => {
  const reasonFor = (row: RowView, settings: Partial<SelectSettings> = {}, count = 4) => {
    const selection = selectWithReason(
      { ...search(row.poolSize), isWhole: true },
      row,
      { ...DEFAULTS, ...settings },
      count,
    );
    return selection === DEEPER ? 'deeper' : selection.reason;
  };

  it.each<{ title: string; row: RowView; settings?: Partial<SelectSettings>; reason: string | undefined }>([
    { title: 'is none where it is full', row: rowOver(6), reason: undefined },
    { title: 'is the pool, where it could not fill any window', row: rowOver(3), reason: 'pool too small' },
    {
      title: 'is the pool, where exclusions leave too little',
      row: rowOver(6, { excluded: new Set([0, 1, 2]) }),
      reason: 'pool too small',
    },
    { title: 'is too few candidates past the skipped ranks', row: rowOver(5), reason: 'too few candidates' },
    {
      title: 'is the ceiling',
      row: rowOver(6, { bounds: { ceiling: -3, floor: -Infinity } }),
      settings: { range: { low: 0, high: 6 } },
      reason: 'ceiling',
    },
    {
      title: 'is the floor',
      row: rowOver(6, { bounds: { ceiling: Infinity, floor: -2 } }),
      settings: { range: { low: 0, high: 6 } },
      reason: 'floor',
    },
  ])('$title', ({ row, settings, reason }) => {
    expect(reasonFor(row, settings)).toBe(reason);
  });

  it('is the ceiling where the floor is above it, however deep the search went', () => {
    const row = rowOver(6, { bounds: { ceiling: -9, floor: -3 } });
    const settings = { ...DEFAULTS, range: { low: 0, high: 6 } };
    for (const k of [0, 5, 6]) {
      const selection = selectWithReason({ ...search(k), isWhole: k !== 5 }, row, settings, 4);
      expect(selection).toEqual({ negatives: [], reason: 'ceiling' });
    }
  });
});

describe('a ranking that is not by score', () => {
  /** Ranked 5, 3, 1, 0, 2, 4; the score of each is minus its number. */
  const passages = Int32Array.of(5, 3, 1, 0, 2, 4);
  const ranked = (k: number) => {
    const some = passages.subarray(0, k);
    return { ...search(0), passages: some, scores: Float64Array.from(some, (one) => -one), isByScore: false };
  };
  const settings = { ...DEFAULTS, range: { low: 1, high: 4 } };

  it('gives negatives by rank, random ones last and by score', () => {
    expect(passagesOf(selectNegatives(ranked(6), rowOver(6), settings, 3))).toEqual([3, 1, 0]);
    const raw = { ...settings, rankBasis: 'raw' as const, backfill: 'random' as const };
    const chosen = selectNegatives(ranked(6), rowOver(6, { excluded: new Set([3]) }), raw, 5);
    expect(sourcesOf(chosen)).toEqual([
      [5, 0, 'skipped'],
      [1, 2, 'window'],
      [0, 3, 'window'],
      [2, null, 'random'],
      [4, null, 'random'],
    ]);
  });

  it('does not end at the first score below the floor', () => {
    const row = rowOver(6, { bounds: { ceiling: 0, floor: -2 } });
    const all = { ...settings, range: { low: 0, high: 3 } };
    expect(selectNegatives(ranked(2), row, all, 3)).toBeUndefined();
    expect(passagesOf(selectNegatives(ranked(6), row, all, 3))).toEqual([1, 0, 2]);
  });

  it('takes what is below the ceiling wherever it stands', () => {
    const row = rowOver(6, { bounds: { ceiling: -2, floor: -Infinity } });
    expect(sourcesOf(selectNegatives(ranked(6), row, settings, 3))).toEqual([
      [3, 1, 'window'],
      [2, 2, 'window'],
      [4, 3, 'window'],
    ]);
  });

  describe('and ends before the pool does', () => {
    const short = (k: number) => ({ ...ranked(k), coversPool: false, isWhole: true });
    const select = (k: number, row: RowView, more: Partial<SelectSettings> = {}) =>
      selectWithReason(short(k), row, { ...settings, ...more }, 3);

    it.each(['none', 'next'] as const)('leaves the row short (%s)', (backfill) => {
      expect(select(3, rowOver(6), { backfill })).toMatchObject({
        negatives: [{ passage: 3 }, { passage: 1 }],
        reason: 'run too short',
      });
    });

    it('is filled at random from the rest of the pool', () => {
      expect(select(3, rowOver(6), { backfill: 'random' })).toEqual({
        negatives: [
          { passage: 3, score: -3, rank: 1, source: 'window' },
          { passage: 1, score: -1, rank: 2, source: 'window' },
          { passage: 4, score: -4, rank: null, source: 'random' },
        ],
      });
    });

    it('is filled at random even where it ranks nothing', () => {
      const selection = select(0, rowOver(6, { bounds: { ceiling: -3, floor: -Infinity } }), { backfill: 'random' });
      expect(selection === DEEPER ? [] : passagesOf(selection.negatives)).toEqual([3, 4, 5]);
    });

    it.each<{ title: string; row: RowView; more?: Partial<SelectSettings>; reason: string }>([
      { title: 'the ceiling', row: rowOver(6, { bounds: { ceiling: -2, floor: -Infinity } }), reason: 'ceiling' },
      { title: 'the floor', row: rowOver(6, { bounds: { ceiling: 0, floor: -2 } }), reason: 'floor' },
      {
        title: 'the ceiling of random backfill',
        row: rowOver(6, { bounds: { ceiling: -4, floor: -Infinity } }),
        more: { backfill: 'random' },
        reason: 'ceiling',
      },
      { title: 'the pool', row: rowOver(6, { excluded: new Set([0, 1, 2, 3]) }), reason: 'pool too small' },
    ])('and does not take the blame of $title', ({ row, more, reason }) => {
      expect(select(5, row, more)).toMatchObject({ reason });
    });
  });
});

describe('weighted sampling', () => {
  const weighted = { ...DEFAULTS, sample: 'weighted' as const, range: { low: 0, high: 6 } };

  it('takes the smallest of -ln(u) / exp(-a (score - p - b)^2)', () => {
    const draws = [0.9, 0.2, 0.5, 0.7, 0.01, 0.99];
    const scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    for (const { positive, sampleSharpness, sampleOffset } of [
      { positive: 0.65, sampleSharpness: 100, sampleOffset: 0 },
      { positive: 0.9, sampleSharpness: 20, sampleOffset: -0.3 },
      { positive: 0.5, sampleSharpness: 0, sampleOffset: 0 },
    ]) {
      const key = (i: number) => {
        const weight = Math.exp(-sampleSharpness * ((scores[i] as number) - positive - sampleOffset) ** 2);
        return -Math.log(draws[i] as number) / weight;
      };
      const expected = [0, 1, 2, 3, 4, 5].sort((a, b) => key(a) - key(b)).slice(0, 3);
      const ranking = { ...search(6), scores: Float64Array.from(scores), isWhole: true };
      const row = rowOver(6, { draws, positive, scoreOf: (passage) => scores[passage] as number });
      const settings = { ...weighted, sampleSharpness, sampleOffset };
      const selection = selectWithReason(ranking, row, settings, 3);
      expect(selection === DEEPER ? [] : passagesOf(selection.negatives)).toEqual(expected.sort((a, b) => a - b));
    }
  });

  it('still orders candidates whose weights are too small for a number', () => {
    // exp(-100 * 90^2) is 0 in float64.
    const row = rowOver(100, { positive: 0, draws: new Array<number>(100).fill(0.5) });
    const settings = { ...weighted, range: { low: 90, high: 100 } };
    expect(passagesOf(selectNegatives(search(100), row, settings, 2))).toEqual([90, 91]);
  });
});

it('chooses as a plain reading of the rules does, for any small pool', () => {
  const small = fc.record({
    poolSize: fc.integer({ min: 1, max: 12 }),
    low: fc.integer({ min: 0, max: 6 }),
    width: fc.integer({ min: 1, max: 6 }),
    count: fc.integer({ min: 0, max: 6 }),
    excluded: fc.array(fc.nat(11)),
    joins: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    draws: fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 12, maxLength: 12 }),
    rankBasis: fc.constantFrom('candidates' as const, 'raw' as const),
    sample: fc.constantFrom('random' as const, 'top' as const),
    backfill: fc.constantFrom('random' as const, 'next' as const, 'none' as const),
  });
  fc.assert(
    fc.property(small, ({ poolSize, low, width, count, excluded, joins, draws, rankBasis, sample, backfill }) => {
      // A passage that joins is of the same class as the one before it.
      const classes = joins.map((_, i) => (joins.lastIndexOf(false, i) === -1 ? 0 : joins.lastIndexOf(false, i)));
      const classOf = (passage: number) => classes[passage] as number;
      const row = rowOver(poolSize, { draws, classOf, excluded: new Set(excluded.map(classOf)) });
      const settings = { ...DEFAULTS, range: { low, high: low + width }, rankBasis, sample, backfill };
      const expected = chooseByRules(row, settings, count, draws);
      const answers = Array.from({ length: poolSize }, (_, i) => selectNegatives(search(i + 1), row, settings, count));
      expect(passagesOf(answers.at(-1))).toEqual(expected);
      // A shallower search gives the same, or says that it cannot.
      for (const answer of answers) if (answer !== undefined) expect(answer).toEqual(answers.at(-1));
    }),
    { numRuns: 300 },
  );
});

function chooseByRules(row: RowView, settings: SelectSettings, count: number, draws: readonly number[]): number[] {
  const { range, rankBasis, sample, backfill } = settings;
  const everyone = Array.from({ length: row.poolSize }, (_, passage) => passage);
  const candidates = everyone.filter((passage) => {
    const isFirst = everyone.findIndex((other) => row.classOf(other) === row.classOf(passage)) === passage;
    return isFirst && !row.excluded.has(row.classOf(passage));
  });
  const rankOf = (passage: number) => (rankBasis === 'raw' ? passage : candidates.indexOf(passage));
  const within = (from: number, to: number) => candidates.filter((one) => rankOf(one) >= from && rankOf(one) < to);
  const byDraw = (some: number[]) => some.toSorted((a, b) => (draws[a] as number) - (draws[b] as number));
  const window = within(range.low, range.high);
  const chosen = (sample === 'top' ? window : byDraw(window)).slice(0, count);
  const past = within(range.high, row.poolSize);
  const skipped = within(0, range.low).toReversed();
  const more = { none: [], next: past, random: [...byDraw(past), ...skipped] }[backfill];
  return [...chosen, ...more].slice(0, count).toSorted((a, b) => a - b);
}
