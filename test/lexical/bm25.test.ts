import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectScoresOf, scoreTexts } from './bm25s.js';

describe('BM25', () => {
  it.each(['fixtures', 'fixtures-pyserini'])('scores as bm25s does (%s)', async (name) => {
    await expectScoresOf(`fixtures/references/bm25s-${name}.jsonl`, 'fixtures');
  });

  it('is the formula, computed by hand', async () => {
    const texts = ['a b a', 'b c', 'd'];
    const [found] = await scoreTexts(texts, ['a b z'], { k1: 1.2, b: 0.75 });
    const idf = (frequency: number) => Math.log(1 + (3 - frequency + 0.5) / (frequency + 0.5));
    const part = (count: number, length: number) => count / (count + 1.2 * (0.25 + (0.75 * length) / 2));
    expect(found?.passages).toEqual(Int32Array.of(0, 1));
    expect(found?.scores[0]).toBeCloseTo(idf(1) * part(2, 3) + idf(2) * part(1, 3), 14);
    expect(found?.scores[1]).toBeCloseTo(idf(2) * part(1, 2), 14);
  });

  it('counts a word of the query as often as it stands there', async () => {
    const [once, twice] = await scoreTexts(['a b', 'c'], ['a', 'A a']);
    expect(twice?.scores[0]).toBeCloseTo(2 * (once?.scores[0] as number), 14);
  });

  it('finds nothing that shares no word', async () => {
    const found = await scoreTexts(['a', 'b', '...'], ['c', '?!', 'b']);
    expect(found.map(({ passages }) => Array.from(passages))).toEqual([[], [], [1]]);
  });

  it('finds nothing in a pool without words', async () => {
    expect((await scoreTexts(['...', '!'], ['a'])).map(({ passages }) => passages.length)).toEqual([0]);
  });

  it('puts equal scores in pool order, at any depth', async () => {
    const texts = Array.from({ length: 500 }, (_, i) => (i % 3 === 0 ? 'x y' : 'x'));
    for (const depth of [1, 7, 200, 333, 334, 500, 900]) {
      const [found] = await scoreTexts(texts, ['x'], { depth });
      const short = texts.flatMap((text, i) => (text === 'x' ? [i] : []));
      const long = texts.flatMap((text, i) => (text === 'x' ? [] : [i]));
      expect(Array.from(found?.passages ?? [])).toEqual([...short, ...long].slice(0, depth));
    }
  });

  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', 'dd', 'E', 'é'), { maxLength: 6 })
    .map((words) => words.join(' '));

  it('is the same for any depth, memory, workers and other queries', async () => {
    const texts = fc.array(text, { minLength: 1, maxLength: 40 });
    const queries = fc.array(text, { minLength: 1, maxLength: 70 });
    await fc.assert(
      fc.asyncProperty(texts, queries, fc.integer({ min: 1, max: 40 }), async (some, asked, depth) => {
        const all = await scoreTexts(some, asked);
        const cut = await scoreTexts(some, asked, { depth, memory: 30, workers: 2 });
        expect(cut).toEqual(
          all.map(({ passages, scores }) => ({ passages: passages.slice(0, depth), scores: scores.slice(0, depth) })),
        );
        expect(await scoreTexts(some, asked.slice(-1))).toEqual(all.slice(-1));
      }),
      { numRuns: 15 },
    );
  });
});
