import { openAtomicFile } from '../output/atomic-file.js';
import { createLineWriter } from '../output/row-writer.js';
import { createPacer } from '../pacer.js';

/** A file of JSON lines that is there when all are written; gzip where its name ends in .gz. */
export interface ReportFile {
  /** Resolves when more may be written. @throws HnMineError `output` */
  write(value: unknown, indent?: number): Promise<void> | undefined;
  commit(): Promise<void>;
  discard(): void;
}

/** @throws HnMineError `output` where it cannot be made */
export function openReport(path: string): ReportFile {
  const file = openAtomicFile(path, process.pid);
  const writer = createLineWriter(file.stream, path, path.endsWith('.gz'));
  return {
    write: (value, indent) => writer.write([JSON.stringify(value, null, indent)]),
    async commit() {
      await writer.end();
      await file.commit();
    },
    discard: () => file.discard(),
  };
}

/** Writes values as lines of JSON, all or none. @throws HnMineError `output` */
export async function writeLines(path: string, values: readonly unknown[], indent?: number): Promise<void> {
  const pause = createPacer();
  const report = openReport(path);
  try {
    for (const value of values) {
      await report.write(value, indent);
      await pause();
    }
    await report.commit();
  } catch (error) {
    report.discard();
    throw error;
  }
}
