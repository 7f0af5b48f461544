import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  createWriteStream,
  fsyncSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { kill } from 'node:process';
import type { Writable } from 'node:stream';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';

/** A file that gets its final name only when it is whole. */
export interface AtomicFile {
  readonly stream: Writable;
  /** To be called after the stream has finished. @throws HnMineError `output` */
  commit(): void;
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
  const target = resolveTarget(path);
  const folder = dirname(target);
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HnMineError('output', `${flag} ${path}: expected a file (found a folder)`);
  }
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new HnMineError('output', `${flag} ${path}: the folder ${folder} does not exist`);
  }
  const isDirect = isPipeOrDevice(target);
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
 */
export function openAtomicFile(path: string, processId: number): AtomicFile {
  const target = resolveTarget(path);
  if (isPipeOrDevice(target)) return { stream: createWriteStream(target), commit: () => {}, discard: () => {} };
  removeOrphans(target);
  const partial = `${target}.${hostname()}.${processId}.partial`;
  const stream = createWriteStream(partial);
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
      return join(realpathSync(dirname(absolute)), basename(absolute));
    } catch {
      return absolute;
    }
  }
}

function isPipeOrDevice(target: string): boolean {
  const stats = statSync(target, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

function moveIntoPlace(partial: string, target: string, path: string): void {
  try {
    const descriptor = openSync(partial, 'r+');
    fsyncSync(descriptor);
    closeSync(descriptor);
    const old = statSync(target, { throwIfNoEntry: false });
    if (old) chmodSync(partial, old.mode);
    renameSync(partial, target);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw new HnMineError('output', `${path}: cannot be written (${reasonOf(cause)})`, { cause });
  }
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

function isAlive(processId: number): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    return kill(processId, 0);
  } catch (error) {
    return !hasErrno(error, 'ESRCH');
  }
}
