import { openAtomicFile } from '../output/atomic-file.js';
import { createLineWriter } from '../output/row-writer.js';
import { createPacer } from '../pacer.js';

/** Writes values as lines of JSON to a file that is there when all are written. @throws HnMineError `output` */
export async function writeLines(path: string, values: readonly unknown[], indent?: number): Promise<void> {
  const pause = createPacer();
  const file = openAtomicFile(path, process.pid);
  const writer = createLineWriter(file.stream, path, path.endsWith('.gz'));
  try {
    for (const value of values) {
      await writer.write([JSON.stringify(value, null, indent)]);
      await pause();
    }
    await writer.end();
    await file.commit();
  } catch (error) {
    file.discard();
    throw error;
  }
}
