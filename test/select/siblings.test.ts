import { describe, expect, it } from 'vitest';
import { groupSiblings, row } from './sibling-rows.js';

describe('siblings', () => {
  it.each([
    { title: 'the same text', rows: [row('a'), row('b'), row('a')], groups: [[0, 2], [1], [0, 2]] },
    {
      title: 'texts that are equal after normalization',
      rows: [row('caf\u00e9  au lait'), row(' cafe\u0301 au\u00a0lait\n'), row('Caf\u00e9 au lait')],
      groups: [[0, 1], [0, 1], [2]],
    },
    {
      title: 'the same ID',
      rows: [row('a', { queryId: '1' }), row('b', { queryId: '1' }), row('c', { queryId: '2' })],
      groups: [[0, 1], [0, 1], [2]],
    },
    {
      title: 'a text and an ID, linked through a third row',
      rows: [row('a', { queryId: '1' }), row('c', { queryId: '2' }), row('a', { queryId: '2' })],
      groups: [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
      ],
    },
    {
      title: 'a long chain',
      rows: [
        row('a'),
        row('b'),
        row('c'),
        row('b', { queryId: '1' }),
        row('c', { queryId: '1' }),
        row('a', { queryId: '1' }),
      ],
      groups: Array.from({ length: 6 }, () => [0, 1, 2, 3, 4, 5]),
    },
    {
      title: 'no text that looks like an ID',
      rows: [row('1'), row('x', { queryId: '1' }), row('id 1'), row('text x')],
      groups: [[0], [1], [2], [3]],
    },
  ])('join rows by $title', ({ rows, groups }) => {
    const siblings = groupSiblings(rows);
    expect(rows.map((_, i) => siblings.of(i))).toEqual(groups);
    expect(rows.map((_, i) => siblings.of(siblings.groupOf(i)))).toEqual(groups);
  });

  it('join a hundred thousand rows of one query in no time', () => {
    const siblings = groupSiblings(Array.from({ length: 100_000 }, () => row('same')));
    expect(siblings.of(99_999)).toHaveLength(100_000);
  });
});
