import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import type { Encoder } from '#dist/embed/encoder.js';
import { HnMineError } from '#dist/errors.js';
import type { Tools } from '#dist/mine.js';
import { createFlatIndex } from '#dist/search/flat.js';
import { hashVector, indexOf, mineInMemory, type Records, scoreInText, textsOf } from './mine-in-memory.js';

/** Passages `p9` to `p0`: the number is the score, so `p9` ranks first. */
const TEN = Array.from({ length: 10 }, (_, i) => ({ text: `p${9 - i}` }));

const mine = async (records: Records, settings: MineSettings) =>
  (await mineInMemory(records, settings, scoreInText)).rows.map(textsOf);

const mineOne = async (row: object, settings: MineSettings, pool: readonly object[] = TEN) =>
  (await mineInMemory({ input: [row], pool }, settings, scoreInText)).rows[0];

const row = (query: string, ...pos: string[]) => ({ query, pos });

async function refusalOf(records: Records, settings: MineSettings): Promise<string> {
  const openEncoder = () => Promise.reject(new Error('the model was loaded'));
  try {
    await mineInMemory(records, settings, scoreInText, { openEncoder });
  } catch (error) {
    expect(error).toBeInstanceOf(HnMineError);
    expect(error).toMatchObject({ code: 'input' });
    return (error as Error).message;
  }
  return 'no error';
}

describe('windows', () => {
  it.each<{ range: [number, number]; neg: number; expected: string[] }>([
    { range: [0, 3], neg: 3, expected: ['p9', 'p8', 'p7'] },
    { range: [1, 4], neg: 3, expected: ['p8', 'p7', 'p6'] },
    { range: [1, 4], neg: 2, expected: ['p8', 'p7'] },
    { range: [6, 9], neg: 3, expected: ['p3', 'p2', 'p1'] },
  ])('$range by top gives $neg: $expected', async ({ range, neg, expected }) => {
    expect((await mineOne(row('q', 'x'), { range, neg, sample: 'top' }))?.negatives.map(({ text }) => text)).toEqual(
      expected,
    );
  });

  it.each(['random', 'top'] as const)('of N ranks give every row all of them, best first, by %s', async (sample) => {
    const input = Array.from({ length: 40 }, (_, i) => row(`q${i}`, `p${i % 10}`));
    const found = await mine({ input, pool: TEN }, { range: [2, 7], neg: 5, sample });
    found.forEach((texts, i) => {
      expect(texts).toEqual(
        TEN.map(({ text }) => text)
          .filter((text) => text !== `p${i % 10}`)
          .slice(2, 7),
      );
    });
  });

  it('are sampled at random: in the end every rank of them and no other', async () => {
    const input = Array.from({ length: 200 }, (_, i) => row(`q${i}`, 'x'));
    const { rows } = await mineInMemory({ input, pool: TEN }, { range: [2, 7], neg: 2 }, scoreInText);
    const ranks = rows.flatMap(({ negatives }) => negatives.map(({ rank }) => rank));
    const counts = Array.from({ length: 10 }, (_, rank) => ranks.filter((found) => found === rank).length);
    expect(counts.filter((count) => count === 0)).toHaveLength(5);
    // 80 expected of each; five standard deviations of a binomial are 35.
    for (const count of counts.slice(2, 7)) expect(Math.abs(count - 80)).toBeLessThan(35);
  });

  it('of raw ranks lose what is excluded, those of candidates do not', async () => {
    const settings = { range: '0-4', neg: 4, sample: 'top', backfill: 'none' } as const;
    const records = { input: [row('q', 'p8', 'p6')], pool: TEN };
    expect(await mine(records, settings)).toEqual([['p9', 'p7', 'p5', 'p4']]);
    expect(await mine(records, { ...settings, rankBasis: 'raw' })).toEqual([['p9', 'p7']]);
  });

  it('are told by rank and source', async () => {
    const mined = await mineOne(row('q', 'p8'), { range: '1-3', neg: 2, sample: 'top' });
    expect(mined?.negatives).toEqual([
      { text: 'p7', score: 7, rank: 1, source: 'window' },
      { text: 'p6', score: 6, rank: 2, source: 'window' },
    ]);
    expect(mined?.posScores).toEqual([8]);
    expect(mined?.reason).toBeUndefined();
  });

  it('put equal scores in pool order', async () => {
    const pool = ['b 1', 'a 1', 'd 1', 'c 1'].map((text) => ({ text }));
    expect(await mine({ input: [row('q', 'x')], pool }, { range: '1-3', neg: 2 })).toEqual([['a 1', 'd 1']]);
  });
});

