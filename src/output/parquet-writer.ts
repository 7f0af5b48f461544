import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { HnMineError } from '../errors.js';
import { type Member, splitMembers } from '../input/json.js';
import { TextSpool } from '../memory/text-spool.js';
import { planMemory, Workspace } from '../memory/workspace.js';
import { createPacer } from '../pacer.js';
import { ColumnFinder, describeColumns, fillColumns } from './columns.js';
import { joinParts } from './line-parts.js';
import { describeFailure, type LineWriter, waitForReader } from './row-writer.js';

/** Lines that are kept in memory until the end, in bytes. */
const KEPT_BYTES = 2 ** 26;

/** Of a row group's lines: readers hold a group as a whole. */
const GROUP_BYTES = 2 ** 25;

/**
 * Writes lines of JSON as the rows of a Parquet file, a column a key. What columns hold shows when all lines are there, so they
 * are kept until then, in a temporary file where they are many.
 *
 * @param name what messages call the output
 */
export function createParquetWriter(output: Writable, name: string): LineWriter {
  const workspace = new Workspace(planMemory(0));
  const lines = new TextSpool(workspace, KEPT_BYTES);
  const finder = new ColumnFinder();
  let failure: unknown;
  output.on('error', (error) => {
    failure ??= error;
  });
  const put = async (bytes: Uint8Array) => {
    if (!output.write(bytes)) await waitForReader(output, output);
    if (failure) throw describeFailure(failure, name);
  };
  return {
    write(parts) {
      const line = joinParts(parts);
      finder.add(splitMembers(line));
      lines.add(line);
      return undefined;
    },
    async end() {
      try {
        for await (const bytes of writeGroups(lines, finder)) await put(bytes);
        output.end();
        await finished(output, { readable: false });
      } catch (error) {
        throw error instanceof HnMineError ? error : describeFailure(failure ?? error, name);
      } finally {
        workspace.close();
      }
    },
  };
}

/** The bytes of the file, a piece for each row group. */
async function* writeGroups(lines: TextSpool, { columns }: ColumnFinder): AsyncGenerator<Uint8Array> {
  const pause = createPacer();
  const writer = new ByteWriter();
  const take = () => {
    const bytes = writer.getBytes().slice();
    // Offsets in the file go on.
    writer.index = 0;
    return bytes;
  };
  const parquet = new ParquetWriter({ writer, schema: describeColumns(columns), createdBy: 'hn-mine' });
  let group: Member[][] = [];
  let bytes = 0;
  const writeGroup = () => {
    parquet.write({ columnData: fillColumns(columns, group), rowGroupSize: group.length });
    group = [];
    bytes = 0;
    return take();
  };
  for (let i = 0; i < lines.length; i++) {
    const size = lines.sizeOf(i);
    if (group.length > 0 && bytes + size > GROUP_BYTES) yield writeGroup();
    group.push(splitMembers(lines.at(i)));
    bytes += size;
    await pause();
  }
  if (group.length > 0) yield writeGroup();
  parquet.finish();
  yield take();
}
