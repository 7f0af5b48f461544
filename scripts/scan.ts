// models/scan.wasm, in AssemblyScript: what an exact search does besides multiplying. Nearly all approximate scores are far
// below what their query still takes, so they are compared with a threshold, sixteen at a time; the few that reach it are
// computed again in float64, in the order of innerProduct in src/search/inner-product.ts, and these exact scores decide.
//
//     npx --package assemblyscript@0.28.20 asc scripts/scan.ts --outFile models/scan.wasm -O3 --runtime stub \
//       --enable simd --noAssert --memoryBase 0 --initialMemory 1
//
// The memory is laid out by src/search/scan-memory.ts.

const LANES: i32 = 16;
const MOST_HALVINGS: i32 = 24;

/** Columns of one value for each query. */
let thresholds: usize; // f32: approximate scores below this are out
let ceilings: usize; // f32: approximate scores above this are out
let surelyBelow: usize; // f32: approximate scores up to this are of exact scores that are not above the limit
let errors: usize; // f64: how far an approximate score can be off
let scales: usize; // f64: approximate = exact * scale
let limits: usize; // f64: the highest exact score
let cuts: usize; // f64: an exact score that k passages reach
let hitCounts: usize; // i32
let bestCounts: usize; // i32
/** A list for each query: approximate scores that are to be decided, and their rows of the tile. */
let hitScores: usize; // f32 * capacity
let hitRows: usize; // i32 * capacity
let capacity: i32;
/** A list for each query: hits of earlier tiles that are to be decided in the end, and their passages. */
let pendingCounts: usize; // i32
let pendingScores: usize; // f32 * pendingCapacity, approximate
let pendingPassages: usize; // i32 * pendingCapacity
let pendingCapacity: i32;
/** A list for each query: exact scores, and their passages. */
let bestScores: usize; // f64 * room
let bestPassages: usize; // i32 * room
let room: i32;
let k: i32;
/** Scratch memory for one query. */
let exactScores: usize; // f64 * (capacity + 3)
let wideQuery: usize; // f64 * dim
/** Vectors, one after the other. */
let queries: usize; // f32 * dim
let tile: usize; // f32 * dim
let dim: i32; // a multiple of 4
let firstPassage: i32; // of the tile

/** @param table the addresses and sizes above, 32 bits each, in their order */
export function place(table: usize): void {
  thresholds = load<u32>(table);
  ceilings = load<u32>(table, 4);
  surelyBelow = load<u32>(table, 8);
  errors = load<u32>(table, 12);
  scales = load<u32>(table, 16);
  limits = load<u32>(table, 20);
  cuts = load<u32>(table, 24);
  hitCounts = load<u32>(table, 28);
  bestCounts = load<u32>(table, 32);
  hitScores = load<u32>(table, 36);
  hitRows = load<u32>(table, 40);
  capacity = load<i32>(table, 44);
  bestScores = load<u32>(table, 48);
  bestPassages = load<u32>(table, 52);
  room = load<i32>(table, 56);
  k = load<i32>(table, 60);
  exactScores = load<u32>(table, 64);
  wideQuery = load<u32>(table, 68);
  queries = load<u32>(table, 72);
  tile = load<u32>(table, 76);
  dim = load<i32>(table, 80);
  firstPassage = load<i32>(table, 84);
  pendingCounts = load<u32>(table, 88);
  pendingScores = load<u32>(table, 92);
  pendingPassages = load<u32>(table, 96);
  pendingCapacity = load<i32>(table, 100);
}

/**
 * The exact scores of rows, one after the other, for one query.
 *
 * @param query float64, width values, a multiple of 4: shorter vectors end with zeros
 * @param scores float64, with room for three more
 */
export function score(query: usize, rows: usize, count: i32, width: i32, scores: usize): void {
  wideQuery = query;
  dim = width;
  const last = <usize>(count - 1);
  const bytes = (<usize>width) << 2;
  for (let i: usize = 0; i <= last; i += 4) {
    scoreFour(
      scores + (i << 3),
      rows + i * bytes,
      rows + min(i + 1, last) * bytes,
      rows + min(i + 2, last) * bytes,
      rows + min(i + 3, last) * bytes,
    );
  }
}

/**
 * Notes the scores that reach their query's threshold.
 *
 * @param scores rows * count float32 values, count a multiple of 16
 * @param firstRow of the tile
 * @param first query
 */
