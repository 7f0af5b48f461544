import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { MineConfig } from '../config/config.js';
import { openAtomicFile } from '../output/atomic-file.js';
import type { LineParts } from '../output/line-parts.js';
import { createLineWriter, isClosedPipe, type LineWriter } from '../output/row-writer.js';
import type { Rejection } from '../run/rejection.js';
import type { RunContext } from '../run/run-context.js';
import { Tally } from '../run/summary.js';
import { closeUnclosed } from '../unclosed.js';
import type { Typed } from './command-line.js';
import { createLog } from './log.js';
import { createProgress, type Progress } from './progress.js';
import { exitCodeOf, reportError } from './report-error.js';
import { openStdout } from './stdout.js';

/** A signal is ending the process. */
let isStopping = false;

export type Log = ReturnType<typeof createLog>;

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** How long rows under way may take to reach the reader after a signal, and workers to come to an end. */
const GRACE_MS = 1000;

/** @returns the exit code of what was done */
export async function reportTo(
  flags: Pick<Typed, 'progress' | 'quiet' | 'verbose' | 'logFormat'>,
  work: (progress: Progress, log: Log) => Promise<void>,
): Promise<number> {
  const isShown = flags.progress && flags.quiet !== true && flags.logFormat === 'pretty';
  const progress = createProgress(process.stderr, isShown);
  const hasColor = process.stderr.isTTY === true && !process.env.NO_COLOR;
  const log = createLog(progress.sink, { format: flags.logFormat, isQuiet: flags.quiet === true, hasColor });
  try {
    await work(progress, log);
    return 0;
  } catch (error) {
    // The handler of the signal, which made this error, ends the process.
    if (isStopping) await new Promise(() => {});
    progress.stop();
    if (isClosedPipe(error)) return 0;
    reportError(error, flags.verbose === true, flags.logFormat === 'json');
    return exitCodeOf(error);
  }
}

/** What a run is told with: progress and log; rows that came out short are collected. */
export function createContext(
  config: MineConfig,
  progress: Progress,
  log: Log,
  rejections: Rejection[] = [],
): RunContext {
  return {
    tally: new Tally(config),
    env: process.env,
    events: {
      onProgress: (phase, done, total) => progress.update(phase, done, total),
      onDownload: (file, done, total) => progress.update(`downloading ${file}`, done, total),
      onNote: (message) => log.info(message),
      onWarning: (message) => log.warn(message),
      onRejected: (rejection) => void rejections.push(rejection),
    },
  };
}

/** Where the rows of a command go: a file that is there when all are written, or standard output. */
export interface RowOutput {
  /** Resolves when more may be written. @throws HnMineError `output` */
  write(line: LineParts): Promise<void> | undefined;
  commit(): Promise<void>;
  /** After an error: the partial file goes; rows on their way to standard output arrive whole. */
  abandon(error: unknown): Promise<void>;
  /** Takes the signals back to what they were. */
  restore(): void;
}

/** By the file's ending. */
async function chooseWriter(path: string | undefined): Promise<(stream: Writable) => LineWriter> {
  if (!path?.endsWith('.parquet'))
    return (stream) => createLineWriter(stream, path ?? 'standard output', path?.endsWith('.gz'));
  const { createParquetWriter } = await import('../output/parquet-writer.js');
  return (stream) => createParquetWriter(stream, path);
}

/** @param path nothing for standard output */
export async function openOutput(path: string | undefined, progress: Progress, log: Log): Promise<RowOutput> {
  const openWriter = await chooseWriter(path);
  let settle = async () => {};
  // Before there is a partial file: a signal must never leave one behind.
  const restore = endOnSignals(progress, log, () => settle());
  const file = path === undefined ? undefined : openAtomicFile(path, process.pid);
  const writer = openWriter(file?.stream ?? openStdout());
  settle = async () => (file ? file.discard() : await writer.end().catch(() => {}));
  // On one terminal the rows follow the bars.
  const sharesTerminal = file === undefined && process.stdout.isTTY;
  return {
    write(line) {
      if (sharesTerminal) progress.stop();
      return writer.write(line);
    },
    async commit() {
      await writer.end();
      await file?.commit();
    },
    abandon: async (error) => {
      if (!isClosedPipe(error)) await settle();
    },
    restore,
  };
}

/**
 * On SIGINT and SIGTERM: `settle` sees to what was written, and the process ends.
 *
 * @returns what takes these signals back to what they were
 */
export function endOnSignals(progress: Progress, log: Log, settle: () => Promise<void>): () => void {
  const handlers = Object.entries(SIGNAL_CODES).map(([signal, code]) => {
    const end = async () => {
      isStopping = true;
      progress.stop();
      const ends = Promise.all([settle(), closeUnclosed()]).then(() => true);
      const isDone = await Promise.race([ends, setTimeout(GRACE_MS, false)]);
      log.error(`stopped by ${signal}`);
      // A worker deep in native code would turn the exit into an abort; the signal itself, no longer handled, does not.
      if (!isDone) process.kill(process.pid, signal);
      process.exit(code);
    };
    process.once(signal, end);
    return () => void process.off(signal, end);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
