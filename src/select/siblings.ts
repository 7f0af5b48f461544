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

/** What no row of a group of siblings may take. */
export interface Exclusions {
  /** Of passages: see `Pool`. */
  readonly classes: ReadonlySet<number>;
  /** Normalized, for texts that are not in the pool. */
  readonly texts: ReadonlySet<string>;
  /** Of all rows of the group, as given. */
  readonly positives: readonly string[];
}

/** The positives of a group's rows (by ID, by joined text, by text without title) and their queries' own texts. */
export function listExclusions(group: Iterable<Row>, pool: Pool): Exclusions {
  const classes = new Set<number>();
  const texts = new Set<string>();
  const positives = new Set<string>();
  for (const row of group) {
    for (const text of row.pos) positives.add(text);
    for (const text of [row.query, ...row.pos].map(normalizeText)) {
      texts.add(text);
      for (const found of pool.classesEqualTo(text)) classes.add(found);
    }
    for (const found of row.posIds.flatMap((id) => pool.classesWithId(id))) classes.add(found);
  }
  return { classes, texts, positives: [...positives] };
}

/** Smaller groups are listed anew for each of their rows. */
const LARGE_GROUP = 16;

/** Returns what gives the exclusions of the row at a position; those of a large group are listed once for all its rows. */
export function createExclusions(
  rows: readonly Row[],
  siblings: Siblings,
  pool: Pool,
): (position: number) => Exclusions {
  const known = new Map<readonly number[], Exclusions>();
  return (position) => {
    const group = siblings.of(position);
    const list = () =>
      listExclusions(
        Array.from(group, (member) => rows[member] as Row),
        pool,
      );
    const exclusions = known.get(group) ?? list();
    if (group.length >= LARGE_GROUP) known.set(group, exclusions);
    return exclusions;
  };
}