export function scan(scores: usize, firstRow: i32, rows: i32, first: i32, count: i32): void {
  const start = thresholds + ((<usize>first) << 2);
  const end = start + ((<usize>count) << 2);
  for (let row = firstRow; row < firstRow + rows; row++) {
    for (let at = start; at < end; at += 4 * LANES, scores += 4 * LANES) {
      const a = f32x4.ge(v128.load(scores), v128.load(at));
      const b = f32x4.ge(v128.load(scores, 16), v128.load(at, 16));
      const c = f32x4.ge(v128.load(scores, 32), v128.load(at, 32));
      const d = f32x4.ge(v128.load(scores, 48), v128.load(at, 48));
      if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
      let mask = i32x4.bitmask(a) | (i32x4.bitmask(b) << 4) | (i32x4.bitmask(c) << 8) | (i32x4.bitmask(d) << 12);
      const query = <i32>((at - thresholds) >> 2);
      for (; mask !== 0; mask &= mask - 1) {
        const lane = ctz(mask);
        note(query + lane, row, load<f32>(scores + ((<usize>lane) << 2)));
      }
    }
  }
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
 * Rounds values to bytes: zero + round(value * factor), where the latter is at most `levels` from 0.
 *
 * @param values float32; up to fifteen beyond the last are read, and written as bytes
 */
export function toBytes(values: usize, count: i32, bytes: usize, factor: f32, levels: i32, zero: i32): void {
  const factors = f32x4.splat(factor);
  const zeros = i8x16.splat(<i8>zero);
  const most = i8x16.splat(<i8>levels);
  const least = i8x16.splat(<i8>-levels);
  const end = bytes + <usize>count;
  for (; bytes < end; bytes += 16, values += 64) {
    const low = i16x8.narrow_i32x4_s(toIntegers(values, factors), toIntegers(values + 16, factors));
    const high = i16x8.narrow_i32x4_s(toIntegers(values + 32, factors), toIntegers(values + 48, factors));
    const signed = i8x16.max_s(i8x16.min_s(i8x16.narrow_i16x8_s(low, high), most), least);
    v128.store(bytes, i8x16.add(signed, zeros));
  }
}

function toIntegers(values: usize, factors: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(values), factors)));
}

/** The length of the longest difference between rows of width values and what their bytes, `step` apart, stand for. */
export function longestResidual(rows: usize, bytes: usize, count: i32, width: i32, step: f64, zero: i32): f64 {
  let most: f64 = 0;
  for (let row = 0; row < count; row++) {
    let sum: f64 = 0;
    for (let i = 0; i < width; i++, rows += 4, bytes++) {
      const difference = <f64>load<f32>(rows) - step * <f64>(<i32>load<u8>(bytes) - zero);
      sum += difference * difference;
    }
    most = max(most, sum);
  }
  return sqrt(most);
}

/** Before the tile is replaced: puts the hits of some queries off, or decides them where there are too many. */
export function settle(first: i32, count: i32): void {
  for (let query = first; query < first + count; query++) if (!putOff(query)) decide(query);
}

/**
 * Decides what some queries put off, the last tile first.
 *
 * @param rows of the tile
 */
export function resolve(first: i32, count: i32, rows: i32): void {
  for (let query = first; query < first + count; query++) {
    const column = (<usize>query) << 2;
    let pending = load<i32>(pendingCounts + column);
    for (; pending > 0; pending--) {
      const at = (<usize>(query * pendingCapacity + pending - 1)) << 2;
      const row = load<i32>(pendingPassages + at) - firstPassage;
      if (row < 0 || row >= rows) break;
      const score = load<f32>(pendingScores + at);
      if (score >= load<f32>(thresholds + column)) add(query, row, score);
      if (load<i32>(hitCounts + column) === capacity) decide(query);
    }
    store<i32>(pendingCounts + column, pending);
    decide(query);
  }
}

/** Sorts what some queries have found: best first, and where scores are equal in the order of the pool. */
export function finish(first: i32, count: i32): void {
  for (let query = first; query < first + count; query++) rank(query);
}

function note(query: i32, row: i32, score: f32): void {
  const column = (<usize>query) << 2;
  if (score > load<f32>(ceilings + column)) return;
  add(query, row, score);
  if (load<i32>(hitCounts + column) < capacity) return;
  drop(query, hitCounts, hitScores, hitRows, capacity);
  // Scores too close together for their errors leave no choice.
  if (load<i32>(hitCounts + column) > capacity - (capacity >> 2)) decide(query);
}

