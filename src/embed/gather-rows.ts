import type { Embeddings } from './encoder.js';

/** The vectors from number `start` up to `end`, as a view; fewer where there are no more. */
export function sliceRows({ data, dim, count }: Embeddings, start: number, end: number): Embeddings {
  const last = Math.min(end, count);
  return { data: data.subarray(start * dim, last * dim), dim, count: last - start };
}

/** Some vectors of many, in the order asked for. */
export function gatherRows({ data, dim }: Embeddings, rows: readonly number[]): Embeddings {
  const gathered = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    gathered.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return { data: gathered, dim, count: rows.length };
}
