// Scores of a rank, without sorting, for scan.ts.

const MOST_HALVINGS: i32 = 24;

/** A score that at least `needed` values reach, and few more. */
export function findApproximateRank(scores: usize, count: i32, needed: i32): f32 {
  let low = f32.MAX_VALUE;
  let high = -f32.MAX_VALUE;
  for (let i = 0; i < count; i++) {
    const score = load<f32>(scores + ((<usize>i) << 2));
    low = min(low, score);
    high = max(high, score);
  }
  for (let i = 0; i < MOST_HALVINGS; i++) {
    const middle = <f32>0.5 * low + <f32>0.5 * high;
    if (middle <= low || middle >= high) break;
    const reached = countApproximate(scores, count, middle, true);
    if (reached >= needed) low = middle;
    else high = middle;
    if (reached >= needed && reached <= needed + (needed >> 4)) break;
  }
  return low;
}

/** How many values are at least, or above, a limit. */
export function countApproximate(scores: usize, count: i32, limit: f32, orEqual: bool): i32 {
  const many = f32x4.splat(limit);
  let counts = i32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const four = v128.load(scores + ((<usize>i) << 2));
    counts = i32x4.sub(counts, orEqual ? f32x4.ge(four, many) : f32x4.gt(four, many));
  }
  let total =
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3);
  for (; i < count; i++) {
    const score = load<f32>(scores + ((<usize>i) << 2));
    total += <i32>(orEqual ? score >= limit : score > limit);
  }
  return total;
}

/** A score that at least `needed` exact scores reach, and few more. */
export function findRank(scores: usize, count: i32, needed: i32): f64 {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < count; i++) {
    const score = load<f64>(scores + ((<usize>i) << 3));
    low = min(low, score);
    high = max(high, score);
  }
  for (let i = 0; i < MOST_HALVINGS; i++) {
    const middle = 0.5 * low + 0.5 * high;
    if (middle <= low || middle >= high) break;
    const reached = countFrom(scores, count, middle);
    if (reached >= needed) low = middle;
    else high = middle;
    if (reached >= needed && reached <= needed + (needed >> 4)) break;
  }
  return low;
}

function countFrom(scores: usize, count: i32, limit: f64): i32 {
  const both = f64x2.splat(limit);
  let counts = i64x2.splat(0);
  let i = 0;
  for (; i + 2 <= count; i += 2) counts = i64x2.sub(counts, f64x2.ge(v128.load(scores + ((<usize>i) << 3)), both));
  const total = <i32>(i64x2.extract_lane(counts, 0) + i64x2.extract_lane(counts, 1));
  return i < count && load<f64>(scores + ((<usize>i) << 3)) >= limit ? total + 1 : total;
}
