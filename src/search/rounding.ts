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
