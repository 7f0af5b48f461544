import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNpyHeader } from '#dist/npy/npy.js';
import { makeTemporaryFolder } from './temporary-folder.js';

/** Writes vectors of one length, as `numpy.save` does, into a temporary folder of their own. @returns the file's path */
export function writeVectors(vectors: readonly (readonly number[])[]): string {
  const file = join(makeTemporaryFolder(), 'vectors.npy');
  const data = Float32Array.from(vectors.flat());
  writeFileSync(
    file,
    Buffer.concat([makeNpyHeader(vectors.length, vectors[0]?.length ?? 0), Buffer.from(data.buffer)]),
  );
  return file;
}
