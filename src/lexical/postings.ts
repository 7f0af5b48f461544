import { constants } from 'node:buffer';
import { readFully } from '../memory/file-access.js';
import type { Workspace } from '../memory/workspace.js';

/** A passage's position and how often it has the word. */
export const POSTING_BYTES = Int32Array.BYTES_PER_ELEMENT + Uint16Array.BYTES_PER_ELEMENT;

/** Where the postings of all terms are, one term's after the other's, in a form that can be sent to a worker. */
export interface PostingsPlace {
  readonly count: number;
  /** Shared memory, or the descriptor of an open file of this process: all passages, then all counts. */
  readonly source: SharedArrayBuffer | number;
}

/** Some postings, those of a term by passage ascending. */
export interface Postings {
  readonly passages: Int32Array;
  readonly counts: Uint16Array;
}

/** In shared memory, or in a temporary file where they take more than `limit` bytes. */
export function placePostings(workspace: Workspace, limit: number, count: number): PostingsPlace {
  const bytes = count * POSTING_BYTES;
  if (bytes <= Math.min(limit, constants.MAX_LENGTH)) return { count, source: new SharedArrayBuffer(bytes) };
  return { count, source: workspace.openFile() };
}

/** Reads postings by number; what it returns is valid until the next read. */
export function createPostingsReader({ count, source }: PostingsPlace): (start: number, end: number) => Postings {
  if (typeof source !== 'number') {
    const all = viewPostings(source, count);
    return (start, end) => ({ passages: all.passages.subarray(start, end), counts: all.counts.subarray(start, end) });
  }
  let scratch = makePostings(0);
  return (start, end) => {
    const length = end - start;
    if (scratch.counts.length < length) scratch = makePostings(2 * length);
    const some = { passages: scratch.passages.subarray(0, length), counts: scratch.counts.subarray(0, length) };
    readFully(source, bytesOf(some.passages), start * Int32Array.BYTES_PER_ELEMENT);
    readFully(source, bytesOf(some.counts), startOfCounts(count) + start * Uint16Array.BYTES_PER_ELEMENT);
    return some;
  };
}

/** The postings to be filled from number `start` on, and what keeps them once they are. */
export function openPostings(
  { count, source }: PostingsPlace,
  { start, length, workspace }: { start: number; length: number; workspace: Workspace },
): Postings & { keep(): void } {
  if (typeof source !== 'number') {
    const all = viewPostings(source, count);
    const end = start + length;
    return { passages: all.passages.subarray(start, end), counts: all.counts.subarray(start, end), keep: () => {} };
  }
  const some = makePostings(length);
  return {
    ...some,
    keep() {
      workspace.write(source, some.passages, start * Int32Array.BYTES_PER_ELEMENT);
      workspace.write(source, some.counts, startOfCounts(count) + start * Uint16Array.BYTES_PER_ELEMENT);
    },
  };
}

function makePostings(length: number): Postings {
  return { passages: new Int32Array(length), counts: new Uint16Array(length) };
}

function viewPostings(source: SharedArrayBuffer, count: number): Postings {
  return {
    passages: new Int32Array(source, 0, count),
    counts: new Uint16Array(source, startOfCounts(count), count),
  };
}

function startOfCounts(count: number): number {
  return count * Int32Array.BYTES_PER_ELEMENT;
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