describe('pools that are too small', () => {
  const three = [{ text: 'p3' }, { text: 'p2' }, { text: 'p1' }];

  it.each<{ title: string; settings: MineSettings; message: string }>([
    {
      title: 'for N',
      settings: { range: '0-15', neg: 3 },
      message: '--neg 3: no row has so many candidates (at most 2, from a pool of 3); lower --neg or add passages',
    },
    {
      title: 'for the window, without backfill',
      settings: { range: '2-5', neg: 1, backfill: 'none' },
      message:
        '--range 2-5: the window begins past the candidates of every row (at most 2, from a pool of 3); lower --range, add passages, or use --backfill random',
    },
    {
      title: 'for the window, with the next ranks',
      settings: { range: '7-9', neg: 1, backfill: 'next' },
      message:
        '--range 7-9: the window begins past the candidates of every row (at most 2, from a pool of 3); lower --range, add passages, or use --backfill random',
    },
  ])('$title are refused before the model loads', async ({ settings, message }) => {
    expect(await refusalOf({ input: [row('q', 'p2')], pool: three }, settings)).toBe(message);
  });

  it('are none for raw ranks that the pool reaches, though candidates are fewer', async () => {
    const input = [row('q', 'p7', 'p6', 'p5', 'p4')];
    const settings: MineSettings = { range: '5-8', neg: 2, rankBasis: 'raw', sample: 'top', backfill: 'none' };
    const { rows, outlook } = await mineInMemory({ input, pool: TEN.slice(2) }, settings, scoreInText);
    expect(rows[0]?.negatives).toEqual([
      { text: 'p2', score: 2, rank: 5, source: 'window' },
      { text: 'p1', score: 1, rank: 6, source: 'window' },
    ]);
    expect(outlook).toMatchObject({ shortWindows: 0, mostCandidates: 4 });
    expect(await refusalOf({ input, pool: TEN.slice(2, 7) }, { ...settings, neg: 1 })).toBe(
      '--range 5-8: the window begins past the candidates of every row (at most 1, from a pool of 5); lower --range, add passages, or use --backfill random',
    );
  });

  it('are made up for by skipped ranks', async () => {
    const mined = await mineOne(row('q', 'p2'), { range: '5-9', neg: 2 }, three);
    expect(mined?.negatives).toEqual([
      { text: 'p3', score: 3, rank: 0, source: 'skipped' },
      { text: 'p1', score: 1, rank: 1, source: 'skipped' },
    ]);
  });

  it.each([3, 10])('never give padding or a positive where %i ranks are asked for', async (high) => {
    const input = [row('q', 'p3'), row('q', 'p1'), row('r', 'p2')];
    const settings: MineSettings = { range: [0, high], neg: 2, sample: 'top' };
    const { rows } = await mineInMemory({ input, pool: three }, settings, scoreInText);
    expect(rows.map(textsOf)).toEqual([['p2'], ['p2'], ['p3', 'p1']]);
    expect(rows.map(({ reason }) => reason)).toEqual(['pool too small', 'pool too small', undefined]);
  });

  it('give short rows a reason', async () => {
    const settings: MineSettings = { range: '5-9', neg: 2, backfill: 'none' };
    const pool = TEN.slice(0, 8);
    const input = [row('q', 'x'), row('r', 'p9', 'p8'), row('s', ...TEN.slice(0, 7).map(({ text }) => text))];
    const { rows, outlook } = await mineInMemory({ input, pool }, settings, scoreInText);
    expect(rows.map(({ negatives, reason }) => [negatives.length, reason])).toEqual([
      [2, undefined],
      [1, 'too few candidates'],
      [0, 'pool too small'],
    ]);
    expect(outlook).toEqual({
      shortWindows: 2,
      leastCandidates: 1,
      mostCandidates: 8,
      positives: 8,
      positivesNotInPool: 1,
    });
  });

  it('are an error where they are empty', async () => {
    expect(await refusalOf({ input: [row('q', 'p')], pool: [] }, {})).toBe(
      'pool: no passages; expected one JSON object a line with the field "text"',
    );
    expect(await refusalOf({ input: [], pool: TEN }, {})).toBe('input: no rows; expected one JSON object a line');
  });
});

