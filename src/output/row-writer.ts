import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { HnMineError, hasErrno, reasonOfWriteFailure } from '../errors.js';
import type { LineParts } from './line-parts.js';

/** Writes whole lines, as fast as the reader takes them. */
export interface LineWriter {
  /**
   * Resolves when more may be written.
   *
   * @throws HnMineError `output`; see `isClosedPipe`
   */
  write(line: LineParts): Promise<void> | undefined;
  /** Resolves when everything has been handed over. */
  end(): Promise<void>;
}

/** Lines are joined to pieces of about this many bytes: one system call each. */
const PIECE = 1 << 16;

/** What the last line of a piece mostly needs beyond that. */
const BEYOND = 1 << 14;

/** Of UTF-8 for a unit of UTF-16. */
const MOST_BYTES = 3;

/**
 * @param name what messages call the output
 * @param isGzip whether lines are compressed on the way
 */
export function createLineWriter(output: Writable, name: string, isGzip = false): LineWriter {
  let failure: unknown;
  const gzip = isGzip ? createGzip() : undefined;
  gzip?.pipe(output);
  const stream = gzip ?? output;
  for (const one of new Set([stream, output])) {
    one.on('error', (error) => {
      failure ??= error;
    });
  }
  let piece = Buffer.allocUnsafeSlow(PIECE + BEYOND);
  let size = 0;
  let isEnded = false;
  const flush = async () => {
    if (failure) throw describeFailure(failure, name);
    const whole = piece.subarray(0, size);
    piece = Buffer.allocUnsafeSlow(PIECE + BEYOND);
    size = 0;
    if (!stream.write(whole)) await waitForReader(stream, output);
    if (failure) throw describeFailure(failure, name);
  };
  const append = (part: string | Uint8Array) => {
    const end = size + (typeof part === 'string' ? MOST_BYTES : 1) * part.length;
    if (end > piece.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * piece.length));
      piece.copy(larger, 0, 0, size);
      piece = larger;
    }
    if (typeof part === 'string') {
      size += piece.write(part, size);
    } else {
      piece.set(part, size);
      size += part.length;
    }
  };
  return {
    write(line) {
      // Only a run that is being stopped still writes: it is to wait for the end of the process.
      if (isEnded) return new Promise(() => {});
      for (const part of line) append(part);
      append('\n');
      return size < PIECE ? undefined : flush();
    },
    async end() {
      isEnded = true;
      try {
        if (size > 0) await flush();
        stream.end();
        await finished(output, { readable: false });
      } catch (error) {
        throw error instanceof HnMineError ? error : describeFailure(failure ?? error, name);
      }
    },
  };
}

/** Until there is room again, or never will be. */
export function waitForReader(stream: Writable, output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off('drain', settle);
      for (const event of ['error', 'close']) output.off(event, settle);
      resolve();
    };
    stream.on('drain', settle);
    for (const event of ['error', 'close']) output.on(event, settle);
  });
}

/** Whether the failure is that nobody reads any more. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof HnMineError && hasErrno(error.cause, 'EPIPE');
}

/** The error for an output that cannot be written. */
export function describeFailure(cause: unknown, name: string): HnMineError {
  const reason = reasonOfWriteFailure(cause);
  return new HnMineError('output', `${name}: cannot be written (${reason})`, { cause });
}
