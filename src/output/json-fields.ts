import type { LineParts } from './line-parts.js';

/** The source of a JSON value: texts of passages are copied as bytes, since a run writes each of them many times. */
export type Source = string | readonly Uint8Array[];

/** A key of a JSON object and the source of its value. */
export type Field = readonly [key: string, value: Source];

/** A JSON object as a line, with the spaces that Python's `json.dumps` puts, as most training files have them. */
export function joinFields(fields: Iterable<Field>): LineParts {
  const parts: (string | Uint8Array)[] = [];
  let text = '{';
  let isFirst = true;
  for (const [key, value] of fields) {
    text += `${isFirst ? '' : ', '}${JSON.stringify(key)}: `;
    isFirst = false;
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
export function formatScores(scores: readonly number[]): string {
  return formatList(scores.map(roundScore));
}

/** See `formatScores`. */
export function formatScore(score: number): string {
  return JSON.stringify(roundScore(score));
}

export function formatList(values: readonly (number | string | null)[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

/** @param texts that are escaped: see `escapeText` */
export function formatTexts(texts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (texts.length === 0) return [EMPTY];
  const parts: Uint8Array[] = [];
  for (const text of texts) parts.push(parts.length === 0 ? OPEN : BETWEEN, text);
  parts.push(CLOSE);
  return parts;
}

/** @param text that is escaped */
export function formatText(text: Uint8Array): readonly Uint8Array[] {
  return [QUOTE, text, QUOTE];
}

function roundScore(score: number): number {
  return Number(score.toPrecision(7));
}

const [EMPTY, OPEN, BETWEEN, CLOSE, QUOTE] = ['[]', '["', '", "', '"]', '"'].map((part) => Buffer.from(part)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];