describe('who is a candidate', () => {
  it.each<{ title: string; input: object[]; pool?: object[]; expected: string[][] }>([
    {
      title: 'no positive, however many rows share it',
      input: [row('q', 'p2'), row('r', 'p2'), row('s', 'p1', 'p3')],
      pool: TEN.slice(6),
      expected: [
        ['p3', 'p1'],
        ['p3', 'p1'],
        ['p2', 'p0'],
      ],
    },
    {
      title: "no sibling's positive, by text",
      input: [row('q', 'p3'), row(' q ', 'p1'), row('Q', 'p0')],
      pool: TEN.slice(6),
      expected: [
        ['p2', 'p0'],
        ['p2', 'p0'],
        ['p3', 'p2'],
      ],
    },
    {
      title: "no sibling's positive, by ID",
      input: [
        { query: 'q', query_id: 1, pos: ['p3'] },
        { query: 'paraphrase', query_id: '1', pos: ['p1'] },
      ],
      pool: TEN.slice(6),
      expected: [
        ['p2', 'p0'],
        ['p2', 'p0'],
      ],
    },
    {
      title: 'not the query itself, in symmetric data',
      input: [row('p1', 'p2'), row('p2', 'p1'), row('p3', 'p0'), row(' p0', 'p3')],
      expected: [
        ['p3', 'p0'],
        ['p3', 'p0'],
        ['p2', 'p1'],
        ['p2', 'p1'],
      ],
    },
    {
      title: 'everything where the positives are not in the pool',
      input: [row('q', 'x7'), row('r', 'y')],
      pool: TEN.slice(8),
      expected: [
        ['p1', 'p0'],
        ['p1', 'p0'],
      ],
    },
    {
      title: 'one of texts that are equal after normalization',
      input: [row('q', ' p3')],
      pool: [...TEN.slice(6), { text: 'p2 ' }, { text: 'p3\n' }, { text: '  p2' }],
      expected: [['p2', 'p1']],
    },
    {
      title: 'the same text under two IDs, once, and neither where one is a positive',
      input: [row('q', 'x'), { query: 'r', pos: ['x'], pos_ids: ['b'] }],
      pool: [
        { _id: 'a', text: 'p2' },
        { _id: 'b', text: 'p2' },
        { _id: 'c', text: 'p1' },
      ],
      expected: [['p2', 'p1'], ['p1']],
    },
    {
      title: 'no passage whose text is a positive, with or without its title',
      input: [row('q', 'p2'), row('r', 'T p2')],
      pool: [{ title: 'T', text: 'p2' }, { title: 'U', text: 'p2' }, { text: 'p1' }],
      expected: [['p1'], ['U p2', 'p1']],
    },
    {
      title: 'every positive and negative of the input where there is no pool',
      input: [{ query: 'q', pos: ['p3'], neg: ['p1', ''] }, row('r', 'p2')],
      expected: [
        ['p2', 'p1'],
        ['p3', 'p1'],
      ],
    },
    {
      title: 'the same for duplicate rows',
      input: [row('q', 'p1'), row('q', 'p1')],
      pool: TEN.slice(7),
      expected: [
        ['p2', 'p0'],
        ['p2', 'p0'],
      ],
    },
  ])('$title', async ({ input, pool, expected }) => {
    expect(await mine({ input, pool }, { range: '0-9', neg: 2, sample: 'top' })).toEqual(expected);
  });

  it('is found below hundreds of excluded passages, by deeper searches for the rows that need them', async () => {
    const pool = Array.from({ length: 3000 }, (_, i) => ({ text: `p${3000 - i}` }));
    const siblings = pool.slice(0, 500).map(({ text }) => row('q', text));
    const depths: [rows: number, k: number][] = [];
    const { rows } = await mineInMemory(
      { input: [...siblings, row('r', 'p3000')], pool },
      { range: '0-20', neg: 20, sample: 'top', limit: 501 },
      scoreInText,
      {
        createIndex: async (passages) => {
          const index = indexOf(passages);
          return {
            ...index,
            search(queries, k) {
              depths.push([queries.count, k]);
              return index.search(queries, k);
            },
          };
        },
      },
    );
    const expected = (from: number) => Array.from({ length: 20 }, (_, i) => `p${from - i}`);
    for (const mined of rows.slice(0, 500)) expect(textsOf(mined)).toEqual(expected(2500));
    expect(textsOf(rows[500] as (typeof rows)[number])).toEqual(expected(2999));
    expect(depths).toEqual([
      [501, 84],
      [500, 336],
      [500, 1344],
    ]);
  });

  it('is counted before the model loads', async () => {
    const input = [row('q', 'p1', 'x', ' p1'), row('r', 'y')];
    const { outlook } = await mineInMemory({ input, pool: TEN }, { range: '0-9', neg: 1 }, scoreInText);
    expect(outlook).toEqual({
      shortWindows: 0,
      leastCandidates: 9,
      mostCandidates: 10,
      positives: 3,
      positivesNotInPool: 2,
    });
  });
});

