// What is done with vectors, for scan.ts: exact scores in float64, in the order of innerProduct in src/search/inner-product.ts; lengths;
// rounding to bytes.

/**
 * The exact scores of rows, one after the other, for one query.
 *
 * @param query float64, width values, a multiple of 4: shorter vectors end with zeros
 * @param scores float64, with room for three more
 */
export function score(query: usize, rows: usize, count: i32, width: i32, scores: usize): void {
  const last = <usize>(count - 1);
  const bytes = (<usize>width) << 2;
  for (let i: usize = 0; i <= last; i += 4) {
    scoreFour(
      query,
      width,
      scores + (i << 3),
      rows + i * bytes,
      rows + min(i + 1, last) * bytes,
      rows + min(i + 2, last) * bytes,
      rows + min(i + 3, last) * bytes,
    );
  }
}

/** Turns a float32 vector to float64, to be multiplied with many. */
export function widen(vector: usize, width: i32, target: usize): void {
  for (let i: usize = 0; i < <usize>width; i++) store<f64>(target + (i << 3), <f64>load<f32>(vector + (i << 2)));
}

/** The inner products of the widened query with four rows: the sums of innerProduct, lane for lane. */
export function scoreFour(query: usize, width: i32, target: usize, a: usize, b: usize, c: usize, d: usize): void {
  let a01 = f64x2.splat(0);
  let a23 = f64x2.splat(0);
  let b01 = f64x2.splat(0);
  let b23 = f64x2.splat(0);
  let c01 = f64x2.splat(0);
  let c23 = f64x2.splat(0);
  let d01 = f64x2.splat(0);
  let d23 = f64x2.splat(0);
  const bytes = (<usize>width) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const q01 = v128.load(query + 2 * i);
    const q23 = v128.load(query + 2 * i, 16);
    a01 = f64x2.add(a01, f64x2.mul(q01, widenTwo(a + i)));
    a23 = f64x2.add(a23, f64x2.mul(q23, widenTwo(a + i + 8)));
    b01 = f64x2.add(b01, f64x2.mul(q01, widenTwo(b + i)));
    b23 = f64x2.add(b23, f64x2.mul(q23, widenTwo(b + i + 8)));
    c01 = f64x2.add(c01, f64x2.mul(q01, widenTwo(c + i)));
    c23 = f64x2.add(c23, f64x2.mul(q23, widenTwo(c + i + 8)));
    d01 = f64x2.add(d01, f64x2.mul(q01, widenTwo(d + i)));
    d23 = f64x2.add(d23, f64x2.mul(q23, widenTwo(d + i + 8)));
  }
  store<f64>(target, sumLanes(a01, a23));
  store<f64>(target, sumLanes(b01, b23), 8);
  store<f64>(target, sumLanes(c01, c23), 16);
  store<f64>(target, sumLanes(d01, d23), 24);
}

/** The length of the longest of some rows of width values, a multiple of 4. */
export function longest(rows: usize, count: i32, width: i32): f64 {
  let most: f64 = 0;
  const bytes = (<usize>width) << 2;
  for (let row = 0; row < count; row++, rows += bytes) {
    let s01 = f64x2.splat(0);
    let s23 = f64x2.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const a = widenTwo(rows + i);
      const b = widenTwo(rows + i + 8);
      s01 = f64x2.add(s01, f64x2.mul(a, a));
      s23 = f64x2.add(s23, f64x2.mul(b, b));
    }
    most = max(most, sumLanes(s01, s23));
  }
  return sqrt(most);
}

/** The largest magnitude among values, a multiple of 4 of them. */
export function largest(values: usize, count: i32): f32 {
  let most = f32x4.splat(0);
  const end = values + ((<usize>count) << 2);
  for (; values < end; values += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(values)));
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
}

/**
 * Rounds rows to bytes: zero + round(value / step), where a row's largest magnitude is 127 steps.
 *
 * @param rows float32, width values each, a multiple of 4
 * @param leastStep of rows of zeros, and nearly so
 * @param steps float32, one a row
 * @param residuals float32, one a row: no less than the length of what rounding leaves, in steps
 */
export function toBytes(
  rows: usize,
  count: i32,
  width: i32,
  bytes: usize,
  zero: i32,
  leastStep: f32,
  steps: usize,
  residuals: usize,
): void {
  const size = (<usize>width) << 2;
  // Cover what float32 loses: of the sum of squares; of 1 / step, of the values in steps (at most 127), and of scores, which are
  // three times rounded and at most 127 * sqrt(width) times the length of the query.
  const ofSum: f32 = 1 + <f32>(width + 16) * 2.384185791015625e-7;
  const ofUnits: f32 = sqrt(<f32>width) * 6.103515625e-5;
  for (let row = 0; row < count; row++, rows += size, bytes += <usize>width) {
    const step = max(largest(rows, width) / 127, leastStep);
    store<f32>(steps + ((<usize>row) << 2), step);
    store<f32>(residuals + ((<usize>row) << 2), sqrt(roundRow(rows, width, bytes, zero, 1 / step)) * ofSum + ofUnits);
  }
}

/** @returns the sum of the squares of what is left, in steps */
function roundRow(values: usize, width: i32, bytes: usize, zero: i32, factor: f32): f32 {
  const factors = f32x4.splat(factor);
  const zeros = i8x16.splat(<i8>zero);
  const end = bytes + <usize>width;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  for (; bytes + 16 <= end; bytes += 16, values += 64) {
    const u0 = f32x4.mul(v128.load(values), factors);
    const u1 = f32x4.mul(v128.load(values, 16), factors);
    const u2 = f32x4.mul(v128.load(values, 32), factors);
    const u3 = f32x4.mul(v128.load(values, 48), factors);
    const w0 = f32x4.nearest(u0);
    const w1 = f32x4.nearest(u1);
    const w2 = f32x4.nearest(u2);
    const w3 = f32x4.nearest(u3);
    a = f32x4.add(f32x4.add(a, square(f32x4.sub(u0, w0))), square(f32x4.sub(u1, w1)));
    b = f32x4.add(f32x4.add(b, square(f32x4.sub(u2, w2))), square(f32x4.sub(u3, w3)));
    v128.store(bytes, i8x16.add(i8x16.narrow_i16x8_s(toShorts(w0, w1), toShorts(w2, w3)), zeros));
  }
  for (; bytes < end; bytes += 4, values += 16) {
    const units = f32x4.mul(v128.load(values), factors);
    const whole = f32x4.nearest(units);
    a = f32x4.add(a, square(f32x4.sub(units, whole)));
    const shorts = toShorts(whole, whole);
    v128.store32_lane(bytes, i8x16.add(i8x16.narrow_i16x8_s(shorts, shorts), zeros), 0);
  }
  a = f32x4.add(a, b);
  return f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1) + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3));
}

function square(values: v128): v128 {
  return f32x4.mul(values, values);
}

function toShorts(low: v128, high: v128): v128 {
  return i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(low), i32x4.trunc_sat_f32x4_s(high));
}

function widenTwo(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

function sumLanes(s01: v128, s23: v128): f64 {
  return (
    f64x2.extract_lane(s01, 0) + f64x2.extract_lane(s01, 1) + (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1))
  );
}
