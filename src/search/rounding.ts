/** The largest float32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** A float32 that is not below the value, and finite where the value is not positive infinity. */
export function roundUp(value: number): number {
  if (value > LARGEST) return Number.POSITIVE_INFINITY;
  const rounded = Math.fround(Math.max(value, -LARGEST));
  return rounded >= value ? rounded : Math.fround(rounded + Math.abs(rounded) * 2 ** -23 + 2 ** -149);
}

/** A float32 that is not above the value, and finite where the value is not negative infinity. */
export function roundDown(value: number): number {
  return -roundUp(-value);
}

/** The unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;

const SMALLEST_FLOAT = 2 ** -149;

/**
 * How far a score in float32 can be off: the standard bound for a sum of dim products in any order, dim · 2^-24 · |q| · |x|,
 * where four more terms cover what it leaves out, and what products and scaled queries too small for float32 lose.
 *
 * @param norm the length of the query as it is multiplied
 * @param maxNorm the length of the longest passage vector
 * @param scale what the query was multiplied by before
 */
export function boundFloatError(norm: number, maxNorm: number, dim: number, scale = 1): number {
  const ofQuery = scale < 1 ? maxNorm : 0;
  return (dim + 4) * (ROUNDOFF * norm * maxNorm + SMALLEST_FLOAT * (1 + ofQuery));
}