describe('backfill', () => {
  const settings: MineSettings = { range: '0-4', neg: 4, rankBasis: 'raw', sample: 'top' };
  const records = { input: [row('q', 'p9', 'p7', 'p4')], pool: [...TEN, { text: 'p8 ' }] };

  it('next takes the ranks past the window in order', async () => {
    const mined = (await mineInMemory(records, { ...settings, backfill: 'next' }, scoreInText)).rows[0];
    // The second 8 is raw rank 2, of the class of rank 1, and the window ends with the 7.
    expect(mined?.negatives.map(({ text, rank, source }) => [text, rank, source])).toEqual([
      ['p8', 1, 'window'],
      ['p6', 4, 'next'],
      ['p5', 5, 'next'],
      ['p3', 7, 'next'],
    ]);
  });

  it('random draws past the window, never what is excluded or there already', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const { negatives } = (await mineInMemory(records, { ...settings, seed }, scoreInText)).rows[0] as {
        negatives: readonly { text: string; rank: number | null; source: string; score: number | undefined }[];
      };
      expect(negatives).toHaveLength(4);
      expect(negatives[0]).toEqual({ text: 'p8', score: 8, rank: 1, source: 'window' });
      for (const { text, rank, source, score } of negatives.slice(1)) {
        expect([rank, source, score]).toEqual([null, 'random', Number(text.slice(1))]);
        seen.add(text);
      }
    }
    expect([...seen].sort()).toEqual(['p0', 'p1', 'p2', 'p3', 'p5', 'p6']);
  });

  it('none leaves the row short', async () => {
    const mined = (await mineInMemory(records, { ...settings, backfill: 'none' }, scoreInText)).rows[0];
    expect(mined?.negatives.map(({ text }) => text)).toEqual(['p8']);
    expect(mined?.reason).toBe('too few candidates');
  });
});

describe('negatives that rows came with', () => {
  const settings: MineSettings = { range: '0-9', neg: 3, sample: 'top', keepNeg: true, scores: true };

  it('come first in their order, without rank, and are mined no second time', async () => {
    const mined = await mineOne({ query: 'q', pos: ['p9'], neg: ['p2', 'n5'] }, settings);
    expect(mined?.negatives).toEqual([
      { text: 'p2', score: 2, rank: null, source: 'kept' },
      { text: 'n5', score: 5, rank: null, source: 'kept' },
      { text: 'p8', score: 8, rank: 0, source: 'window' },
    ]);
  });

  it('have no score where none is written and they are not in the pool', async () => {
    const mined = await mineOne({ query: 'q', pos: ['p9'], neg: ['n5'] }, { ...settings, scores: false });
    expect(mined?.negatives[0]).toEqual({ text: 'n5', score: undefined, rank: null, source: 'kept' });
  });

  it('are at most N', async () => {
    const mined = await mineOne({ query: 'q', pos: ['p9'], neg: ['p1', 'p2', 'p3', 'p4'] }, settings);
    expect(mined?.negatives.map(({ text }) => text)).toEqual(['p1', 'p2', 'p3']);
  });

  it('are replaced without the flag', async () => {
    const mined = await mineOne({ query: 'q', pos: ['p9'], neg: ['p2'] }, { ...settings, keepNeg: false });
    expect(mined?.negatives.map(({ text }) => text)).toEqual(['p8', 'p7', 'p6']);
  });

  it.each<{ title: string; neg: string[]; expected: string[] }>([
    { title: 'a positive', neg: ['p9 ', 'p1'], expected: ['p1', 'p8', 'p7'] },
    { title: "a sibling's positive, in the pool or not", neg: ['p8', ' other', 'p1'], expected: ['p1', 'p7', 'p6'] },
    { title: 'the query', neg: ['q', 'p1'], expected: ['p1', 'p8', 'p7'] },
    { title: 'empty', neg: ['', ' ', 'p1'], expected: ['p1', 'p8', 'p7'] },
    { title: 'there already', neg: ['p1', 'p1 ', 'p1'], expected: ['p1', 'p8', 'p7'] },
  ])('are left out where they are $title', async ({ title, neg, expected }) => {
    const siblings = title.includes('sibling') ? [row('q', 'p8', 'other')] : [];
    const input = [{ query: 'q', pos: ['p9'], neg }, ...siblings];
    expect((await mine({ input, pool: TEN }, settings))[0]).toEqual(expected);
  });

  it('are left out where they are a passage that answers, by ID or without its title', async () => {
    const pool = [{ _id: 7, title: 'T', text: 'p9' }, { title: 'U', text: 'p8' }, ...TEN.slice(2)];
    const input = [{ query: 'q', pos: ['p8'], pos_ids: [7], neg: ['T p9', 'U p8', 'p9', 'p1'] }];
    expect(await mine({ input, pool }, settings)).toEqual([['p1', 'p7', 'p6']]);
  });
});

