import { constants } from 'node:buffer';
import type { Embeddings } from '../embed/encoder.js';
import { openVectors, type PassageVectors, type VectorPlace } from '../search/passage-vectors.js';
import type { Workspace } from './workspace.js';

/** Vectors of `dim` float32 values that are written once and then read in any order. */
export interface Matrix extends VectorPlace {
  readonly isInMemory: boolean;
  /** @param data vectors for the rows from `first` on @throws HnMineError `output` where the disk is full or fails */
  write(first: number, data: Float32Array): void;
  /** One vector, to be read only. */
  row(i: number): Float32Array;
  /** Some vectors, in the order asked for. */
  gather(rows: ArrayLike<number>): Embeddings;
}

/** In shared memory, or in a temporary file where they take more than `limit` bytes. */
export function createMatrix(workspace: Workspace, limit: number, count: number, dim: number): Matrix {
  const bytes = count * dim * Float32Array.BYTES_PER_ELEMENT;
  const isInMemory = bytes <= Math.min(limit, constants.MAX_LENGTH);
  return isInMemory ? matrixInMemory(count, dim) : matrixInFile(workspace, count, dim);
}

function matrixInMemory(count: number, dim: number): Matrix {
  const source = new SharedArrayBuffer(count * dim * Float32Array.BYTES_PER_ELEMENT);
  const all = new Float32Array(source);
  const place = { dim, count, source };
  return {
    ...place,
    isInMemory: true,
    write: (first, data) => all.set(data, first * dim),
    row: (i) => all.subarray(i * dim, (i + 1) * dim),
    gather: (rows) => gatherFrom(openVectors(place), rows),
  };
}

function matrixInFile(workspace: Workspace, count: number, dim: number): Matrix {
  const place = { dim, count, source: workspace.openFile() };
  const vectors = openVectors(place);
  return {
    ...place,
    isInMemory: false,
    write: (first, data) => workspace.write(place.source, data, first * dim * Float32Array.BYTES_PER_ELEMENT),
    row: (i) => gatherFrom(vectors, [i]).data,
    gather: (rows) => gatherFrom(vectors, rows),
  };
}

function gatherFrom(vectors: PassageVectors, rows: ArrayLike<number>): Embeddings {
  const { dim } = vectors;
  const data = new Float32Array(rows.length * dim);
  for (let i = 0; i < rows.length; i++) vectors.copyRows(rows[i] as number, 1, data, i * dim);
  return { data, dim, count: rows.length };
}
