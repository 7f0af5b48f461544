/**
 * The float64 inner product of two float32 vectors that defines every score: four running sums over positions i mod 4,
 * added as ((s0 + s1) + (s2 + s3)). The order is fixed, so every engine, tile and block gives the same bits.
 */
export function innerProduct(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dim: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const even = dim - (dim % 4);
  for (let i = 0; i < even; i += 4) {
    s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
    s1 += (a[aStart + i + 1] as number) * (b[bStart + i + 1] as number);
    s2 += (a[aStart + i + 2] as number) * (b[bStart + i + 2] as number);
    s3 += (a[aStart + i + 3] as number) * (b[bStart + i + 3] as number);
  }
  if (even < dim) s0 += (a[aStart + even] as number) * (b[bStart + even] as number);
  if (even + 1 < dim) s1 += (a[aStart + even + 1] as number) * (b[bStart + even + 1] as number);
  if (even + 2 < dim) s2 += (a[aStart + even + 2] as number) * (b[bStart + even + 2] as number);
  return s0 + s1 + (s2 + s3);
}

/** The length of the vector of `dim` values that starts at `start`. */
export function vectorNorm(data: Float32Array, start: number, dim: number): number {
  return Math.sqrt(innerProduct(data, start, data, start, dim));
}