describe('the same seed gives the same rows', () => {
  const input = Array.from({ length: 30 }, (_, i) => ({ query: `q${i % 25}`, pos: [`a${i}`], id: i }));
  const pool = Array.from({ length: 200 }, (_, i) => ({ text: `passage ${i}` }));
  const settings: MineSettings = { range: '5-60', neg: 6, scores: true, ranks: true };
  const linesOf = async (records: Records, more: MineSettings = {}) =>
    (await mineInMemory(records, { ...settings, ...more })).lines;

  it('again, and others for another seed', async () => {
    const lines = await linesOf({ input, pool });
    expect(await linesOf({ input, pool })).toEqual(lines);
    const others = await linesOf({ input, pool }, { seed: 43 });
    expect(others.filter((line, i) => line === lines[i])).toEqual([]);
  });

  it('in any order of the rows', async () => {
    const lines = await linesOf({ input, pool });
    expect((await linesOf({ input: input.toReversed(), pool })).toReversed()).toEqual(lines);
  });

  it('whatever the limit, while siblings come from the whole input', async () => {
    const lines = await linesOf({ input, pool });
    expect(await linesOf({ input, pool }, { limit: 7 })).toEqual(lines.slice(0, 7));
    const positives = [{ query: 'q0', pos: pool.slice(0, 190).map(({ text }) => text) }];
    const [first] = await linesOf({ input: [...input, ...positives], pool }, { limit: 1 });
    for (const text of JSON.parse(first as string).neg) expect(positives[0]?.pos).not.toContain(text);
  });

  it('from the built-in index with any number of workers', async () => {
    const lines = await linesOf({ input, pool });
    for (const workers of [1, 3]) {
      const tools = {
        createIndex: (passages: Parameters<typeof createFlatIndex>[0]) => createFlatIndex(passages, { workers }),
      };
      expect((await mineInMemory({ input, pool }, settings, hashVector, tools)).lines).toEqual(lines);
    }
  });

  it('in blocks of many rows as alone', async () => {
    const many = Array.from({ length: 2100 }, (_, i) => ({ query: `q${i}`, pos: ['x'] }));
    const few = pool.slice(0, 40);
    const blocks: number[] = [];
    const createIndex: Tools['createIndex'] = async (passages) => {
      const index = indexOf(passages);
      const search: typeof index.search = (queries, k) => {
        blocks.push(queries.count);
        return index.search(queries, k);
      };
      return { ...index, search };
    };
    const { lines } = await mineInMemory({ input: many, pool: few }, { ...settings, range: '1-20' }, hashVector, {
      createIndex,
    });
    // The second is made while the first is searched: either may be first to ask.
    expect(blocks.toSorted((a, b) => b - a)).toEqual([2048, 52]);
    for (const i of [0, 1023, 1024, 2047, 2048, 2099]) {
      expect(await linesOf({ input: [many[i] as object], pool: few }, { range: '1-20' })).toEqual([lines[i]]);
    }
  });

  it('but differs between wholly equal rows, and not between rows that differ elsewhere', async () => {
    const one = { query: 'q', pos: ['p'] };
    const input = [one, one, one, { ...one, id: 1 }];
    const found = await mineInMemory({ input, pool }, settings);
    const negatives = found.rows.map((mined) => textsOf(mined).join());
    expect(new Set(negatives.slice(0, 3)).size).toBe(3);
    expect(negatives[3]).toBe(negatives[0]);
    // A shard counts those before it.
    const shards = await Promise.all(['1/4', '2/4', '3/4', '4/4'].map((shard) => linesOf({ input, pool }, { shard })));
    expect(shards.flat()).toEqual(found.lines);
  });
});

