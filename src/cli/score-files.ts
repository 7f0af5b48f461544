import type { ScoreConfig } from '../config/score-config.js';
import { checkOutput } from '../output/atomic-file.js';
import { formatScoredRow } from '../output/format-row.js';
import { createPacer } from '../pacer.js';
import { openWorkspace } from '../run/open-workspace.js';
import { type ScoreCounts, scoreRows } from '../run/score-rows.js';
import { createContext, type Log, openOutput, reportTo } from './command.js';
import { formatCount, formatDuration, type Progress } from './progress.js';
import type { ScoreFlags } from './score-flags.js';

/** Adds scores to the rows of a file. @returns the exit code */
export function scoreFiles(flags: ScoreFlags, config: ScoreConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const { input, output } = flags;
    if (output !== undefined) checkOutput('--output', output, input === '-' ? [] : [input]);
    await run(flags, config, progress, log);
  });
}

async function run({ input, output: path }: ScoreFlags, config: ScoreConfig, progress: Progress, log: Log) {
  const started = performance.now();
  const context = createContext(config, progress, log);
  const output = await openOutput(path, progress, log);
  const workspace = openWorkspace(config, context);
  const counts: ScoreCounts = { rows: 0, pairs: 0, truncated: 0, model: '' };
  const means = { positives: createMean(), negatives: createMean() };
  const pause = createPacer();
  try {
    const source = input === '-' ? process.stdin : input;
    for await (const row of scoreRows(source, config, { workspace, context, counts })) {
      means.positives.add(row.posScores);
      means.negatives.add(row.negScores);
      await output.write(formatScoredRow(row));
      await pause();
    }
    await output.commit();
  } catch (error) {
    await output.abandon(error);
    throw error;
  } finally {
    workspace.close();
    output.restore();
  }
  progress.stop();
  const activation = config.reranker === undefined ? '' : `, activation ${config.activation}`;
  const what = config.reranker === undefined ? 'texts' : 'pairs';
  const lines = {
    rows: `${formatCount(counts.rows)} written`,
    scores: `${formatCount(counts.pairs)} distinct pairs${counts.truncated === null ? '' : `, ${formatCount(counts.truncated)} ${what} longer than the model reads`}`,
    'mean score': `positives ${means.positives.describe()}, negatives ${means.negatives.describe()}`,
    model: `${counts.model}${activation}`,
    time: formatDuration((performance.now() - started) / 1000),
  };
  for (const [name, text] of Object.entries(lines)) log.info(`${name.padEnd(11)}${text}`);
}

function createMean() {
  let [sum, count] = [0, 0];
  return {
    add(scores: readonly number[]) {
      for (const score of scores) sum += score;
      count += scores.length;
    },
    describe: () => (count === 0 ? '–' : `${Number((sum / count).toFixed(4))}`),
  };
}
