import { writeFileSync } from 'node:fs';
import type { MineConfig } from '../config/config.js';
import type { Inputs } from '../dataset.js';
import { HnMineError, reasonOf } from '../errors.js';
import { type AtomicFile, checkOutput, openAtomicFile } from '../output/atomic-file.js';
import { formatRow } from '../output/format-row.js';
import { createLineWriter, isClosedPipe, type LineWriter } from '../output/row-writer.js';
import { planRun, type Rejection, type RunContext, runMining } from '../run.js';
import { Tally } from '../summary.js';
import { describeSummary } from './describe-summary.js';
import type { Flags } from './flags.js';
import { createLog } from './log.js';
import { exitCodeOf, reportError } from './main.js';
import { createProgress, formatCount, type Progress } from './progress.js';
import { openStdout } from './stdout.js';

type RunFlags = Flags & { readonly input: string; readonly logFormat: 'pretty' | 'json' };

type Log = ReturnType<typeof createLog>;

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** How long rows under way may take to reach the reader after a signal. */
const GRACE_MS = 1000;

/** Mines from files to a file or standard output. @returns the exit code */
export async function mineFiles(flags: RunFlags, config: MineConfig): Promise<number> {
  const progress = createProgress(
    process.stderr,
    flags.progress && flags.quiet !== true && flags.logFormat === 'pretty',
  );
  const hasColor = process.stderr.isTTY === true && !process.env.NO_COLOR;
  const log = createLog(progress.sink, { format: flags.logFormat, isQuiet: flags.quiet === true, hasColor });
  const inputs: Inputs = { input: flags.input === '-' ? process.stdin : flags.input, pool: flags.pool };
  try {
    checkOutputs(flags);
    if (flags.dryRun) await describeRun(inputs, config, createContext(config, progress, log, []), log);
    else await run(flags, inputs, config, progress, log);
    return 0;
  } catch (error) {
    progress.stop();
    if (isClosedPipe(error)) return 0;
    reportError(error, flags.verbose === true, flags.logFormat === 'json');
    return exitCodeOf(error);
  }
}

function checkOutputs({ input, pool = [], output, summary, rejected }: RunFlags): void {
  const inputs = [...(input === '-' ? [] : [input]), ...pool];
  const outputs = { '--output': output, '--summary': summary, '--rejected': rejected };
  const seen: string[] = [];
  for (const [flag, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    checkOutput(flag, path, inputs);
    if (seen.includes(path)) throw new HnMineError('usage', `${flag} ${path}: is named twice; give another file`);
    seen.push(path);
  }
}

function createContext(config: MineConfig, progress: Progress, log: Log, rejections: Rejection[]): RunContext {
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

async function describeRun(inputs: Inputs, config: MineConfig, context: RunContext, log: Log): Promise<void> {
  const { rows, passages, model, outlook } = await planRun(inputs, config, context);
  const { low, high } = config.range;
  const { leastCandidates: least, mostCandidates: most } = outlook;
  const lines = [
    `would mine ${formatCount(rows)} rows from ${formatCount(passages)} distinct passages with ${model}`,
    `candidates a row: ${formatCount(least)}${least === most ? '' : ` to ${formatCount(most)}`}; window ${low}-${high}, ${config.neg} negatives, ${config.sample}`,
    `positives: ${formatCount(outlook.positives)} distinct, ${formatCount(outlook.positivesNotInPool)} not in the pool`,
  ];
  for (const line of lines) log.info(line);
}

async function run(flags: RunFlags, inputs: Inputs, config: MineConfig, progress: Progress, log: Log): Promise<void> {
  const rejections: Rejection[] = [];
  const context = createContext(config, progress, log, rejections);
  const file = flags.output === undefined ? undefined : openAtomicFile(flags.output, process.pid);
  const stream = file?.stream ?? openStdout();
  const writer = createLineWriter(stream, flags.output ?? 'standard output', flags.output?.endsWith('.gz'));
  const restore = endOnSignals(writer, file, progress);
  try {
    const dropped = await writeRows(runMining(inputs, config, context), writer, config, context, progress);
    await writer.end();
    file?.commit();
    finish(flags, context.tally, rejections, dropped, progress, log);
  } catch (error) {
    if (file) file.discard();
    else if (!isClosedPipe(error)) await writer.end().catch(() => {});
    if (error instanceof HnMineError && error.code === 'input' && context.tally.short > 0)
      writeReports(flags, context.tally, rejections);
    throw error;
  } finally {
    restore();
  }
}

async function writeRows(
  rows: ReturnType<typeof runMining>,
  writer: LineWriter,
  config: MineConfig,
  { tally }: RunContext,
  progress: Progress,
): Promise<Map<string, number>> {
  const dropped = new Map<string, number>();
  for await (const mined of rows) {
    const started = performance.now();
    const formatted = formatRow(mined, config);
    for (const field of formatted.dropped) dropped.set(field, (dropped.get(field) ?? 0) + 1);
    await writer.write(formatted.line);
    tally.addWriting(performance.now() - started);
    progress.update('writing', tally.written);
  }
  return dropped;
}

function finish(
  flags: RunFlags,
  tally: Tally,
  rejections: readonly Rejection[],
  dropped: Map<string, number>,
  progress: Progress,
  log: Log,
): void {
  const summary = writeReports(flags, tally, rejections);
  progress.stop();
  for (const [field, count] of dropped) {
    log.info(`"${field}" left out of ${formatCount(count)} rows: it described their old negatives`);
  }
  if (flags.logFormat === 'json') log.info({ summary }, 'done');
  else for (const line of describeSummary(summary)) log.info(line);
}

function writeReports({ summary: file, rejected }: RunFlags, tally: Tally, rejections: readonly Rejection[]) {
  const summary = tally.finish();
  if (file !== undefined) writeText(file, `${JSON.stringify(summary, null, 2)}\n`);
  if (rejected !== undefined)
    writeText(rejected, rejections.map((rejection) => `${JSON.stringify(rejection)}\n`).join(''));
  return summary;
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new HnMineError('output', `${path}: cannot be written (${reasonOf(cause)})`, { cause });
  }
}

/** On SIGINT and SIGTERM: the partial file goes, rows on their way to standard output arrive whole, the process ends. */
function endOnSignals(writer: LineWriter, file: AtomicFile | undefined, progress: Progress): () => void {
  const handlers = Object.entries(SIGNAL_CODES).map(([signal, code]) => {
    const end = async () => {
      progress.stop();
      if (file) file.discard();
      else await Promise.race([writer.end().catch(() => {}), new Promise((resolve) => setTimeout(resolve, GRACE_MS))]);
      process.stderr.write(`stopped by ${signal}\n`);
      process.exit(code);
    };
    process.once(signal, end);
    return () => void process.off(signal, end);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
