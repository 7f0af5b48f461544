import { normalizeText } from '../input/normalize.js';
import type { Pool } from '../input/pool.js';
import type { Rows } from '../input/row-store.js';
import type { Row } from '../input/rows.js';
import { GrowingArray } from '../memory/growing-array.js';
import { type Hash64, hashText } from '../memory/hash.js';
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

/** What no row of a group of siblings may take. */
export interface Exclusions {
  /** Of passages: see `Pool`. */
  readonly classes: ReadonlySet<number>;
  /** Whether it is a query or a positive of the group, in the pool or not. */
  hasText(normalized: string): boolean;
  /** The distinct positives of all rows of the group, by their texts as given. */
  positives(): readonly Hash64[];
}

/**
 * The positives of a group's rows (by ID, by joined text, by text without title) and their queries' own texts.
 *
 * @param group is read again for what few settings ask for
 */
export function listExclusions(group: Iterable<Row>, pool: Pool): Exclusions {
  const classes = new Set<number>();
  for (const row of group) {
    for (const text of ownTexts(row)) for (const found of pool.classesEqualTo(text)) classes.add(found);
    for (const found of row.posIds.flatMap((id) => pool.classesWithId(id))) classes.add(found);
  }
  let texts: HashTable | undefined;
  let positives: Hash64[] | undefined;
  return {
    classes,
    hasText(normalized) {
      texts ??= hashOwnTexts(group);
      return texts.get(hashText(normalized)) !== undefined;
    },
    positives() {
      positives ??= listPositives(group);
      return positives;
    },
  };
}

function ownTexts({ query, pos }: Row): string[] {
  return [query, ...pos].map(normalizeText);
}

function hashOwnTexts(group: Iterable<Row>): HashTable {
  const texts = new HashTable();
  for (const row of group) for (const text of ownTexts(row)) texts.set(hashText(text), 0);
  return texts;
}

function listPositives(group: Iterable<Row>): Hash64[] {
  const seen = new HashTable();
  const positives: Hash64[] = [];
  for (const { pos } of group) {
    for (const hash of pos.map(hashText)) {
      if (seen.get(hash) === undefined) positives.push(hash);
      seen.set(hash, 0);
    }
  }
  return positives;
}

/** Smaller groups are listed anew for each of their rows. */
const LARGE_GROUP = 16;

/** How many rows of large groups are remembered: their exclusions take about 200 bytes a row. */
const MOST_REMEMBERED = 1 << 18;

/** Returns what gives the exclusions of the row at a position; those of a large group are listed once for all its rows. */
export function createExclusions(rows: Rows, siblings: Siblings, pool: Pool): (position: number) => Exclusions {
  const known = new Map<number, { exclusions: Exclusions; size: number }>();
  let remembered = 0;
  const remember = (group: number, exclusions: Exclusions, size: number) => {
    known.set(group, { exclusions, size });
    remembered += size;
    for (const [oldest, { size }] of known) {
      if (remembered <= MOST_REMEMBERED || oldest === group) break;
      known.delete(oldest);
      remembered -= size;
    }
  };
  return (position) => {
    const group = siblings.groupOf(position);
    const found = known.get(group);
    if (found) return found.exclusions;
    const members = siblings.of(position);
    const exclusions = listExclusions({ [Symbol.iterator]: () => readAll(rows, members) }, pool);
    if (members.length >= LARGE_GROUP) remember(group, exclusions, members.length);
    return exclusions;
  };
}

function* readAll(rows: Rows, positions: readonly number[]): Generator<Row> {
  for (const position of positions) yield rows.read(position);
}
