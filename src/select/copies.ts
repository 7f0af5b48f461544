import type { Rows } from '../input/row-store.js';
import { hashText } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';
import { rememberGroups } from './remember-groups.js';
import type { Siblings } from './siblings.js';

/** Returns what tells how many rows with the same line came before the one at a position. All of them are siblings. */
export function createCopies(rows: Rows, siblings: Siblings): (position: number) => number {
  const copiesOf = rememberGroups(siblings, (members) => (members.length === 1 ? NONE : countCopies(rows, members)));
  return (position) => copiesOf(position).get(position) ?? 0;
}

/** Of rows that are copies, by their positions. */
type Copies = ReadonlyMap<number, number>;

const NONE: Copies = new Map();

function countCopies(rows: Rows, positions: readonly number[]): Copies {
  const seen = new HashTable();
  const copies = new Map<number, number>();
  for (const position of positions) {
    const hash = hashText(rows.read(position).line.text);
    const before = seen.get(hash) ?? 0;
    if (before > 0) copies.set(position, before);
    seen.set(hash, before + 1);
  }
  return copies;
}
