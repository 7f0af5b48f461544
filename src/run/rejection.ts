import { type MineConfig, writesShortRows } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { placeOf } from '../input/lines.js';
import type { MinedRow, ShortReason } from '../mine.js';
import type { Tally } from './summary.js';

/** A row that got fewer negatives than asked for: a line of `--rejected`. */
export interface Rejection {
  readonly line: string;
  readonly query: string;
  readonly reason: ShortReason;
  readonly asked: number;
  readonly found: number;
  readonly written: boolean;
}

/** What a row that came out short is listed with. */
export function describeRejection(
  { row, negatives }: MinedRow,
  reason: ShortReason,
  asked: number,
  written: boolean,
): Rejection {
  return { line: placeOf(row.line), query: row.query, reason, asked, found: negatives.length, written };
}

/** @throws HnMineError `input` where rows are short that may not be, or nothing was written */
export function refuseOutcome({ written, short, rejected }: Tally, config: MineConfig): void {
  const { onShort, neg, shard } = config;
  if (onShort === 'fail' && short > 0) {
    throw new HnMineError(
      'input',
      `--on-short fail: ${short} of ${written + rejected} rows have fewer than ${neg} negatives; --rejected FILE lists them`,
    );
  }
  if (written > 0 || shard !== undefined) return;
  const few = writesShortRows(config) ? 'a negative' : `all ${neg} negatives`;
  throw new HnMineError('input', `nothing to write: no row got ${few}; --rejected FILE lists them`);
}
