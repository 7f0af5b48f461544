import { describe, expect, it } from 'vitest';
import { type PassageFields, Pool, readPassages } from '#dist/input/pool.js';
import { TextSpool } from '#dist/memory/text-spool.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';

const FIELDS: PassageFields = { text: 'text', title: 'title', id: ['_id', 'id'] };

async function poolOf(records: object[], fields: Partial<PassageFields> = {}): Promise<Pool> {
  const pool = new Pool();
  await readPassages(pool, records, { ...FIELDS, ...fields }, () => undefined);
  return pool;
}

const messageOf = (record: unknown) =>
  poolOf([{ text: 'a' }, record as object]).then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('the pool', () => {
  it('keeps distinct texts in first-seen order, to the character', async () => {
    const pool = await poolOf(['b', 'a', 'b', ' b', 'c', 'a', 'B'].map((text) => ({ text })));
    expect([...pool.texts]).toEqual(['b', 'a', ' b', 'c', 'B']);
    expect(pool.size).toBe(5);
    expect(pool.duplicates).toBe(2);
    expect(pool.empty).toBe(0);
  });

  it('goes on where an earlier source ended', async () => {
    const pool = await poolOf([{ text: 'a' }, { text: 'b' }]);
    await readPassages(pool, [{ text: 'b' }, { text: 'c' }], FIELDS, () => undefined);
    expect([...pool.texts]).toEqual(['a', 'b', 'c']);
    expect(pool.duplicates).toBe(1);
  });

  it('gives texts as JSON has them between quotes, kept in memory or on disk', async () => {
    const texts = [
      'plain',
      'caf\u00e9 \u2028 \ud83d\ude00',
      'a "quote"',
      'back\\slash',
      'two\nlines\u0000',
      'half \ud800',
      '\u007f',
    ];
    const workspace = new Workspace(planMemory(64e6));
    for (const spool of [new TextSpool(), new TextSpool(workspace, 0)]) {
      const pool = new Pool(spool);
      for (const text of [...texts, 'x'.repeat(2e6)]) pool.add({ text });
      const written = texts.map((_, i) => `"${Buffer.from(pool.escapedAt(i))}"`);
      expect(written).toEqual(texts.map((text) => JSON.stringify(text)));
    }
    workspace.close();
  });

  it('puts texts that are equal after normalization into one class, named after the first', async () => {
    const pool = await poolOf(
      ['a  b', 'x', 'a b', 'cafe\u0301', ' a b ', 'caf\u00e9', 'a b'].map((text) => ({ text })),
    );
    expect(Array.from(pool.texts, (_, i) => pool.classOf(i))).toEqual([0, 1, 0, 3, 0, 3]);
    expect(pool.classCount).toBe(3);
    expect(pool.duplicates).toBe(1);
  });

  it('finds a passage by its exact text alone', async () => {
    const pool = await poolOf(['a  b', 'a b', 'c'].map((text) => ({ text })));
    expect(['a  b', 'a b', 'c', ' c', 'd'].map((text) => pool.positionOf(text))).toEqual([
      0,
      1,
      2,
      undefined,
      undefined,
    ]);
  });

  it.each([
    { record: { title: 'Paris', text: 'A city.' }, joined: 'Paris A city.' },
    { record: { title: ' Paris ', text: ' A city. ' }, joined: 'Paris   A city.' },
    { record: { title: '', text: ' A city. ' }, joined: ' A city. ' },
    { record: { title: null, text: 'A city.' }, joined: 'A city.' },
    { record: { text: 'A city.\n' }, joined: 'A city.\n' },
    { record: { title: 'Paris', text: '' }, joined: 'Paris' },
  ])('joins title and text of $record', async ({ record, joined }) => {
    expect([...(await poolOf([record])).texts]).toEqual([joined]);
  });

  it('finds passages by normalized text, joined or bare', async () => {
    const pool = await poolOf([
      { title: 'Paris', text: 'A  city.' },
      { title: 'Rome', text: 'A city.' },
      { text: 'A city.' },
      { title: 'Rome', text: 'A city. ' },
    ]);
    // The last is Rome's class: equal after normalization.
    expect(Array.from(pool.texts, (_, i) => pool.classOf(i))).toEqual([0, 1, 2]);
    expect([...pool.classesEqualTo('A city.')].sort()).toEqual([0, 1, 2]);
    expect([...pool.classesEqualTo('Paris A city.')]).toEqual([0]);
    expect([...pool.classesEqualTo('Paris')]).toEqual([]);
  });

  it('names passages by every ID that their text came with', async () => {
    const pool = await poolOf([
      { _id: 'a', text: 'one' },
      { id: 7, text: 'two' },
      { _id: 'b', id: 'c', text: 'one' },
      { _id: null, id: 'd', text: 'on  e' },
      { _id: 'a', text: 'three' },
      { _id: '', text: 'four' },
    ]);
    const found = ['a', 'b', 'c', 'd', '7', '', 'e'].map((id) => pool.classesWithId(id));
    expect(found).toEqual([[0, 3], [0], [], [2], [1], [], []]);
  });

  it('takes other names for the fields', async () => {
    const fields = { text: 'contents', title: 'head', id: ['docid'] };
    const pool = await poolOf([{ docid: 'x', head: 'H', contents: 'c', text: 'no', _id: 'no' }], fields);
    expect([...pool.texts]).toEqual(['H c']);
    expect(pool.classesWithId('x')).toEqual([0]);
    expect(pool.classesWithId('no')).toEqual([]);
  });

  it('leaves out and counts passages without text', async () => {
    const pool = await poolOf([{ text: '' }, { text: ' \n' }, { title: ' ', text: '' }, { text: 'a' }]);
    expect([...pool.texts]).toEqual(['a']);
    expect(pool.empty).toBe(3);
  });

  it('takes thirty thousand passages that differ in their title alone', async () => {
    const pool = await poolOf(Array.from({ length: 30_000 }, (_, i) => ({ title: `title ${i}`, text: 'See also' })));
    expect([...pool.classesEqualTo('See also')]).toHaveLength(30_000);
  });
});

describe('the pool refuses', () => {
  it.each([
    { record: {}, message: '"text" is missing (found no fields); name the field with --text-field' },
    { record: { contents: 'c' }, message: '"text" is missing (found "contents"); name the field with --text-field' },
    { record: { text: null }, message: '"text" must be a string (found null)' },
    { record: { text: ['a'] }, message: '"text" must be a string (found a list)' },
    { record: { text: 'a', title: 7 }, message: '"title" must be a string (found a number)' },
    { record: { text: 'a', _id: {} }, message: '"_id" must be an ID, a string or a number (found an object)' },
    { record: { text: 'a', id: true }, message: '"id" must be an ID, a string or a number (found a boolean)' },
    { record: 'a', message: 'expected a JSON object (found a string)' },
  ])('$record', async ({ record, message }) => {
    expect(await messageOf(record)).toBe(`pool:2: ${message}`);
  });
});
