import type { MineConfig } from '../config/config.js';
import type { Dataset } from '../dataset.js';
import type { EncodedCounts, MinedRow, Phase, RerankedCounts, ShortReason, WrittenNegative } from '../mine.js';

/** What a run did. Keys are only ever added; `schema` changes if one must go. */
export interface Summary {
  readonly schema: 1;
  readonly rows: {
    readonly read: number;
    readonly written: number;
    /** With fewer negatives than asked for, written or not. */
    readonly short: number;
    /** Read to be mined, but not written. */
    readonly rejected: number;
  };
  /** Lines written, where they are training examples instead of rows: see `--format`. */
  readonly examples?: number;
  /** Short rows by reason. */
  readonly reasons: Readonly<Partial<Record<ShortReason, number>>>;
  readonly passages: {
    readonly read: number;
    readonly distinct: number;
    readonly duplicates: number;
    readonly empty: number;
  };
  readonly positives: { readonly distinct: number; readonly notInPool: number };
  /** Negatives written, by source. */
  readonly negatives: Readonly<Record<WrittenNegative['source'], number>>;
  /** Means over what was written; null where there was nothing to average, or nothing asked for scores. */
  readonly scores: { readonly positives: number | null; readonly negatives: number | null };
  /** Distinct texts longer than the model reads. */
  readonly truncated: EncodedCounts['truncated'];
  /** Distinct texts embedded, and those of them whose vectors were in the store. */
  readonly texts: EncodedCounts['texts'];
  readonly seconds: Readonly<Record<Phase | 'writing' | 'total', number>>;
  /** Null where no text was encoded. */
  readonly model: string | null;
  /** With a reranker, by pairs of query and passage. */
  readonly reranker?: RerankedFigures;
  readonly seed: number;
  readonly flags: MineConfig;
}

export interface RerankedFigures extends Omit<RerankedCounts, 'truncated'> {
  readonly model: string;
  /** Null where a server does not tell. */
  readonly truncated: number | null;
}

interface Mean {
  sum: number;
  count: number;
}

/** Gathers the figures of a run while it goes on. */
export class Tally {
  encoded: EncodedCounts = { truncated: { queries: 0, passages: 0 }, texts: { distinct: 0, reused: 0 } };
  positives = { distinct: 0, notInPool: 0 };
  model: string | null = null;
  reranker: RerankedFigures | undefined;

  readonly #config: MineConfig;
  readonly #now: () => number;
  readonly #started: number;
  readonly #rows = { written: 0, short: 0, rejected: 0 };
  #examples = 0;
  readonly #reasons: Partial<Record<ShortReason, number>> = {};
  readonly #negatives = { window: 0, next: 0, random: 0, skipped: 0, kept: 0 };
  readonly #scores: { positives: Mean; negatives: Mean } = {
    positives: { sum: 0, count: 0 },
    negatives: { sum: 0, count: 0 },
  };
  readonly #seconds: Record<Phase | 'writing', number> = {
    reading: 0,
    embedding: 0,
    indexing: 0,
    searching: 0,
    reranking: 0,
    writing: 0,
  };
  #phase: Phase = 'reading';
  #phaseStarted: number;
  #dataset: Dataset | undefined;

  /** @param now milliseconds, from any origin */
  constructor(config: MineConfig, now: () => number = () => performance.now()) {
    this.#config = config;
    this.#now = now;
    this.#started = now();
    this.#phaseStarted = this.#started;
  }

  set dataset(dataset: Dataset) {
    this.#dataset = dataset;
  }

  get written(): number {
    return this.#rows.written;
  }

  /** Mined but not to be written. */
  get rejected(): number {
    return this.#rows.rejected;
  }

  /** How many rows will be written if no more are rejected. */
  get expected(): number {
    const { start, end } = this.#dataset?.mined ?? { start: 0, end: 0 };
    return end - start - this.#rows.rejected;
  }

  get short(): number {
    return this.#rows.short;
  }

  enter(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#closePhase();
    this.#phase = phase;
  }

  addRow(mined: MinedRow, isWritten: boolean): void {
    if (mined.reason) {
      this.#rows.short++;
      this.#reasons[mined.reason] = (this.#reasons[mined.reason] ?? 0) + 1;
    }
    if (!isWritten) {
      this.#rows.rejected++;
      return;
    }
    this.#rows.written++;
    for (const score of mined.posScores) addTo(this.#scores.positives, score);
    for (const { score, source } of mined.negatives) {
      this.#negatives[source]++;
      if (score !== undefined) addTo(this.#scores.negatives, score);
    }
  }

  addExamples(count: number): void {
    this.#examples += count;
  }

  addReranked({ pairs, truncated, reused }: RerankedCounts): void {
    if (this.reranker === undefined) return;
    this.reranker = {
      ...this.reranker,
      pairs: this.reranker.pairs + pairs,
      truncated: this.reranker.truncated === null ? null : this.reranker.truncated + truncated,
      reused: this.reranker.reused + reused,
    };
  }

  /** Time during which rows waited for the output, which is not counted as searching. */
  addWriting(milliseconds: number): void {
    this.#seconds.writing += milliseconds / 1000;
    this.#seconds[this.#phase] -= milliseconds / 1000;
  }

  finish(): Summary {
    this.#closePhase();
    const pool = this.#dataset?.pool;
    const distinct = pool?.size ?? 0;
    const [duplicates, empty] = [pool?.duplicates ?? 0, pool?.empty ?? 0];
    const seconds = { ...this.#seconds, total: (this.#now() - this.#started) / 1000 };
    return {
      schema: 1,
      rows: { read: this.#dataset?.rows.length ?? 0, ...this.#rows },
      ...(this.#config.format === 'jsonl' ? {} : { examples: this.#examples }),
      reasons: this.#reasons,
      passages: { read: distinct + duplicates + empty, distinct, duplicates, empty },
      positives: this.positives,
      negatives: this.#negatives,
      scores: { positives: meanOf(this.#scores.positives), negatives: meanOf(this.#scores.negatives) },
      ...this.encoded,
      seconds: Object.fromEntries(
        Object.entries(seconds).map(([phase, s]) => [phase, round(s, 3)]),
      ) as Summary['seconds'],
      model: this.model,
      ...(this.reranker ? { reranker: this.reranker } : {}),
      seed: this.#config.seed,
      flags: this.#config,
    };
  }

  #closePhase(): void {
    const now = this.#now();
    this.#seconds[this.#phase] += (now - this.#phaseStarted) / 1000;
    this.#phaseStarted = now;
  }
}

function addTo(mean: Mean, value: number): void {
  mean.sum += value;
  mean.count++;
}

function meanOf({ sum, count }: Mean): number | null {
  return count === 0 ? null : round(sum / count, 4);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
