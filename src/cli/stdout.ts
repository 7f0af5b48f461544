import { createWriteStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const STDOUT = 1;

/**
 * Standard output that never blocks this thread: `process.stdout` writes to pipes synchronously, so a slow reader would stop
 * progress and signals.
 */
export function openStdout(): Writable {
  if (process.stdout.isTTY) return process.stdout;
  const stats = fstatSync(STDOUT);
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd: STDOUT, readable: false, writable: true });
  return createWriteStream('', { fd: STDOUT, autoClose: false });
}
