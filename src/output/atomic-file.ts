import {
  accessSync,
  constants,
  createWriteStream,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { HnMineError, reasonOf } from '../errors.js';
import { isAlive } from '../is-alive.js';

/** Bytes on their way to the disk before anybody waits for it: it stalls at times. */
const UNDER_WAY = 1 << 22;

/** A file that gets its final name only when it is whole. */
export interface AtomicFile {
  readonly stream: Writable;
  /** To be called after the stream has finished. @throws HnMineError `output` */
  commit(): Promise<void>;
  /** Removes what was written; the file that was there before stays. */
  discard(): void;
}

/**
 * Checks what can be checked of an output before the work begins.
 *
 * @param inputs paths that are read
 * @throws HnMineError `output` where the folder is missing or not writable, or the path is a folder or an input
 */
export function checkOutput(flag: string, path: string, inputs: readonly string[]): void {
  const isDirect = isPipeOrDevice(path);
  const target = isDirect ? path : resolveTarget(path);
  const folder = dirname(target);
  if (findStats(target)?.isDirectory()) {
    throw new HnMineError('output', `${flag} ${path}: expected a file (found a folder)`);
  }
  if (findStats(folder)?.isDirectory() !== true) {
    throw new HnMineError('output', `${flag} ${path}: the folder ${folder} does not exist`);
  }
  if (!isDirect && inputs.some((input) => resolveTarget(input) === target)) {
    throw new HnMineError('output', `${flag} ${path}: this file is also an input; give another one`);
  }
  try {
    accessSync(isDirect ? target : folder, constants.W_OK);
  } catch (cause) {
    throw new HnMineError('output', `${flag} ${path}: ${isDirect ? target : folder} is not writable`, { cause });
  }
}

/**
 * Writes beside the target and renames at the end; a pipe or device is written directly.
 *
 * @param processId distinguishes the partial files of runs on one host
 * @throws HnMineError `output` where the partial file cannot be made
 */
export function openAtomicFile(path: string, processId: number): AtomicFile {
  if (isPipeOrDevice(path)) return { stream: createWriteStream(path), commit: async () => {}, discard: () => {} };
  const target = resolveTarget(path);
  const partial = `${target}.${hostname()}.${processId}.partial`;
  const stream = createWriteStream('', { fd: startPartial(partial, target, path), highWaterMark: UNDER_WAY });
  return {
    stream,
    commit: () => moveIntoPlace(partial, target, path),
    discard: () => {
      stream.destroy();
      rmSync(partial, { force: true });
    },
  };
}

/** The real path of what a path names, through links; of its folder where nothing is there yet. */
function resolveTarget(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const absolute = resolve(path);
    try {
      const place = join(realpathSync(dirname(absolute)), basename(absolute));
      return followLink(place) ?? place;
    } catch {
      return absolute;
    }
  }
}

/** What a link to nothing stands for. */
function followLink(place: string): string | undefined {
  try {
    return resolve(dirname(place), readlinkSync(place));
  } catch {
    return undefined;
  }
}

/** Asks for the path itself: the real path of a process's own pipe names nothing. */
function isPipeOrDevice(path: string): boolean {
  const stats = findStats(path);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

function findStats(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Opens at once, so that what cannot be written is known before the work begins. */
function startPartial(partial: string, target: string, path: string): number {
  try {
    removeOrphans(target);
    return openSync(partial, 'w');
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

async function moveIntoPlace(partial: string, target: string, path: string): Promise<void> {
  try {
    const file = await open(partial, 'r+');
    try {
      await file.sync();
      const old = findStats(target);
      if (old) await file.chmod(old.mode);
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw cannotWrite(path, cause);
  }
}

function cannotWrite(path: string, cause: unknown): HnMineError {
  return new HnMineError('output', `${path}: cannot be written (${reasonOf(cause)})`, { cause });
}

/** Partial files of this target whose process on this host is gone. */
function removeOrphans(target: string): void {
  const head = `${basename(target)}.${hostname()}.`;
  for (const file of readdirSync(dirname(target))) {
    if (!file.startsWith(head) || !file.endsWith('.partial')) continue;
    const processId = Number(file.slice(head.length, -'.partial'.length));
    if (Number.isSafeInteger(processId) && !isAlive(processId)) rmSync(join(dirname(target), file), { force: true });
  }
}
