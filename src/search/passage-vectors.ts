import { readSync } from 'node:fs';
import type { Embeddings } from '../embed/encoder.js';

/** A pool's vectors, wherever they are. */
export interface PassageVectors {
  readonly dim: number;
  readonly count: number;
  /** Copies `count` vectors from number `first` on to `target`, from its position `at` on. */
  copyRows(first: number, count: number, target: Float32Array, at: number): void;
}

/** Where a pool's vectors are, in a form that can be sent to a worker. */
export interface VectorPlace {
  readonly dim: number;
  readonly count: number;
  /** Shared memory, or the descriptor of an open file of this process. */
  readonly source: SharedArrayBuffer | number;
}

export function openVectors({ dim, count, source }: VectorPlace): PassageVectors {
  return typeof source === 'number'
    ? vectorsInFile(source, dim, count)
    : vectorsInMemory({ data: new Float32Array(source), dim, count });
}

export function vectorsInMemory({ data, dim, count }: Embeddings): PassageVectors {
  return {
    dim,
    count,
    copyRows: (first, rows, target, at) => {
      // A loop over a short vector is faster than the view that `set` needs.
      if (rows > 1) target.set(data.subarray(first * dim, (first + rows) * dim), at);
      else for (let i = 0; i < dim; i++) target[at + i] = data[first * dim + i] as number;
    },
  };
}

function vectorsInFile(file: number, dim: number, count: number): PassageVectors {
  const rowBytes = dim * Float32Array.BYTES_PER_ELEMENT;
  return {
    dim,
    count,
    copyRows: (first, rows, target, at) => {
      const bytes = new Uint8Array(
        target.buffer,
        target.byteOffset + at * Float32Array.BYTES_PER_ELEMENT,
        rows * rowBytes,
      );
      for (let done = 0; done < bytes.length; ) {
        const read = readSync(file, bytes, done, bytes.length - done, first * rowBytes + done);
        if (read === 0) throw new Error('the file of the embeddings ends too early');
        done += read;
      }
    },
  };
}
