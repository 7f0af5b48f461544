import type { Embeddings } from './encoder.js';

/** Some vectors of many, in the order asked for. */
export function gatherRows({ data, dim }: Embeddings, rows: readonly number[]): Embeddings {
  const gathered = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    gathered.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return { data: gathered, dim, count: rows.length };
}