function add(query: i32, row: i32, score: f32): void {
  const column = (<usize>query) << 2;
  const count = load<i32>(hitCounts + column);
  const at = (<usize>(query * capacity + count)) << 2;
  store<f32>(hitScores + at, score);
  store<i32>(hitRows + at, row);
  store<i32>(hitCounts + column, count + 1);
}

/** Adds the hits of a query to those that wait. @returns whether there was room */
function putOff(query: i32): bool {
  const column = (<usize>query) << 2;
  drop(query, hitCounts, hitScores, hitRows, capacity);
  const hits = load<i32>(hitCounts + column);
  const pending = load<i32>(pendingCounts + column);
  if (hits === 0) return true;
  if (pending + hits > pendingCapacity) return false;
  for (let i = 0; i < hits; i++) {
    const from = (<usize>(query * capacity + i)) << 2;
    const to = (<usize>(query * pendingCapacity + pending + i)) << 2;
    store<f32>(pendingScores + to, load<f32>(hitScores + from));
    store<i32>(pendingPassages + to, firstPassage + load<i32>(hitRows + from));
  }
  store<i32>(hitCounts + column, 0);
  store<i32>(pendingCounts + column, pending + hits);
  drop(query, pendingCounts, pendingScores, pendingPassages, pendingCapacity);
  return true;
}

/** Drops those of a query's list that k others of it surely surpass, and raises the threshold. */
function drop(query: i32, counts: usize, allScores: usize, allPlaces: usize, length: i32): void {
  const column = (<usize>query) << 2;
  const count = load<i32>(counts + column);
  if (count <= k) return;
  const scores = allScores + ((<usize>(query * length)) << 2);
  const places = allPlaces + ((<usize>(query * length)) << 2);
  // Those that may turn out to be above the limit come first; k others must follow.
  const needed = k + countApproximate(scores, count, load<f32>(surelyBelow + column), false);
  if (count <= needed) return;
  const error = load<f64>(errors + ((<usize>query) << 3));
  // The k others can be lower than they seem, and a hit higher.
  const threshold = roundDown(<f64>findApproximateRank(scores, count, needed) - 2 * error);
  if (!(threshold > load<f32>(thresholds + column))) return;
  store<f32>(thresholds + column, threshold);
  let kept: usize = 0;
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
    const score = load<f32>(scores + i);
    store<f32>(scores + kept, score);
    store<i32>(places + kept, load<i32>(places + i));
    kept += score >= threshold ? 4 : 0;
  }
  store<i32>(counts + column, <i32>(kept >> 2));
}

