import type { MineConfig } from '../config/config.js';
import type { Inputs } from '../dataset.js';
import { HnMineError } from '../errors.js';
import { listPaths, locateInputs } from '../inputs.js';
import { checkOutput } from '../output/atomic-file.js';
import { formatLines } from '../output/format-lines.js';
import { createPacer } from '../pacer.js';
import type { Rejection } from '../run/rejection.js';
import { planRun, runMining } from '../run/run.js';
import type { Summary, Tally } from '../run/summary.js';
import { createContext, endOnSignals, type Log, openOutput, type RowOutput, reportTo } from './command.js';
import { describeSummary } from './describe-summary.js';
import type { MineFlags } from './mine-flags.js';
import { formatCount, type Progress } from './progress.js';
import { writeLines } from './report-files.js';

/** Mines from files to a file or standard output. @returns the exit code */
export function mineFiles(flags: MineFlags, config: MineConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const inputs = locateInputs({ ...flags, input: flags.input === '-' ? process.stdin : flags.input });
    checkOutputs(flags, [...listPaths(inputs), ...(config.run ?? [])]);
    if (flags.dryRun) await dryRun(inputs, config, progress, log);
    else await run(flags, inputs, config, progress, log);
  });
}

function checkOutputs({ output, summary, rejected }: MineFlags, inputs: readonly string[]): void {
  for (const [flag, path] of Object.entries({ output, summary, rejected })) {
    if (path !== undefined) checkOutput(`--${flag}`, path, inputs);
  }
}

async function dryRun(inputs: Inputs, config: MineConfig, progress: Progress, log: Log): Promise<void> {
  const restore = endOnSignals(progress, log, async () => {});
  const { rows, passages, model, reranker, outlook } = await planRun(
    inputs,
    config,
    createContext(config, progress, log),
  );
  restore();
  progress.stop();
  const { low, high } = config.range;
  const { leastCandidates: least, mostCandidates: most } = outlook;
  const lines = [
    `would mine ${formatCount(rows)} rows from ${formatCount(passages)} distinct passages with ${model ?? 'no encoder, as nothing asks for its scores'}`,
    ...(reranker
      ? [
          `reranked by ${reranker.name}: ${formatCount(reranker.depth)} candidates a row, at most ${formatCount(reranker.limit)}`,
        ]
      : []),
    `candidates a row: ${formatCount(least)}${least === most ? '' : ` to ${formatCount(most)}`}; window ${low}-${high}, ${config.neg} negatives, ${config.sample}`,
    `positives: ${formatCount(outlook.positives)} distinct, ${formatCount(outlook.positivesNotInPool)} not in the pool`,
  ];
  for (const line of lines) log.info(line);
}

async function run(flags: MineFlags, inputs: Inputs, config: MineConfig, progress: Progress, log: Log): Promise<void> {
  const rejections: Rejection[] = [];
  const context = createContext(config, progress, log, rejections);
  const output = await openOutput(flags.output, progress, log);
  try {
    const rows = runMining(inputs, config, context);
    const dropped = await writeRows({ rows, output, config, tally: context.tally, progress });
    const started = performance.now();
    await output.commit();
    context.tally.addWriting(performance.now() - started);
    await finish(flags, context.tally, rejections, dropped, progress, log);
  } catch (error) {
    await output.abandon(error);
    if (error instanceof HnMineError && error.code === 'input' && context.tally.short > 0)
      await writeReports(flags, context.tally, rejections);
    throw error;
  } finally {
    output.restore();
  }
}

interface Writing {
  readonly rows: ReturnType<typeof runMining>;
  readonly output: RowOutput;
  readonly config: MineConfig;
  readonly tally: Tally;
  readonly progress: Progress;
}

/** @returns how many rows lost a field that described their old negatives, by field */
async function writeRows({ rows, output, config, tally, progress }: Writing): Promise<Map<string, number>> {
  const dropped = new Map<string, number>();
  const pause = createPacer();
  for await (const mined of rows) {
    const started = performance.now();
    const formatted = formatLines(mined, config);
    for (const field of formatted.dropped) dropped.set(field, (dropped.get(field) ?? 0) + 1);
    for (const line of formatted.lines) await output.write(line);
    tally.addExamples(formatted.lines.length);
    tally.addWriting(performance.now() - started);
    progress.update('writing', tally.written, tally.expected);
    await pause();
  }
  return dropped;
}

async function finish(
  flags: MineFlags,
  tally: Tally,
  rejections: readonly Rejection[],
  dropped: Map<string, number>,
  progress: Progress,
  log: Log,
): Promise<void> {
  const summary = await writeReports(flags, tally, rejections);
  progress.stop();
  for (const [field, count] of dropped) {
    log.info(`"${field}" left out of ${formatCount(count)} rows: it described their old negatives`);
  }
  if (flags.logFormat === 'json') log.info({ summary }, 'done');
  else for (const line of describeSummary(summary)) log.info(line);
}

async function writeReports(
  { summary: file, rejected }: MineFlags,
  tally: Tally,
  rejections: readonly Rejection[],
): Promise<Summary> {
  const summary = tally.finish();
  if (file !== undefined) await writeLines(file, [summary], 2);
  if (rejected !== undefined) await writeLines(rejected, rejections);
  return summary;
}
