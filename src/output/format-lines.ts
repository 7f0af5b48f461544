import type { MineConfig } from '../config/config.js';
import type { MinedRow } from '../mine.js';
import { formatExamples } from './format-examples.js';
import { formatRow } from './format-row.js';
import type { LineParts } from './line-parts.js';

/** What is written of a row, and which of its fields were dropped because they described its old negatives. */
export interface FormattedLines {
  readonly lines: readonly LineParts[];
  readonly dropped: readonly string[];
}

/** A row in the format that the configuration names. */
export function formatLines(mined: MinedRow, config: MineConfig): FormattedLines {
  if (config.format !== 'jsonl') return { lines: formatExamples(mined, config, config.format), dropped: [] };
  const { line, dropped } = formatRow(mined, config);
  return { lines: [line], dropped };
}
