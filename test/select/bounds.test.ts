import { describe, expect, it } from 'vitest';
import { boundScores, combinePositives, type PositiveScore } from '#dist/select/bounds.js';

it.each<{ how: PositiveScore; score: number }>([
  { how: 'min', score: 0.25 },
  { how: 'max', score: 1 },
  { how: 'mean', score: 0.5 },
])('takes the $how of several positives', ({ how, score }) => {
  expect(combinePositives([0.25, 1, 0.25], how)).toBe(score);
});

describe('boundScores', () => {
  it.each([
    { title: 'nothing', settings: {}, positive: 0.5, ceiling: Infinity, floor: -Infinity },
    { title: 'a ceiling', settings: { maxScore: 0.75 }, positive: 0.5, ceiling: 0.75, floor: -Infinity },
    { title: 'a floor', settings: { minScore: -0.25 }, positive: 0.5, ceiling: Infinity, floor: -0.25 },
    { title: 'a margin', settings: { margin: 0.125 }, positive: 0.5, ceiling: 0.375, floor: -Infinity },
    { title: 'a margin of nothing', settings: { margin: 0 }, positive: 0.5, ceiling: 0.5, floor: -Infinity },
    { title: 'a relative margin', settings: { relativeMargin: 0.25 }, positive: 0.5, ceiling: 0.375, floor: -Infinity },
    {
      title: 'a relative margin of a negative score',
      settings: { relativeMargin: 0.25 },
      positive: -0.5,
      ceiling: -0.625,
      floor: -Infinity,
    },
    {
      title: 'the lowest of all ceilings',
      settings: { maxScore: 0.4, margin: 0.25, relativeMargin: 0.25, minScore: 0.1 },
      positive: 0.5,
      ceiling: 0.25,
      floor: 0.1,
    },
  ])('of $title', ({ settings, positive, ceiling, floor }) => {
    expect(boundScores({ positiveScore: 'min', ...settings }, positive)).toEqual({ ceiling, floor });
  });

  it('drops -0.49 and keeps -0.80 beside a positive of -0.50 with a relative margin of 0.05', () => {
    const { ceiling } = boundScores({ positiveScore: 'min', relativeMargin: 0.05 }, -0.5);
    expect([-0.49 <= ceiling, -0.8 <= ceiling]).toEqual([false, true]);
  });
});
