import { describe, expect, it } from 'vitest';
import { parseTuneConfig, splitTuned, uniteSettings } from '#dist/config/tune-config.js';

const flagsOf = (...args: Parameters<typeof parseTuneConfig>) =>
  parseTuneConfig(...args).settings.map(({ flags }) => flags);

describe('parseTuneConfig', () => {
  it('combines all values of all lists, the first list changing last', () => {
    const { settings, leftOut, reasons } = parseTuneConfig(
      { seed: 7, sample: 'top' },
      { range: '10-210, 20-70', relativeMargin: 'none,0.05', positiveWeight: '0,0.5' },
    );
    expect(settings.map(({ flags }) => flags)).toEqual([
      '--range 10-210 --positive-weight 0',
      '--range 10-210 --positive-weight 0 --relative-margin 0.05',
      '--range 10-210 --positive-weight 0.5',
      '--range 10-210 --positive-weight 0.5 --relative-margin 0.05',
      '--range 20-70 --positive-weight 0',
      '--range 20-70 --positive-weight 0 --relative-margin 0.05',
      '--range 20-70 --positive-weight 0.5',
      '--range 20-70 --positive-weight 0.5 --relative-margin 0.05',
    ]);
    expect(settings[5]?.config).toMatchObject({
      range: { low: 20, high: 70 },
      relativeMargin: 0.05,
      positiveWeight: 0,
      seed: 7,
      sample: 'top',
      scores: true,
    });
    expect(settings[0]?.config.relativeMargin).toBeUndefined();
    expect({ leftOut, reasons }).toEqual({ leftOut: 0, reasons: [] });
  });

  it('leaves out what makes no sense, with the reasons', () => {
    const tried = parseTuneConfig({}, { range: '0-50,40-90', positiveWeight: '0,0.5,1' });
    expect(tried.settings.map(({ flags }) => flags)).toEqual([
      '--range 0-50 --positive-weight 0',
      '--range 40-90 --positive-weight 0',
      '--range 40-90 --positive-weight 0.5',
      '--range 40-90 --positive-weight 1',
    ]);
    expect(tried.leftOut).toBe(2);
    expect(tried.reasons).toEqual([
      '--positive-weight: needs ranks to skip (found --range 0-50); such as --range 20-70',
    ]);
  });

  it('tries some usual settings where none are given', () => {
    const flags = flagsOf({}, {});
    expect(flags.length).toBeGreaterThan(5);
    expect(flags[0]).toBe('--range 10-210');
    expect(new Set(flags).size).toBe(flags.length);
  });

  it.each([
    { lists: { range: '10-210,' }, says: '--range: expected values with commas (found "10-210,")' },
    { lists: { neg: '0' }, says: '--neg: expected a whole number of at least 1 (found "0")' },
    {
      lists: { neg: '1,2,3,4,5,6,7,8,9,10,11', margin: '1,2,3,4,5,6,7,8,9,10', maxScore: '1,2,3,4,5,6,7,8,9,10' },
      says: 'tune: expected at most 1000 combinations (found 1100); list fewer values',
    },
  ])('refuses $lists', ({ lists, says }) => {
    expect(() => parseTuneConfig({}, lists)).toThrow(says);
  });
});

it('tells lists from other options', () => {
  expect(splitTuned({ range: '1-2', seed: '3', positiveWeight: '0,1', model: 'm' })).toEqual({
    settings: { seed: '3', model: 'm' },
    lists: { range: '1-2', positiveWeight: '0,1' },
  });
});

it('unites settings into one that embeds and indexes for all', () => {
  const lists = { range: '10-210,0-50', maxPositiveSimilarity: 'none,0.8', skipLexical: '0,20', neg: '5,15' };
  const { settings } = parseTuneConfig({}, { ...lists, positiveWeight: '0,0.5' });
  expect(uniteSettings(settings)).toMatchObject({
    range: { low: 0, high: 210 },
    neg: 5,
    maxPositiveSimilarity: 0.8,
    skipLexical: 20,
    positiveWeight: 0.5,
    scores: true,
  });
});
