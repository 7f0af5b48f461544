import { normalizeText } from '../input/normalize.js';
import type { Pool } from '../input/pool.js';
import type { Rows } from '../input/row-store.js';
import type { Row } from '../input/rows.js';
import { type Hash64, hashText } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';
import { rememberGroups } from './remember-groups.js';
import type { Siblings } from './siblings.js';

/** What no row of a group of siblings may take. */
export interface Exclusions {
  /** Of passages: see `Pool`. */
  readonly classes: ReadonlySet<number>;
  /** Whether it is a query or a positive of the group, in the pool or not. */
  hasText(normalized: string): boolean;
  /** The distinct positives of all rows of the group, by their texts as given. */
  positives(): readonly Hash64[];
}

/** The classes of passages that are relevant to a query with this text, but not its positives. */
type RelevantTo = (query: string) => Iterable<number>;

/**
 * The positives of a group's rows (by ID, by joined text, by text without title), their queries' own texts, and what else is
 * known to be relevant to them.
 *
 * @param group is read again for what few settings ask for
 */
export function listExclusions(group: Iterable<Row>, pool: Pool, relevantTo: RelevantTo): Exclusions {
  const classes = new Set<number>();
  for (const row of group) {
    for (const text of ownTexts(row)) for (const found of pool.classesEqualTo(text)) classes.add(found);
    for (const found of row.posIds.flatMap((id) => pool.classesWithId(id))) classes.add(found);
    for (const found of relevantTo(row.query)) classes.add(found);
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

/** What exclusions are made from. */
interface ExclusionSources {
  readonly rows: Rows;
  readonly siblings: Siblings;
  readonly pool: Pool;
  readonly relevantTo: RelevantTo;
}

/** Returns what gives the exclusions of the row at a position. */
export function createExclusions(sources: ExclusionSources): (position: number) => Exclusions {
  const { rows, siblings, pool, relevantTo } = sources;
  return rememberGroups(siblings, (members) => {
    return listExclusions({ [Symbol.iterator]: () => readAll(rows, members) }, pool, relevantTo);
  });
}

function* readAll(rows: Rows, positions: readonly number[]): Generator<Row> {
  for (const position of positions) yield rows.read(position);
}
