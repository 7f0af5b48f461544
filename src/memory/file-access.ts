import { readSync, writeSync } from 'node:fs';

/** @param position bytes from the file's start @throws Error where the file ends too early */
export function readFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) throw new Error('a temporary file ends too early');
    done += read;
  }
}

/** @param position bytes from the file's start */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}
