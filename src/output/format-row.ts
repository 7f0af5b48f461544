import type { MineConfig } from '../config/config.js';
import { escapeText, type Member, splitMembers } from '../input/json.js';
import type { MinedRow } from '../mine.js';
import type { ScoredRow } from '../run/score-rows.js';
import { type Field, formatList, formatScores, formatTexts, joinFields, type Source } from './json-fields.js';
import type { LineParts } from './line-parts.js';

/** A row's line, and which of its fields were dropped because they described its old negatives. */
export interface FormattedRow {
  readonly line: LineParts;
  readonly dropped: readonly string[];
}

/** Fields of an input row that describe its `neg`, and are false once that list is another. */
const ABOUT_NEGATIVES = ['neg_scores', 'neg_ranks', 'neg_ids'];

/**
 * A row as one line of JSON: every field of the input in place and as its source text, the negatives where they were, or at
 * the end.
 */
export function formatRow(mined: MinedRow, config: MineConfig): FormattedRow {
  const { row, negatives, posScores, posIds } = mined;
  const written = new Map<string, Source>([[config.negField, formatTexts(negatives.map(({ escaped }) => escaped))]]);
  if (config.scores) {
    written.set('pos_scores', formatScores(posScores));
    written.set('neg_scores', formatScores(negatives.map(({ score }) => score as number)));
  }
  if (config.ranks) written.set('neg_ranks', formatList(negatives.map(({ rank }) => rank)));
  if (config.ids) {
    // A row that came with IDs of its positives keeps them.
    if (row.posIds.length === 0) written.set('pos_ids', formatList(posIds ?? []));
    written.set('neg_ids', formatList(negatives.map(({ id }) => id ?? null)));
  }
  const members = splitMembers(row.line.text);
  const stale = members.filter(({ key }) => ABOUT_NEGATIVES.includes(key) && !written.has(key));
  if (stale.length === 0 || hasSameNegatives(mined)) return { line: joinMembers(members, written), dropped: [] };
  const line = joinMembers(
    members.filter((member) => !stale.includes(member)),
    written,
  );
  return { line, dropped: stale.map(({ key }) => key) };
}

function hasSameNegatives({ row, negatives }: MinedRow): boolean {
  const isSame = (text: string, i: number) =>
    Buffer.compare(escapeText(text), negatives[i]?.escaped as Uint8Array) === 0;
  return row.neg.length === negatives.length && row.neg.every(isSame);
}

/** A row as one line of JSON, with its scores, every other field in place and as its source text. */
export function formatScoredRow({ row, posScores, negScores }: ScoredRow): LineParts {
  const written = new Map([
    ['pos_scores', formatScores(posScores)],
    ['neg_scores', formatScores(negScores)],
  ]);
  return joinMembers(splitMembers(row.line.text), written);
}

/** Values that are written stand where the field was, or at the end. */
function joinMembers(members: readonly Member[], written: ReadonlyMap<string, Source>): LineParts {
  const carried = members.map(({ key, value }): Field => [key, written.get(key) ?? value]);
  const names = new Set(members.map(({ key }) => key));
  const added = Array.from(written).filter(([key]) => !names.has(key));
  return joinFields([...carried, ...added]);
}
