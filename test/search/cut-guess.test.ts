import { expect, it } from 'vitest';
import { planGuess } from '#dist/search/cut-guess.js';

it.each([
  ['a pool of 16 tiles', { k: 210, sample: 4096, count: 65_536 }, 34],
  ['many wanted of a large pool', { k: 2000, sample: 4096, count: 1_000_000 }, 26],
  ['few wanted', { k: 90, sample: 4096, count: 65_536 }, undefined],
  ['a small pool', { k: 1000, sample: 4096, count: 30_000 }, undefined],
])('guesses by the rank in a sample that the k best hardly ever reach: %s', (_, size, rank) => {
  expect(planGuess(size)).toBe(rank);
});
