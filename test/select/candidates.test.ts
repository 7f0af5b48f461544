import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  type CandidateRules,
  Candidates,
  cutWindow,
  listCandidates,
  type RankBasis,
} from '#dist/select/candidates.js';

/** Passages best first, scores falling by one tenth. */
function rank(passages: number[]) {
  return { passages: Int32Array.from(passages), scores: Float64Array.from(passages, (_, i) => 1 - i / 10) };
}

function candidatesOf(list: readonly Candidate[]): Candidates {
  const ranking = {
    passages: Int32Array.from(list, ({ passage }) => passage),
    scores: Float64Array.from(list, ({ score }) => score),
  };
  return new Candidates(
    ranking,
    list.map((_, place) => place),
    list.map(({ rank }) => rank),
  );
}

/** No class but a passage's own, and no bounds. */
function rulesOf(rules: Partial<CandidateRules>): CandidateRules {
  return {
    classOf: (passage) => passage,
    excluded: new Set(),
    bounds: { ceiling: Infinity, floor: -Infinity },
    isTooSimilar: () => false,
    ...rules,
  };
}

describe('listCandidates', () => {
  it.each<{ basis: RankBasis; expected: [passage: number, rank: number][] }>([
    // biome-ignore format: passage and rank, side by side
    { basis: 'candidates', expected: [[3, 0], [0, 1], [5, 2], [1, 3]] },
    // biome-ignore format: passage and rank, side by side
    { basis: 'raw', expected: [[3, 1], [0, 3], [5, 4], [1, 5]] },
  ])('counts ranks on the basis of $basis', ({ basis, expected }) => {
    const found = listCandidates(rank([4, 3, 2, 0, 5, 1]), rulesOf({ excluded: new Set([2, 4]) }), basis);
    expect([...found].map(({ passage, rank }) => [passage, rank])).toEqual(expected);
  });

  it('keeps each candidate its own score', () => {
    const found = listCandidates(rank([4, 3, 2]), rulesOf({ excluded: new Set([3]) }), 'candidates');
    expect([...found].map(({ passage, score }) => [passage, score])).toEqual([
      [4, 1],
      [2, 0.8],
    ]);
  });

  it.each<{ basis: RankBasis; ranks: number[] }>([
    { basis: 'candidates', ranks: [0, 1, 2] },
    { basis: 'raw', ranks: [0, 1, 4] },
  ])('takes a class once, at its best rank ($basis)', ({ basis, ranks }) => {
    // 0, 2 and 4 are one class, named after 0.
    const classOf = (passage: number) => (passage % 2 === 0 ? 0 : passage);
    const found = listCandidates(rank([4, 3, 0, 2, 1]), rulesOf({ excluded: new Set(), classOf }), basis);
    expect([...found].map(({ passage }) => passage)).toEqual([4, 3, 1]);
    expect([...found].map(({ rank }) => rank)).toEqual(ranks);
  });

  it('leaves out every passage of an excluded class', () => {
    const classOf = (passage: number) => (passage % 2 === 0 ? 0 : passage);
    const found = listCandidates(rank([4, 3, 0, 2, 1]), rulesOf({ excluded: new Set([0]), classOf }), 'candidates');
    expect([...found].map(({ passage }) => passage)).toEqual([3, 1]);
  });

  it('does not change the set of excluded classes', () => {
    const excluded = new Set([1]);
    listCandidates(rank([0, 1, 2]), rulesOf({ excluded }), 'raw');
    expect(excluded).toEqual(new Set([1]));
  });
});

it('listCandidates leaves out what is above the ceiling, below the floor, or too like a positive, and ranks the rest', () => {
  const rules = rulesOf({ bounds: { ceiling: 0.9, floor: 0.6 }, isTooSimilar: (passage) => passage === 7 });
  const neighbours = rank([9, 8, 7, 6, 5, 4]);
  const ranksOn = (basis: RankBasis) =>
    Array.from(listCandidates(neighbours, rules, basis), (one) => [one.passage, one.rank]);
  // biome-ignore format: passage and rank, side by side
  expect(ranksOn('candidates')).toEqual([[8, 0], [6, 1], [5, 2]]);
  // biome-ignore format: passage and rank, side by side
  expect(ranksOn('raw')).toEqual([[8, 1], [6, 3], [5, 4]]);
});

describe('cutWindow', () => {
  const ranked = (ranks: number[]) => candidatesOf(ranks.map((rank) => ({ passage: 100 + rank, score: -rank, rank })));
  const ranksOf = (part: Candidates) => Array.from(part, ({ rank }) => rank);

  it.each([
    { range: [0, 3], ranks: [0, 1, 2, 3, 4], skipped: [], window: [0, 1, 2], past: [3, 4] },
    { range: [1, 4], ranks: [0, 1, 2, 3, 4], skipped: [0], window: [1, 2, 3], past: [4] },
    { range: [2, 9], ranks: [0, 1, 2, 3], skipped: [0, 1], window: [2, 3], past: [] },
    { range: [5, 9], ranks: [0, 1, 2], skipped: [0, 1, 2], window: [], past: [] },
    { range: [1, 4], ranks: [0, 3, 4, 6], skipped: [0], window: [3], past: [4, 6] },
    { range: [1, 4], ranks: [], skipped: [], window: [], past: [] },
  ])('cuts [$range] out of ranks $ranks', ({ range: [low = 0, high = 0], ranks, skipped, window, past }) => {
    const parts = cutWindow(ranked(ranks), { low, high }, 0, () => 0);
    expect([parts.skipped, parts.window, parts.past].map(ranksOf)).toEqual([skipped, window, past]);
  });

  it.each([
    // Passages 100 to 105, of scores 0 to -5; the likeness of the fourth to a positive is 4, of the others 0.
    { weight: 0.5, low: 2, skipped: [0, 1], window: [2, 3] },
    { weight: 1, low: 2, skipped: [0, 3], window: [1, 2] },
    { weight: 2, low: 1, skipped: [3], window: [0, 1, 2] },
    { weight: 2, low: 3, skipped: [0, 1, 3], window: [2] },
  ])('skips what is likest to query and positive together, with weight $weight', ({ weight, low, skipped, window }) => {
    const likenessOf = (passage: number) => (passage === 103 ? 4 : 0);
    const parts = cutWindow(ranked([0, 1, 2, 3, 4, 5]), { low, high: 4 }, weight, likenessOf);
    expect([parts.skipped, parts.window, parts.past].map(ranksOf)).toEqual([skipped, window, [4, 5]]);
  });

  it('skips what the pool has first among those of equal risk, whatever their ranks', () => {
    // Risks of 3 but for the last, which has 2.
    const likeness = new Map([104, 102, 103, 101].map((passage, rank) => [passage, 2 * rank]));
    const candidates = [...likeness.keys()].map((passage, rank) => ({ passage, score: 3 - rank, rank }));
    likeness.set(101, 4);
    const { skipped, window } = cutWindow(
      candidatesOf(candidates),
      { low: 2, high: 4 },
      0.5,
      (one) => likeness.get(one) as number,
    );
    expect([...skipped].map(({ passage }) => passage)).toEqual([102, 103]);
    expect([...window].map(({ passage }) => passage)).toEqual([104, 101]);
  });

  it('skips of too few candidates as many as there are', () => {
    const parts = cutWindow(ranked([0, 1]), { low: 3, high: 9 }, 0.5, () => 1);
    expect([parts.skipped, parts.window, parts.past].map(ranksOf)).toEqual([[0, 1], [], []]);
  });
});