/** A score that at least `needed` values reach, and few more. */
function findApproximateRank(scores: usize, count: i32, needed: i32): f32 {
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
function countApproximate(scores: usize, count: i32, limit: f32, orEqual: bool): i32 {
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

/** Computes the exact scores of a query's hits, and keeps those that are not surely outside its k best so far. */
function decide(query: i32): void {
  drop(query, hitCounts, hitScores, hitRows, capacity);
  const column = (<usize>query) << 2;
  const wide = (<usize>query) << 3;
  const hits = load<i32>(hitCounts + column);
  if (hits === 0) return;
  store<i32>(hitCounts + column, 0);
  const rows = hitRows + ((<usize>(query * capacity)) << 2);
  widen(queries + ((<usize>(query * dim)) << 2));
  scoreRows(rows, hits);
  const limit = load<f64>(limits + wide);
  let cut = load<f64>(cuts + wide);
  for (let i = 0; i < hits; i++) {
    const score = load<f64>(exactScores + ((<usize>i) << 3));
    if (score > limit || score < cut) continue;
    keep(query, score, firstPassage + load<i32>(rows + ((<usize>i) << 2)));
    if (load<i32>(bestCounts + column) === room) cut = shrink(query);
  }
  if (load<i32>(bestCounts + column) >= k) cut = shrink(query);
  const threshold = roundDown(cut * load<f64>(scales + wide) - load<f64>(errors + wide));
  if (threshold > load<f32>(thresholds + column)) store<f32>(thresholds + column, threshold);
}

function keep(query: i32, score: f64, passage: i32): void {
  const count = load<i32>(bestCounts + ((<usize>query) << 2));
  const at = <usize>(query * room + count);
  store<f64>(bestScores + (at << 3), score);
  store<i32>(bestPassages + (at << 2), passage);
  store<i32>(bestCounts + ((<usize>query) << 2), count + 1);
}

/** Drops those of a query's best that k others surpass, and returns a score that k of them reach. */
function shrink(query: i32): f64 {
  const column = (<usize>query) << 2;
  const count = load<i32>(bestCounts + column);
  const scores = bestScores + ((<usize>(query * room)) << 3);
  const passages = bestPassages + ((<usize>(query * room)) << 2);
  const cut = findRank(scores, count, k);
  let kept: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const score = load<f64>(scores + (i << 3));
    store<f64>(scores + (kept << 3), score);
    store<i32>(passages + (kept << 2), load<i32>(passages + (i << 2)));
    kept += <usize>(score >= cut);
  }
  store<i32>(bestCounts + column, <i32>kept);
  // Many equal scores: the order of the pool decides.
  if (<i32>kept > max(k, room - (room >> 2))) rank(query);
  store<f64>(cuts + ((<usize>query) << 3), cut);
  return cut;
}

/** A score that at least `needed` exact scores reach, and few more. */
function findRank(scores: usize, count: i32, needed: i32): f64 {
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

/** A Shell sort of a query's best, of which k are left. */
function rank(query: i32): void {
  const count = load<i32>(bestCounts + ((<usize>query) << 2));
  const scores = bestScores + ((<usize>(query * room)) << 3);
  const passages = bestPassages + ((<usize>(query * room)) << 2);
  let gap = 1;
  while (gap < count / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3) for (let i = gap; i < count; i++) insert(scores, passages, i, gap);
  store<i32>(bestCounts + ((<usize>query) << 2), min(k, count));
}

function insert(scores: usize, passages: usize, from: i32, gap: i32): void {
  const score = load<f64>(scores + ((<usize>from) << 3));
  const passage = load<i32>(passages + ((<usize>from) << 2));
  let at = from;
  for (; at >= gap; at -= gap) {
    const before = <usize>(at - gap);
    const other = load<f64>(scores + (before << 3));
    const otherPassage = load<i32>(passages + (before << 2));
    if (!isBefore(score, passage, other, otherPassage)) break;
    store<f64>(scores + ((<usize>at) << 3), other);
    store<i32>(passages + ((<usize>at) << 2), otherPassage);
  }
  store<f64>(scores + ((<usize>at) << 3), score);
  store<i32>(passages + ((<usize>at) << 2), passage);
}

function isBefore(score: f64, passage: i32, other: f64, otherPassage: i32): bool {
  return score > other || (score === other && passage < otherPassage);
}

/** Turns a float32 vector to float64, to be multiplied with many. */
function widen(vector: usize): void {
  for (let i: usize = 0; i < <usize>dim; i++) store<f64>(wideQuery + (i << 3), <f64>load<f32>(vector + (i << 2)));
}

/** The exact scores of some rows, four at a time: the processor waits for memory and sums of several at once. */
function scoreRows(rows: usize, count: i32): void {
  const last = count - 1;
  for (let i = 0; i < count; i += 4) {
    scoreFour(
      exactScores + ((<usize>i) << 3),
      rowAt(rows, i),
      rowAt(rows, min(i + 1, last)),
      rowAt(rows, min(i + 2, last)),
      rowAt(rows, min(i + 3, last)),
    );
  }
}

function rowAt(rows: usize, i: i32): usize {
  return tile + ((<usize>(load<i32>(rows + ((<usize>i) << 2)) * dim)) << 2);
}

/** The inner products of the widened query with four rows: the sums of innerProduct, lane for lane. */
function scoreFour(target: usize, a: usize, b: usize, c: usize, d: usize): void {
  let a01 = f64x2.splat(0);
  let a23 = f64x2.splat(0);
  let b01 = f64x2.splat(0);
  let b23 = f64x2.splat(0);
  let c01 = f64x2.splat(0);
  let c23 = f64x2.splat(0);
  let d01 = f64x2.splat(0);
  let d23 = f64x2.splat(0);
  const bytes = (<usize>dim) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const q01 = v128.load(wideQuery + 2 * i);
    const q23 = v128.load(wideQuery + 2 * i, 16);
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

function widenTwo(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

function sumLanes(s01: v128, s23: v128): f64 {
  return (
    f64x2.extract_lane(s01, 0) + f64x2.extract_lane(s01, 1) + (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1))
  );
}

/** A float32 that is not above the value. */
function roundDown(value: f64): f32 {
  const rounded = <f32>value;
  return <f64>rounded <= value ? rounded : rounded - (abs(rounded) * 1.1920929e-7 + 1e-45);
}
