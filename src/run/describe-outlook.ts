import type { MineConfig } from '../config/config.js';
import type { Outlook } from '../outlook.js';

/** What a user should be warned of before a run, a line each: short windows, and a pool that seems another data set's. */
export function describeOutlook(outlook: Outlook, rows: number, { range, neg, backfill }: MineConfig): string[] {
  const warnings: string[] = [];
  if (outlook.shortWindows > 0) {
    const { leastCandidates: least, mostCandidates: most } = outlook;
    const candidates = least === most ? `${most}` : `${least} to ${most}`;
    const filled =
      backfill === 'random'
        ? `random backfill makes up for it${least < neg ? ' where a row has so many' : ''}`
        : `--backfill ${backfill} leaves them short`;
    warnings.push(
      `--range ${range.low}-${range.high}: the window cannot give --neg ${neg} in ${outlook.shortWindows} of ${rows} rows ` +
        `(candidates a row: ${candidates}); ${filled}`,
    );
  }
  if (outlook.positivesNotInPool > outlook.positives / 2) {
    warnings.push(
      `${outlook.positivesNotInPool} of ${outlook.positives} positives are not in the pool; is it the right one?`,
    );
  }
  return warnings;
}
