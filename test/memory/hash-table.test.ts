import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashText } from '#dist/memory/hash.js';
import { HashLists, HashTable } from '#dist/memory/hash-table.js';

/** Few different ones, many of which collide in their lower bits. */
const hashes = fc.record({ high: fc.nat(3), low: fc.constantFrom(0, 1, 16, 32, 0xffffffff) });

describe('a hash', () => {
  it('is the head of SHA-256 over UTF-8', () => {
    expect(hashText('abc')).toEqual({ high: 0xba7816bf, low: 0x8f01cfea });
  });

  it('differs for texts that UTF-8 cannot tell apart', () => {
    expect(hashText('a\ud800')).not.toEqual(hashText('a\ud801'));
  });
});

describe('a hash table', () => {
  it('gives what a map gives', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hashes, fc.nat())), (entries) => {
        const table = new HashTable();
        const map = new Map<string, number>();
        for (const [hash, value] of entries) {
          table.set(hash, value);
          map.set(JSON.stringify(hash), value);
          expect(table.size).toBe(map.size);
        }
        for (const [hash] of entries) expect(table.get(hash)).toBe(map.get(JSON.stringify(hash)));
        expect(table.get({ high: 4, low: 0 })).toBeUndefined();
      }),
    );
  });

  it('finds each of a hundred thousand', () => {
    const table = new HashTable();
    for (let i = 0; i < 100_000; i++) table.set(hashText(`text ${i}`), i);
    for (let i = 0; i < 100_000; i++) expect(table.get(hashText(`text ${i}`))).toBe(i);
    expect(table.size).toBe(100_000);
  });
});

describe('lists by hash', () => {
  it('hold each value once, in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hashes, fc.nat(5))), (entries) => {
        const lists = new HashLists();
        for (const [hash, value] of entries) lists.add(hash, value);
        for (const [hash] of entries) {
          const same = entries.filter(([other]) => other.high === hash.high && other.low === hash.low);
          expect([...lists.get(hash)]).toEqual([...new Set(same.map(([, value]) => value))]);
        }
        expect([...lists.get({ high: 4, low: 0 })]).toEqual([]);
      }),
    );
  });

  it('hold a value once whose list has gone down since', () => {
    const lists = new HashLists();
    const hash = { high: 2, low: 1 };
    for (const value of [5, 0, 5]) lists.add(hash, value);
    expect([...lists.get(hash)]).toEqual([5, 0]);
  });
});
