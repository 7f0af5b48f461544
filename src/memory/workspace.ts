import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HnMineError, reasonOf, reasonOfWriteFailure } from '../errors.js';
import { writeFully } from './file-access.js';

/** How many bytes of memory each part of a run may take; what does not fit goes to temporary files. */
export interface MemoryPlan {
  /** Texts of rows, and of passages. */
  readonly rowTexts: number;
  readonly passageTexts: number;
  /** Vectors of queries, and of passages. */
  readonly queryVectors: number;
  readonly passageVectors: number;
  /** BM25's index. */
  readonly postings: number;
  /** The rankings of each run file. */
  readonly runs: number;
  /** Texts and vectors being embedded, rows being mined, and what searches work with. */
  readonly encoding: number;
  readonly mining: number;
  readonly searching: number;
}

/** The parts of `--memory`, in 64ths. They sum to less than the whole: tables of hashes and offsets need the rest. */
const SHARES: Readonly<Record<keyof MemoryPlan, number>> = {
  rowTexts: 5,
  passageTexts: 5,
  queryVectors: 8,
  passageVectors: 24,
  postings: 3,
  runs: 1,
  encoding: 4,
  mining: 4,
  searching: 8,
};

/** @param limit bytes */
export function planMemory(limit: number): MemoryPlan {
  const parts = Object.entries(SHARES).map(([part, share]) => [part, Math.floor((limit * share) / 64)]);
  return Object.fromEntries(parts) as Record<keyof MemoryPlan, number>;
}

/** What a run may take of memory, and the files that hold the rest, which are gone with it. */
export class Workspace {
  readonly #files = new Set<number>();
  #folder: string | undefined;

  /** @param folders where temporary files may lie; the first that can be written is taken */
  constructor(
    readonly memory: MemoryPlan,
    private readonly folders: readonly string[] = [tmpdir()],
  ) {}

  /**
   * A temporary file's descriptor. It has no name from the start, where the system allows that, so a killed run leaves
   * nothing behind.
   *
   * @throws HnMineError `output` where none can be made
   */
  openFile(): number {
    const reasons: string[] = [];
    for (const folder of this.folders) {
      try {
        const file = openNameless(folder);
        this.#files.add(file);
        this.#folder = folder;
        return file;
      } catch (cause) {
        reasons.push(`${folder}: ${reasonOf(cause)}`);
      }
    }
    throw new HnMineError('output', `no temporary file can be made (${reasons.join('; ')}); set TMPDIR or --cache-dir`);
  }

  /**
   * Writes to a temporary file.
   *
   * @param position bytes from the file's start
   * @throws HnMineError `output` where the disk is full or fails
   */
  write(file: number, { buffer, byteOffset, byteLength }: ArrayBufferView, position: number): void {
    try {
      writeFully(file, new Uint8Array(buffer, byteOffset, byteLength), position);
    } catch (cause) {
      throw this.#describeFailure(cause);
    }
  }

  #describeFailure(cause: unknown): HnMineError {
    const reason = reasonOfWriteFailure(cause);
    const advice = 'free space, choose another disk with --cache-dir or TMPDIR, or give more --memory';
    return new HnMineError('output', `${this.#folder}: temporary files cannot be kept there (${reason}); ${advice}`, {
      cause,
    });
  }

  /** Closes all files. */
  close(): void {
    for (const file of this.#files) closeSync(file);
    this.#files.clear();
  }
}

function openNameless(parent: string): number {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'hn-mine-'));
  try {
    return openSync(join(folder, 'data'), 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
