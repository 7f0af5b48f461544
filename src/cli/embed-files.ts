import { pipeline } from 'node:stream/promises';
import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { checkOutput, openAtomicFile } from '../output/atomic-file.js';
import { describeFailure } from '../output/row-writer.js';
import { embedRecords } from '../run/embed-records.js';
import { openWorkspace } from '../run/open-workspace.js';
import { createContext, endOnSignals, reportTo } from './command.js';
import type { EmbedFlags } from './embed-flags.js';
import { formatCount } from './progress.js';

/** Writes vectors of records to a NumPy file. @returns the exit code */
export function embedFiles(flags: EmbedFlags, config: MineConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const { input, pool = [], output } = flags;
    checkOutput('--output', output, [...(input === undefined || input === '-' ? [] : [input]), ...pool]);
    const sources = input === undefined ? { pool } : { input: input === '-' ? process.stdin : input };
    const file = openAtomicFile(output, process.pid);
    const restore = endOnSignals(progress, log, async () => file.discard());
    const context = createContext(config, progress, log);
    const workspace = openWorkspace(config, context);
    try {
      const embedded = await embedRecords(sources, config, workspace, context);
      await pipeline(embedded.pieces(), file.stream);
      await file.commit();
      progress.stop();
      const { count, dim, truncated } = embedded;
      log.info(
        `${formatCount(count)} vectors of ${dim} values written, ${formatCount(truncated)} texts longer than the model reads`,
      );
    } catch (error) {
      file.discard();
      throw error instanceof HnMineError ? error : describeFailure(error, output);
    } finally {
      workspace.close();
      restore();
    }
  });
}
