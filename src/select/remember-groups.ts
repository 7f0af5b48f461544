import type { Siblings } from './siblings.js';

/** Smaller groups are looked at anew for each of their rows. */
const LARGE_GROUP = 16;

/** How many rows of large groups are remembered: what is made of them takes about 200 bytes a row. */
const MOST_REMEMBERED = 1 << 18;

/**
 * Returns what gives, for the row at a position, what is made of all rows of its group; for a large group it is made once.
 *
 * @param make is given the positions of a group's rows, ascending
 */
export function rememberGroups<T>(
  siblings: Siblings,
  make: (members: readonly number[]) => T,
): (position: number) => T {
  const known = new Map<number, { made: T; size: number }>();
  let remembered = 0;
  const remember = (group: number, made: T, size: number) => {
    known.set(group, { made, size });
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
    if (found) return found.made;
    const members = siblings.of(position);
    const made = make(members);
    if (members.length >= LARGE_GROUP) remember(group, made, members.length);
    return made;
  };
}
