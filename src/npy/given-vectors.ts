import type { Embeddings } from '../embed/encoder.js';
import { describeUnusable, normalizeVector } from '../embed/pooling.js';
import { HnMineError } from '../errors.js';
import { createPacer } from '../pacer.js';
import { type NpyMatrix, openNpy } from './npy.js';

/** Vectors that were made elsewhere: row for record of the files that they belong to. */
export interface GivenVectors {
  readonly dim: number;
  readonly count: number;
  /**
   * Reads the vectors of some records, chunk after chunk.
   *
   * @param records ascending, none twice
   * @param onVectors takes the vectors of the records from number `first` of `records` on; valid during the call only
   * @throws HnMineError `input` where one is not usable
   */
  read(records: ArrayLike<number>, onVectors: (first: number, vectors: Embeddings) => void): Promise<void>;
  close(): Promise<void>;
}

const RECORDS_AT_ONCE = 4096;

/**
 * Opens the vectors of one or more files, one after the other.
 *
 * @param count how many records there are
 * @param what the records are, for messages
 * @throws HnMineError `input` where shapes differ or do not fit the records
 */
export async function openGivenVectors(
  flag: string,
  files: readonly string[],
  { count, what, normalize }: { count: number; what: string; normalize: boolean },
): Promise<GivenVectors> {
  const matrices: NpyMatrix[] = [];
  const close = async () => void (await Promise.all(matrices.map((matrix) => matrix.close())));
  try {
    for (const file of files) matrices.push(await openNpy(flag, file));
    refuseOtherShapes(flag, matrices, { count, what });
  } catch (error) {
    await close();
    throw error;
  }
  const dim = matrices[0]?.dim ?? 0;
  const buffer = new Float32Array(RECORDS_AT_ONCE * dim);
  return {
    dim,
    count,
    close,
    async read(records, onVectors) {
      const pause = createPacer();
      let start = 0;
      let done = 0;
      for (const matrix of matrices) {
        for (let at = 0; at < matrix.count && done < records.length; at += RECORDS_AT_ONCE) {
          const size = Math.min(RECORDS_AT_ONCE, matrix.count - at);
          const end = start + at + size;
          const first = done;
          while (done < records.length && (records[done] as number) < end) done++;
          if (done === first) continue;
          const piece = buffer.subarray(0, size * dim);
          await matrix.read(at, piece);
          for (let i = first; i < done; i++) {
            const row = (records[i] as number) - start;
            const vector = piece.subarray((row - at) * dim, (row - at + 1) * dim);
            if (normalize) normalizeVector(vector);
            refuseUnusable(vector, flag, matrix, row);
            // Not past itself: records are ascending.
            piece.copyWithin((i - first) * dim, (row - at) * dim, (row - at + 1) * dim);
          }
          onVectors(first, { data: piece.subarray(0, (done - first) * dim), dim, count: done - first });
          await pause();
        }
        start += matrix.count;
      }
    },
  };
}

function refuseOtherShapes(
  flag: string,
  matrices: readonly NpyMatrix[],
  { count, what }: { count: number; what: string },
): void {
  const [first] = matrices;
  const odd = matrices.find(({ dim }) => dim !== first?.dim);
  if (odd && first) {
    throw new HnMineError(
      'input',
      `${flag} ${odd.file}: expected vectors of ${first.dim} values, as in ${first.file} (found ${odd.dim})`,
    );
  }
  const total = matrices.reduce((sum, matrix) => sum + matrix.count, 0);
  if (total === count) return;
  throw new HnMineError(
    'input',
    `${flag}: expected ${count} vectors, one for each of the ${what} in their order (found ${total})`,
  );
}

function refuseUnusable(vector: Float32Array, flag: string, { file }: NpyMatrix, row: number): void {
  const found = describeUnusable(vector);
  if (found === undefined) return;
  throw new HnMineError('input', `${flag} ${file}: the vector of row ${row} (from 0) ${found}`);
}
