import type { MineConfig } from './config/config.js';
import type { Dataset } from './dataset.js';
import { HnMineError } from './errors.js';
import { normalizeText } from './input/normalize.js';
import type { Pool } from './input/pool.js';
import { hashText } from './memory/hash.js';
import { HashTable } from './memory/hash-table.js';
import { createPacer } from './pacer.js';

/** What a run can give, known before the model loads. */
export interface Outlook {
  /** Rows whose window will hold fewer than the negatives asked for. */
  readonly shortWindows: number;
  /** The fewest and the most candidates of a row. */
  readonly leastCandidates: number;
  readonly mostCandidates: number;
  /** Distinct positives of the mined rows, and how many of them are not in the pool. */
  readonly positives: number;
  readonly positivesNotInPool: number;
}

/**
 * Counts candidates before the model loads.
 *
 * @throws HnMineError `input` where no row could get its negatives, with both numbers
 */
export async function foreseeOutcome(dataset: Dataset, config: MineConfig): Promise<Outlook> {
  const { rows, limitedCount, pool } = dataset;
  const { low, high } = config.range;
  const pause = createPacer();
  const counts = { short: 0, least: Number.POSITIVE_INFINITY, most: 0, canFill: false, canReach: false };
  const positives = createPositives(pool);
  for (let i = 0; i < limitedCount; i++) {
    const row = rows.read(i);
    const candidates = pool.classCount - dataset.exclusionsOf(i).classes.size;
    const asked = config.neg - (config.keepNeg ? Math.min(row.neg.length, config.neg) : 0);
    // Where raw ranks end depends on the pool alone; which of them are candidates is not known yet.
    const ranks = config.rankBasis === 'raw' ? pool.size : candidates;
    const window = Math.max(0, Math.min(candidates, Math.min(high, ranks) - low));
    counts.least = Math.min(counts.least, candidates);
    counts.most = Math.max(counts.most, candidates);
    counts.canFill ||= candidates >= asked;
    counts.canReach ||= window > 0 || asked === 0 || config.backfill === 'random';
    if (window < asked) counts.short++;
    for (const text of row.pos) positives.add(text);
    await pause();
  }
  if (!counts.canFill) throw tooSmall(config.neg, pool.size, counts.most);
  if (!counts.canReach) throw outOfReach(low, high, pool.size, counts.most);
  return {
    shortWindows: counts.short,
    leastCandidates: counts.least,
    mostCandidates: counts.most,
    positives: positives.distinct,
    positivesNotInPool: positives.notInPool,
  };
}

/** Counts distinct positives. Most are passages, and those need a bit each. */
function createPositives(pool: Pool) {
  const isSeen = new Uint8Array(Math.ceil(pool.size / 8));
  const others = new HashTable();
  const counts = {
    distinct: 0,
    notInPool: 0,
    add(text: string) {
      const normalized = normalizeText(text);
      const hash = hashText(normalized);
      const found = pool.classOfText(normalized, hash);
      if (found === undefined) {
        if (others.get(hash) !== undefined) return;
        others.set(hash, 0);
        if (pool.classesEqualTo(normalized, hash).length === 0) counts.notInPool++;
      } else {
        const [byte, bit] = [found >> 3, 1 << (found & 7)];
        if (((isSeen[byte] as number) & bit) !== 0) return;
        isSeen[byte] = (isSeen[byte] as number) | bit;
      }
      counts.distinct++;
    },
  };
  return counts;
}

function tooSmall(asked: number, poolSize: number, most: number): HnMineError {
  return new HnMineError(
    'input',
    `--neg ${asked}: no row has so many candidates (at most ${most}, from a pool of ${poolSize}); lower --neg or add passages`,
  );
}

function outOfReach(low: number, high: number, poolSize: number, most: number): HnMineError {
  return new HnMineError(
    'input',
    `--range ${low}-${high}: the window begins past the candidates of every row (at most ${most}, from a pool of ${poolSize}); lower --range, add passages, or use --backfill random`,
  );
}
