import { describeUnusable, normalizeVector } from '../embed/pooling.js';
import { HnMineError } from '../errors.js';
import { createPacer } from '../pacer.js';
import { type NpyMatrix, openNpy } from './npy.js';

/** Vectors that were made elsewhere: row for record of the files that they belong to. */
export interface GivenVectors {
  readonly dim: number;
  readonly count: number;
  /** Copies the vectors of some records. @throws HnMineError `input` where one is not usable */
  copy(records: ArrayLike<number>, target: Float32Array): Promise<void>;
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
  const matrices = await Promise.all(files.map((file) => openNpy(flag, file)));
  const close = async () => void (await Promise.all(matrices.map((matrix) => matrix.close())));
  const [first] = matrices;
  const total = matrices.reduce((sum, matrix) => sum + matrix.count, 0);
  const odd = matrices.find(({ dim }) => dim !== first?.dim);
  try {
    if (odd && first) {
      throw new HnMineError(
        'input',
        `${flag} ${odd.file}: expected vectors of ${first.dim} values, as in ${first.file} (found ${odd.dim})`,
      );
    }
    if (total !== count) {
      throw new HnMineError(
        'input',
        `${flag}: expected ${count} vectors, one for each of the ${what} in their order (found ${total})`,
      );
    }
  } catch (error) {
    await close();
    throw error;
  }
  const dim = first?.dim ?? 0;
  const buffer = new Float32Array(RECORDS_AT_ONCE * dim);
  return {
    dim,
    count,
    close,
    async copy(records, target) {
      const pause = createPacer();
      const rowsOf = listWanted(records);
      let start = 0;
      for (const matrix of matrices) {
        for (let at = 0; at < matrix.count; at += RECORDS_AT_ONCE) {
          const piece = buffer.subarray(0, Math.min(RECORDS_AT_ONCE, matrix.count - at) * dim);
          await matrix.read(at, piece);
          for (let i = 0; i * dim < piece.length; i++) {
            for (const row of rowsOf.get(start + at + i) ?? []) {
              const vector = piece.slice(i * dim, (i + 1) * dim);
              if (normalize) normalizeVector(vector);
              refuseUnusable(vector, flag, matrix, at + i);
              target.set(vector, row * dim);
            }
          }
          await pause();
        }
        start += matrix.count;
      }
    },
  };
}

function listWanted(records: ArrayLike<number>): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (let row = 0; row < records.length; row++) {
    const known = rows.get(records[row] as number);
    if (known) known.push(row);
    else rows.set(records[row] as number, [row]);
  }
  return rows;
}

function refuseUnusable(vector: Float32Array, flag: string, { file }: NpyMatrix, row: number): void {
  const found = describeUnusable(vector);
  if (found === undefined) return;
  throw new HnMineError('input', `${flag} ${file}: the vector of row ${row} (from 0) ${found}`);
}
