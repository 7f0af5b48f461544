import type { MineConfig } from '../config/config.js';
import { type Member, splitMembers } from '../input/json.js';
import type { MinedRow } from '../mine.js';
import type { ScoredRow } from '../run/score-rows.js';

/** A row's line, and which of its fields were dropped because they described its old negatives. */
export interface FormattedRow {
  readonly line: string;
  readonly dropped: readonly string[];
}

/** Fields of an input row that describe its `neg`, and are false once that list is another. */
const ABOUT_NEGATIVES = ['neg_scores', 'neg_ranks', 'neg_ids'];

/**
 * A row as one line of JSON without its line break: every field of the input in place and as its source text, the
 * negatives where they were, or at the end.
 */
export function formatRow({ row, negatives, posScores }: MinedRow, config: MineConfig): FormattedRow {
  const texts = negatives.map(({ text }) => text);
  const written = new Map([[config.negField, formatList(texts)]]);
  if (config.scores) {
    written.set('pos_scores', formatScores(posScores));
    written.set('neg_scores', formatScores(negatives.map(({ score }) => score as number)));
  }
  if (config.ranks) written.set('neg_ranks', formatList(negatives.map(({ rank }) => rank)));
  const isSameList = texts.length === row.neg.length && texts.every((text, i) => text === row.neg[i]);
  const isStale = ({ key }: Member) => !isSameList && ABOUT_NEGATIVES.includes(key) && !written.has(key);
  const members = splitMembers(row.line.text);
  const line = joinMembers(
    members.filter((member) => !isStale(member)),
    written,
  );
  return { line, dropped: members.filter(isStale).map(({ key }) => key) };
}

/** A row as one line of JSON with its scores, every other field in place and as its source text. */
export function formatScoredRow({ row, posScores, negScores }: ScoredRow): string {
  const written = new Map([
    ['pos_scores', formatScores(posScores)],
    ['neg_scores', formatScores(negScores)],
  ]);
  return joinMembers(splitMembers(row.line.text), written);
}

/** Values that are written stand where the field was, or at the end. */
function joinMembers(members: readonly Member[], written: ReadonlyMap<string, string>): string {
  const carried = members.map(({ key, value }) => ({ key, value: written.get(key) ?? value }));
  const names = new Set(carried.map(({ key }) => key));
  const added = Array.from(written, ([key, value]) => ({ key, value })).filter(({ key }) => !names.has(key));
  const fields = [...carried, ...added].map(({ key, value }) => `${JSON.stringify(key)}: ${value}`);
  return `{${fields.join(', ')}}`;
}

/** Seven significant digits: what float32 inner products can be trusted to, and enough to sort by. */
function formatScores(scores: readonly number[]): string {
  return formatList(scores.map((score) => Number(score.toPrecision(7))));
}

/** With the spaces that Python's `json.dumps` puts, as most training files have them. */
function formatList(values: readonly (string | number | null)[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}
