import { normalizeText } from '../input/normalize.js';
import type { Pool } from '../input/pool.js';
import type { Row } from '../input/rows.js';
import { createPacer } from '../pacer.js';

/** Which rows share a query: rows of one group are siblings, and no positive of one is a negative of another. */
export interface Siblings {
  /** The positions of the rows that share the query of the row at `position`, itself included. */
  of(position: number): readonly number[];
}

/** Groups rows by query: the same ID, or the same text after normalization, or linked through other rows by either. */
export async function groupSiblings(rows: readonly Row[]): Promise<Siblings> {
  const pause = createPacer();
  const parents = Int32Array.from(rows, (_, i) => i);
  const firstOf = new Map<string, number>();
  for (const [i, row] of rows.entries()) {
    const keys = [`text ${normalizeText(row.query)}`, ...(row.queryId === undefined ? [] : [`id ${row.queryId}`])];
    for (const key of keys) {
      const first = firstOf.get(key);
      if (first === undefined) firstOf.set(key, i);
      else parents[findRoot(parents, i)] = findRoot(parents, first);
    }
    await pause();
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < rows.length; i++) {
    const root = findRoot(parents, i);
    const group = members.get(root);
    if (group === undefined) members.set(root, [i]);
    else group.push(i);
    await pause();
  }
  return { of: (position) => members.get(findRoot(parents, position)) as number[] };
}

function findRoot(parents: Int32Array, position: number): number {
  let at = position;
  while (parents[at] !== at) {
    parents[at] = parents[parents[at] as number] as number;
    at = parents[at] as number;
  }
  return at;
}

/**
 * The classes of passages that no row of a group may take: the positives of each of them (by ID, by joined text, by text
 * without title) and their queries' own texts.
 */
export function excludedClasses(group: Iterable<Row>, pool: Pool): Set<number> {
  const excluded = new Set<number>();
  const exclude = (classes: Iterable<number>) => {
    for (const found of classes) excluded.add(found);
  };
  for (const row of group) {
    exclude(pool.classesEqualTo(normalizeText(row.query)));
    for (const text of row.pos) exclude(pool.classesEqualTo(normalizeText(text)));
    for (const id of row.posIds) exclude(pool.classesWithId(id));
  }
  return excluded;
}
