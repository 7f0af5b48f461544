import type { Rows } from '#dist/input/row-store.js';
import type { Row } from '#dist/input/rows.js';
import { Siblings } from '#dist/select/siblings.js';

export function row(query: string, fields: Partial<Row> = {}): Row {
  return { line: { file: 'rows', number: 1, text: '{}' }, query, pos: [], neg: [], posIds: [], ...fields };
}

export function groupSiblings(rows: readonly Row[]): Siblings {
  const siblings = new Siblings();
  for (const one of rows) siblings.add(one);
  return siblings;
}

export const listRows = (rows: readonly Row[]): Rows => ({
  length: rows.length,
  read: (i) => rows[i] as Row,
  sizeOf: () => 0,
});
