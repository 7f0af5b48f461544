import type { MineConfig } from '../config/config.js';
import { escapeText, type Member, splitMembers } from '../input/json.js';
import type { MinedRow } from '../mine.js';
import type { ScoredRow } from '../run/score-rows.js';
import type { LineParts } from './line-parts.js';

/** A row's line, and which of its fields were dropped because they described its old negatives. */
export interface FormattedRow {
  readonly line: LineParts;
  readonly dropped: readonly string[];
}

/** The source of a JSON value: texts of passages are copied as bytes, since a run writes each of them many times. */
type Source = string | readonly Uint8Array[];

/** Fields of an input row that describe its `neg`, and are false once that list is another. */
const ABOUT_NEGATIVES = ['neg_scores', 'neg_ranks', 'neg_ids'];

/**
 * A row as one line of JSON: every field of the input in place and as its source text, the negatives where they were, or at
 * the end.
 */
export function formatRow(mined: MinedRow, config: MineConfig): FormattedRow {
  const { row, negatives, posScores } = mined;
  const written = new Map<string, Source>([[config.negField, formatTexts(negatives.map(({ escaped }) => escaped))]]);
  if (config.scores) {
    written.set('pos_scores', formatScores(posScores));
    written.set('neg_scores', formatScores(negatives.map(({ score }) => score as number)));
  }
  if (config.ranks) written.set('neg_ranks', formatNumbers(negatives.map(({ rank }) => rank)));
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
  const carried = members.map(({ key, value }) => [key, written.get(key) ?? value] as const);
  const names = new Set(members.map(({ key }) => key));
  const added = Array.from(written).filter(([key]) => !names.has(key));
  const parts: (string | Uint8Array)[] = [];
  let text = '{';
  for (const [i, [key, value]] of [...carried, ...added].entries()) {
    text += `${i === 0 ? '' : ', '}${JSON.stringify(key)}: `;
    if (typeof value === 'string') {
      text += value;
    } else {
      parts.push(text, ...value);
      text = '';
    }
  }
  parts.push(`${text}}`);
  return parts;
}

/** Seven significant digits: what float32 inner products can be trusted to, and enough to sort by. */
function formatScores(scores: readonly number[]): string {
  return formatNumbers(scores.map((score) => Number(score.toPrecision(7))));
}

/** With the spaces that Python's `json.dumps` puts, as most training files have them. */
function formatNumbers(values: readonly (number | null)[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

const [EMPTY, OPEN, BETWEEN, CLOSE] = ['[]', '["', '", "', '"]'].map((part) => Buffer.from(part)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];

/** As `formatNumbers`, of texts that are escaped. */
function formatTexts(texts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (texts.length === 0) return [EMPTY];
  return [...texts.flatMap((text, i) => [i === 0 ? OPEN : BETWEEN, text]), CLOSE];
}