it('encodes each distinct text once: the pool, positives that are not in it, then queries', async () => {
  const calls: [string, readonly string[]][] = [];
  const input = [row('q', 'p9', 'x1'), row('r', 'x1'), row('q', 'p8'), row('p1', 'p1 ')];
  const pool = TEN.slice(0, 5);
  await mineInMemory({ input, pool }, { range: '0-2', neg: 1 }, scoreInText, {
    openEncoder: async () => ({
      async encode(texts, role, onVectors) {
        calls.push([role, [...texts]]);
        onVectors(0, { data: new Float32Array(texts.length).fill(1), dim: 1, count: texts.length });
        return { truncated: 0 };
      },
      close: async () => {},
    }),
  });
  expect(calls).toEqual([
    ['passage', ['p9', 'p8', 'p7', 'p6', 'p5']],
    ['passage', ['x1', 'p1 ']],
    ['query', ['q', 'r', 'p1']],
  ]);
});

it('makes the index while queries are embedded, and tells it how many come', async () => {
  const events: string[] = [];
  let giveIndex = () => {};
  const indexed = new Promise<void>((resolve) => {
    giveIndex = resolve;
  });
  const { rows } = await mineInMemory(
    { input: [row('p1', 'p9'), row('p2', 'p9')], pool: TEN },
    { range: '0-2', neg: 1 },
    scoreInText,
    {
      openEncoder: async () => ({
        async encode(texts, role, onVectors) {
          // Queries are not done before there is an index.
          if (role === 'query') await indexed;
          events.push(role);
          onVectors(0, { data: new Float32Array(texts.length).fill(1), dim: 1, count: texts.length });
          return { truncated: 0 };
        },
        close: async () => {},
      }),
      createIndex: async (passages, queries) => {
        events.push(`index for ${queries}`);
        giveIndex();
        return indexOf(passages);
      },
    },
  );
  expect(events).toEqual(['passage', 'index for 2', 'query']);
  expect(rows.map(textsOf)).toHaveLength(2);
});

describe('what was opened is closed', () => {
  const records = { input: [row('q', 'x')], pool: TEN };
  const settings: MineSettings = { range: '0-2', neg: 1 };

  it('when encoding fails', async () => {
    const closed: string[] = [];
    const encoder = {
      encode: () => Promise.reject(new Error('no vector')),
      close: async () => void closed.push('encoder'),
    };
    await expect(mineInMemory(records, settings, scoreInText, { openEncoder: async () => encoder })).rejects.toThrow(
      'no vector',
    );
    expect(closed).toEqual(['encoder']);
  });

  it('when the index cannot be made while queries are embedded', async () => {
    const closed: string[] = [];
    let endQueries: (error: Error) => void = () => {};
    const encoder: Encoder = {
      encode(texts, role, onVectors) {
        if (role === 'query') {
          return new Promise((_, reject) => {
            endQueries = reject;
          });
        }
        onVectors(0, { data: new Float32Array(texts.length).fill(1), dim: 1, count: texts.length });
        return Promise.resolve({ truncated: 0 });
      },
      async close() {
        closed.push('encoder');
        endQueries(new Error('closed while work was under way'));
      },
    };
    const tools: Partial<Tools> = {
      openEncoder: async () => encoder,
      createIndex: () => Promise.reject(new Error('no device')),
    };
    await expect(mineInMemory(records, settings, scoreInText, tools)).rejects.toThrow('no device');
    expect(closed).toEqual(['encoder']);
  });

  it('when queries cannot be embedded, the index made meanwhile', async () => {
    const closed: string[] = [];
    const encoder: Encoder = {
      async encode(texts, role, onVectors) {
        if (role === 'query') throw new Error('no vector');
        onVectors(0, { data: new Float32Array(texts.length).fill(1), dim: 1, count: texts.length });
        return { truncated: 0 };
      },
      close: async () => void closed.push('encoder'),
    };
    const tools: Partial<Tools> = {
      openEncoder: async () => encoder,
      createIndex: async (passages) => ({ ...indexOf(passages), close: async () => void closed.push('index') }),
    };
    await expect(mineInMemory(records, settings, scoreInText, tools)).rejects.toThrow('no vector');
    expect(closed.toSorted()).toEqual(['encoder', 'index']);
  });

  it('when a search fails, and the error is told', async () => {
    const closed: string[] = [];
    const index = {
      size: 10,
      search: () => Promise.reject(new Error('no neighbours')),
      close: async () => void closed.push('index'),
    };
    await expect(mineInMemory(records, settings, scoreInText, { createIndex: async () => index })).rejects.toThrow(
      'no neighbours',
    );
    expect(closed).toEqual(['index']);
  });
});
