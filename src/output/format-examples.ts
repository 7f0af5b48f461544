import type { MineConfig } from '../config/config.js';
import { escapeText } from '../input/json.js';
import type { MinedRow } from '../mine.js';
import {
  type Field,
  formatList,
  formatScore,
  formatScores,
  formatText,
  formatTexts,
  joinFields,
} from './json-fields.js';
import type { LineParts } from './line-parts.js';

/** Formats of training examples, as sentence-transformers' losses take them: see `LAYOUTS`. */
export type ExampleFormat = Exclude<MineConfig['format'], 'jsonl'>;

/** A positive or negative of a row. */
interface Passage {
  /** See `escapeText`. */
  readonly escaped: Uint8Array;
  /** Nothing where no scores are written. */
  readonly score: number | undefined;
}

interface Group {
  readonly positives: readonly Passage[];
  readonly negatives: readonly Passage[];
  /** Whether scores are written, where there are labels in their place. */
  readonly isScored: boolean;
}

/**
 * The columns beside the query, an example an element, as `mine_hard_negatives` of sentence-transformers has them by
 * `output_format` and `output_scores`, except that it calls the one of `labeled-pair` and of `labeled-list` after the positives.
 * Every positive of a row makes examples of its own with all of the row's negatives; a positive that a row has twice counts once.
 */
const LAYOUTS: Readonly<Record<ExampleFormat, (group: Group) => Field[][]>> = {
  triplet: ({ positives, negatives, isScored }) =>
    positives.flatMap((positive) =>
      negatives.map((negative) => [
        textOf('positive', positive),
        textOf('negative', negative),
        ...scoresOf([positive, negative], isScored),
      ]),
    ),
  'n-tuple': ({ positives, negatives, isScored }) =>
    positives.map((positive) => [
      textOf('positive', positive),
      ...negatives.map((negative, i) => textOf(`negative_${i + 1}`, negative)),
      ...scoresOf([positive, ...negatives], isScored),
    ]),
  'labeled-pair': ({ positives, negatives, isScored }) =>
    [...positives, ...negatives].map((passage, i): Field[] => [
      textOf('passage', passage),
      isScored ? ['score', formatScore(passage.score as number)] : ['label', i < positives.length ? '1' : '0'],
    ]),
  'labeled-list': ({ positives, negatives, isScored }) =>
    positives.map((positive): Field[] => {
      const passages = [positive, ...negatives];
      return [
        ['passages', formatTexts(passages.map(({ escaped }) => escaped))],
        ...(isScored ? scoresOf(passages, true) : labels(passages.length)),
      ];
    }),
};

/**
 * A row as lines of examples: its query, and columns by the format. No other field of the row is written, as trainers take every
 * column for an input.
 */
export function formatExamples(
  mined: MinedRow,
  { queryField, scores }: MineConfig,
  format: ExampleFormat,
): LineParts[] {
  const query: Field = [queryField, formatText(escapeText(mined.row.query))];
  const positives = mined.row.pos
    .map((text, i) => ({ text, escaped: escapeText(text), score: mined.posScores[i] }))
    .filter(({ text }, i) => mined.row.pos.indexOf(text) === i);
  const examples = LAYOUTS[format]({ positives, negatives: mined.negatives, isScored: scores });
  return examples.map((columns) => joinFields([query, ...columns]));
}

function textOf(column: string, { escaped }: Passage): Field {
  return [column, formatText(escaped)];
}

function scoresOf(passages: readonly Passage[], isScored: boolean): Field[] {
  return isScored ? [['scores', formatScores(passages.map(({ score }) => score as number))]] : [];
}

function labels(count: number): Field[] {
  return [['labels', formatList(Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 0)))]];
}
