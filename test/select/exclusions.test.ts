import { describe, expect, it } from 'vitest';
import { Pool } from '#dist/input/pool.js';
import type { Row } from '#dist/input/rows.js';
import { hashText } from '#dist/memory/hash.js';
import { createExclusions, listExclusions } from '#dist/select/exclusions.js';
import { groupSiblings, listRows, row } from './sibling-rows.js';

describe('listExclusions', () => {
  const pool = new Pool();
  const passages = [
    { text: 'Paris Capital of France.', bareText: 'Capital of France.', id: 'p1' },
    { text: 'Lyon Capital of France.', bareText: 'Capital of France.', id: 'p2' },
    { text: 'caf\u00e9 noir' },
    { text: 'cafe\u0301  noir', id: 'p4' },
    { text: 'something else', id: 'p5' },
    { text: 'something  else' },
    { text: 'a question' },
  ];
  for (const passage of passages) pool.add(passage);

  const list = (group: Row[]) => listExclusions(group, pool, (query) => (query === 'judged' ? [4, 0] : []));
  const excludedFor = (...group: Row[]) => [...list(group).classes].sort((a, b) => a - b);

  it.each([
    { title: 'nothing for a positive that is not in the pool', group: [row('q', { pos: ['absent'] })], excluded: [] },
    { title: 'a positive by its text', group: [row('q', { pos: ['something else'] })], excluded: [4] },
    { title: 'a positive with its title', group: [row('q', { pos: ['Paris Capital of France.'] })], excluded: [0] },
    {
      title: 'every passage with the bare text of a positive',
      group: [row('q', { pos: ['Capital of France.'] })],
      excluded: [0, 1],
    },
    {
      title: 'a positive after normalization',
      group: [row('q', { pos: [' CAFE noir', 'cafe\u0301 noir '] })],
      excluded: [2],
    },
    { title: 'a positive by its ID', group: [row('q', { posIds: ['p2'] })], excluded: [1] },
    { title: 'the class of an ID whose text came before', group: [row('q', { posIds: ['p4'] })], excluded: [2] },
    { title: "the query's own text", group: [row('a  question ', { pos: ['x'] })], excluded: [6] },
    {
      title: "a query's own text that is a passage without its title",
      group: [row('Capital of France.', { pos: ['x'] })],
      excluded: [0, 1],
    },
    {
      title: 'what any sibling answers or asks',
      group: [row('q', { pos: ['absent'] }), row('a question', { pos: ['something else'], posIds: ['p1'] })],
      excluded: [0, 4, 6],
    },
    {
      title: 'what is relevant to the query of a row or of its siblings, though not as a positive',
      group: [row('judged', { pos: ['absent'] }), row('r', { pos: ['a question'] })],
      excluded: [0, 4, 6],
    },
  ])('excludes $title', ({ group, excluded }) => {
    expect(excludedFor(...group)).toEqual(excluded);
  });

  it('knows the texts too, normalized, in the pool or not', () => {
    const { hasText } = list([row(' a  question', { pos: ['absent', 'cafe\u0301'] }), row('b', { pos: ['absent '] })]);
    expect(['a question', 'absent', 'caf\u00e9', 'b'].map(hasText)).toEqual([true, true, true, true]);
    expect(['A question', 'cafe\u0301', 'something else'].map(hasText)).toEqual([false, false, false]);
  });

  it('lists the distinct positives as given', () => {
    const exclusions = list([row('q', { pos: ['a', 'b'] }), row('q', { pos: ['b', 'a '] })]);
    expect(exclusions.positives()).toEqual(['a', 'b', 'a '].map(hashText));
  });
});

describe('createExclusions', () => {
  it('gives each row those of its group', () => {
    const pool = new Pool();
    for (let i = 0; i < 40; i++) pool.add({ text: `p${i}` });
    // Twenty rows of one query, and ten of another.
    const rows = Array.from({ length: 30 }, (_, i) => row(`q${i % 3 === 2 ? 1 : 0}`, { pos: [`p${i}`] }));
    const exclusionsOf = createExclusions({
      rows: listRows(rows),
      siblings: groupSiblings(rows),
      pool,
      relevantTo: () => [],
    });
    const positives = (isSecond: boolean) => rows.flatMap((_, i) => ((i % 3 === 2) === isSecond ? [i] : []));
    for (const [i] of rows.entries()) expect([...exclusionsOf(i).classes]).toEqual(positives(i % 3 === 2));
  });

  it('lists those of a large group once', () => {
    const pool = new Pool();
    const rows = Array.from({ length: 30_000 }, (_, i) => row('q', { pos: [`p${i}`] }));
    for (const { pos } of rows) pool.add({ text: pos[0] as string });
    const exclusionsOf = createExclusions({
      rows: listRows(rows),
      siblings: groupSiblings(rows),
      pool,
      relevantTo: () => [],
    });
    expect(new Set(rows.map((_, i) => exclusionsOf(i))).size).toBe(1);
    expect(exclusionsOf(0).classes.size).toBe(30_000);
  });
});
