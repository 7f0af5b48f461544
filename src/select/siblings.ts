import { normalizeText } from '../input/normalize.js';
import type { Row } from '../input/rows.js';
import { GrowingArray } from '../memory/growing-array.js';
import { hashText } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';

/**
 * Which rows share a query: rows of one group are siblings, and no positive of one is a negative of another. Rows are grouped
 * as they come: by the same ID, by the same text after normalization, or linked through other rows by either.
 */
export class Siblings {
  readonly #firstOf = new HashTable();
  /** A forest: each group is a tree. */
  readonly #parents = new GrowingArray((length) => new Int32Array(length));
  /** Each group is also a ring. */
  readonly #next = new GrowingArray((length) => new Int32Array(length));

  add({ query, queryId }: Pick<Row, 'query' | 'queryId'>): void {
    const position = this.#parents.push(this.#parents.length);
    this.#next.push(position);
    const keys = [`text ${normalizeText(query)}`, ...(queryId === undefined ? [] : [`id ${queryId}`])];
    for (const hash of keys.map(hashText)) {
      const first = this.#firstOf.get(hash);
      if (first === undefined) this.#firstOf.set(hash, position);
      else this.#join(position, first);
    }
  }

  /** One of the group, the same for each of them. */
  groupOf(position: number): number {
    let at = position;
    while (this.#parents.at(at) !== at) {
      this.#parents.set(at, this.#parents.at(this.#parents.at(at)));
      at = this.#parents.at(at);
    }
    return at;
  }

  /** The positions of the rows that share the query of the row at `position`, itself included, ascending. */
  of(position: number): readonly number[] {
    const members = [position];
    for (let at = this.#next.at(position); at !== position; at = this.#next.at(at)) members.push(at);
    return members.sort((a, b) => a - b);
  }

  #join(a: number, b: number): void {
    const [groupOfA, groupOfB] = [this.groupOf(a), this.groupOf(b)];
    if (groupOfA === groupOfB) return;
    this.#parents.set(groupOfA, groupOfB);
    const nextOfA = this.#next.at(a);
    this.#next.set(a, this.#next.at(b));
    this.#next.set(b, nextOfA);
  }
}
