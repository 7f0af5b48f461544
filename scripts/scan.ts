// models/scan.wasm, in AssemblyScript: what an exact search does besides multiplying. Nearly all approximate scores are far
// below what their query still takes, so they are compared with a threshold, sixteen at a time; the few that reach it are
// computed again in float64, in the order of innerProduct in src/search/inner-product.ts, and these exact scores decide.
//
//     npx --package assemblyscript@0.28.20 asc scripts/scan.ts --outFile models/scan.wasm -O3 --runtime stub \
//       --enable simd --noAssert --memoryBase 0 --initialMemory 1
//
// The memory is laid out by src/search/scan-memory.ts.

import { countApproximate, findApproximateRank, findRank } from './scan-ranks';
import { scoreFour, widen } from './scan-rows';

export { largest, longest, score, toBytes } from './scan-rows';

const LANES: i32 = 16;

/** Columns of one value for each query. */
let thresholds: usize; // f32: approximate scores below this are out
let ceilings: usize; // f32: approximate scores above this are out
let surelyBelow: usize; // f32: approximate scores up to this are of exact scores that are not above the limit
let above: usize; // f64: how far the exact score can be above an approximate one
let below: usize; // f64: and below it
let scales: usize; // f64: approximate = exact * scale
let limits: usize; // f64: the highest exact score
let cuts: usize; // f64: an exact score that k passages reach
let listCounts: usize; // i32
let bestCounts: usize; // i32
/** A list for each query: approximate scores that are to be decided, and their passages, tile by tile. */
let listScores: usize; // f32 * capacity
let listPassages: usize; // i32 * capacity
let capacity: i32;
let earlierCounts: usize; // i32: how many of them, from the first on, are of earlier tiles
let restCounts: usize; // i32: how many of them, from the first on, are not among what seem to be the best
/** A list for each query: exact scores, and their passages. */
let bestScores: usize; // f64 * room
let bestPassages: usize; // i32 * room
let room: i32;
let k: i32;
/** Scratch memory for one query. */
let scratch: usize; // 8 bytes * (capacity + 3)
let wideQuery: usize; // f64 * dim
/** Vectors, one after the other. */
let queries: usize; // f32 * dim
let tile: usize; // f32 * dim
let dim: i32; // a multiple of 4
let firstPassage: i32; // of the tile
/** Of each row of the tile, where it is rounded to bytes. */
let rowSteps: usize; // f32
let rowResiduals: usize; // f32: the length of what rounding leaves, in steps

/** Sees to it that the vectors of the tile are in memory; products of bytes are made without them. */
declare function loadTile(): void;

/** @param table the addresses and sizes above, 32 bits each, in their order */
export function place(table: usize): void {
  thresholds = load<u32>(table);
  ceilings = load<u32>(table, 4);
  surelyBelow = load<u32>(table, 8);
  above = load<u32>(table, 12);
  below = load<u32>(table, 16);
  scales = load<u32>(table, 20);
  limits = load<u32>(table, 24);
  cuts = load<u32>(table, 28);
  listCounts = load<u32>(table, 32);
  bestCounts = load<u32>(table, 36);
  listScores = load<u32>(table, 40);
  listPassages = load<u32>(table, 44);
  capacity = load<i32>(table, 48);
  earlierCounts = load<u32>(table, 52);
  restCounts = load<u32>(table, 56);
  bestScores = load<u32>(table, 60);
  bestPassages = load<u32>(table, 64);
  room = load<i32>(table, 68);
  k = load<i32>(table, 72);
  scratch = load<u32>(table, 76);
  wideQuery = load<u32>(table, 80);
  queries = load<u32>(table, 84);
  tile = load<u32>(table, 88);
  dim = load<i32>(table, 92);
  firstPassage = load<i32>(table, 96);
  rowSteps = load<u32>(table, 100);
  rowResiduals = load<u32>(table, 104);
}

/**
 * Notes the scores that reach their query's threshold.
 *
 * @param scores rows * count float32 values, count a multiple of 16
 * @param firstRow of the tile
 * @param first query
 */
export function scan(scores: usize, firstRow: i32, rows: i32, first: i32, count: i32): void {
  scanRows<f32>(scores, firstRow, rows, first, count, 0);
}

/** The same of products of bytes, rows * count int32 values, whose scores are (sum + ofResidual * residual) * step. */
export function scanSums(sums: usize, firstRow: i32, rows: i32, first: i32, count: i32, ofResidual: f32): void {
  scanRows<i32>(sums, firstRow, rows, first, count, ofResidual);
}

function scanRows<T>(values: usize, firstRow: i32, rows: i32, first: i32, count: i32, ofResidual: f32): void {
  const start = thresholds + ((<usize>first) << 2);
  const end = start + ((<usize>count) << 2);
  for (let row = firstRow; row < firstRow + rows; row++) {
    const offset = (<usize>row) << 2;
    const step: f32 = isFloat<T>() ? 1 : load<f32>(rowSteps + offset);
    const term: f32 = isFloat<T>() ? 0 : load<f32>(rowResiduals + offset) * ofResidual;
    const steps = f32x4.splat(step);
    const terms = f32x4.splat(term);
    for (let at = start; at < end; at += 4 * LANES, values += 4 * LANES) {
      const a = f32x4.ge(fourScores<T>(values, terms, steps), v128.load(at));
      const b = f32x4.ge(fourScores<T>(values + 16, terms, steps), v128.load(at, 16));
      const c = f32x4.ge(fourScores<T>(values + 32, terms, steps), v128.load(at, 32));
      const d = f32x4.ge(fourScores<T>(values + 48, terms, steps), v128.load(at, 48));
      if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
      let mask = i32x4.bitmask(a) | (i32x4.bitmask(b) << 4) | (i32x4.bitmask(c) << 8) | (i32x4.bitmask(d) << 12);
      const query = <i32>((at - thresholds) >> 2);
      for (; mask !== 0; mask &= mask - 1) {
        const lane = ctz(mask);
        note(query + lane, row, oneScore<T>(values + ((<usize>lane) << 2), term, step));
      }
    }
  }
}

function fourScores<T>(values: usize, terms: v128, steps: v128): v128 {
  if (isFloat<T>()) return v128.load(values);
  return f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(v128.load(values)), terms), steps);
}

function oneScore<T>(value: usize, term: f32, step: f32): f32 {
  if (isFloat<T>()) return load<f32>(value);
  return (<f32>load<i32>(value) + term) * step;
}

/** Before the tile is replaced: puts what some queries have listed off, or decides it. */
export function settle(first: i32, count: i32, isPutOff: bool): void {
  for (let query = first; query < first + count; query++) {
    if (isPutOff) {
      const column = (<usize>query) << 2;
      if (isNearlyFull(query)) makeRoom(query);
      store<i32>(earlierCounts + column, load<i32>(listCounts + column));
    } else {
      tighten(query);
      decideFrom(query, 0);
    }
  }
}

/**
 * Before what was put off is decided: drops what it can of it, and puts those that seem to be the k best last, in their order, after
 * the rest in reverse order.
 */
export function order(first: i32, count: i32): void {
  for (let query = first; query < first + count; query++) {
    tighten(query);
    store<i32>(restCounts + ((<usize>query) << 2), separate(query));
  }
}

/**
 * Decides what some queries put off, from the end of their lists on.
 *
 * @param rows of the tile
 * @param isRest whether the k best are decided already
 */
export function resolve(first: i32, count: i32, rows: i32, isRest: bool): void {
  for (let query = first; query < first + count; query++) {
    const column = (<usize>query) << 2;
    const end = isRest ? 0 : load<i32>(restCounts + column);
    const passages = listPassages + ((<usize>(query * capacity)) << 2);
    let from = load<i32>(listCounts + column);
    for (; from > end; from--) {
      const row = load<i32>(passages + ((<usize>(from - 1)) << 2)) - firstPassage;
      if (row < 0 || row >= rows) break;
    }
    decideFrom(query, from);
  }
}

/** @returns how many of a query's list are not among the best, which go to the end of it */
function separate(query: i32): i32 {
  const column = (<usize>query) << 2;
  const count = load<i32>(listCounts + column);
  const scores = listScores + ((<usize>(query * capacity)) << 2);
  const passages = listPassages + ((<usize>(query * capacity)) << 2);
  const needed = k + countApproximate(scores, count, load<f32>(surelyBelow + column), false);
  // A second look at all tiles must spare something.
  if (count <= needed + (needed >> 1)) return 0;
  const least = findApproximateRank(scores, count, needed);
  let rest: usize = 0;
  let best = scratch;
  for (let from: usize = 0; from < (<usize>count) << 2; from += 4) {
    const score = load<f32>(scores + from);
    const passage = load<i32>(passages + from);
    if (score >= least) {
      store<f32>(best, score);
      store<i32>(best, passage, 4);
      best += 8;
    } else {
      store<f32>(scores + rest, score);
      store<i32>(passages + rest, passage);
      rest += 4;
    }
  }
  if (rest > 0) for (let a: usize = 0, b = rest - 4; a < b; a += 4, b -= 4) swap(scores, passages, a, b);
  for (let from = scratch, to = rest; from < best; from += 8, to += 4) {
    store<f32>(scores + to, load<f32>(from));
    store<i32>(passages + to, load<i32>(from, 4));
  }
  return <i32>(rest >> 2);
}

function swap(scores: usize, passages: usize, a: usize, b: usize): void {
  const score = load<f32>(scores + a);
  const passage = load<i32>(passages + a);
  store<f32>(scores + a, load<f32>(scores + b));
  store<i32>(passages + a, load<i32>(passages + b));
  store<f32>(scores + b, score);
  store<i32>(passages + b, passage);
}

/** Sorts what some queries have found: best first, and where scores are equal in the order of the pool. */
export function finish(first: i32, count: i32): void {
  for (let query = first; query < first + count; query++) rank(query);
}

function note(query: i32, row: i32, score: f32): void {
  const column = (<usize>query) << 2;
  if (score > load<f32>(ceilings + column)) return;
  const count = load<i32>(listCounts + column);
  const at = (<usize>(query * capacity + count)) << 2;
  store<f32>(listScores + at, score);
  store<i32>(listPassages + at, firstPassage + row);
  store<i32>(listCounts + column, count + 1);
  if (count + 1 === capacity) makeRoom(query);
}

/** In a list where this is left of earlier tiles, those of the next one would hardly have room. */
function isNearlyFull(query: i32): bool {
  return load<i32>(listCounts + ((<usize>query) << 2)) > capacity - (capacity >> 2);
}

function makeRoom(query: i32): void {
  tighten(query);
  // Scores too close together for their errors leave no choice.
  if (isNearlyFull(query)) decideFrom(query, load<i32>(earlierCounts + ((<usize>query) << 2)));
}

/** Drops those of a query's list that k others of it surely surpass, and raises the threshold. */
function tighten(query: i32): void {
  const column = (<usize>query) << 2;
  const count = load<i32>(listCounts + column);
  if (count <= k) return;
  const scores = listScores + ((<usize>(query * capacity)) << 2);
  // Those that may turn out to be above the limit come first; k others must follow.
  const needed = k + countApproximate(scores, count, load<f32>(surelyBelow + column), false);
  if (count <= needed) return;
  const wide = (<usize>query) << 3;
  // The k others can be lower than they seem, and another one higher.
  const lowest = <f64>findApproximateRank(scores, count, needed) - load<f64>(below + wide);
  const threshold = roundDown(lowest - load<f64>(above + wide));
  if (!(threshold > load<f32>(thresholds + column))) return;
  store<f32>(thresholds + column, threshold);
  const earlier = load<i32>(earlierCounts + column);
  const kept = drop(query, 0, 0, earlier);
  store<i32>(earlierCounts + column, kept);
  store<i32>(listCounts + column, drop(query, kept, earlier, count));
}

/** Moves those of a part of a query's list that reach its threshold to a place before them, and returns where they end. */
function drop(query: i32, to: i32, from: i32, end: i32): i32 {
  const threshold = load<f32>(thresholds + ((<usize>query) << 2));
  const scores = listScores + ((<usize>(query * capacity)) << 2);
  const passages = listPassages + ((<usize>(query * capacity)) << 2);
  let kept = (<usize>to) << 2;
  for (let i = (<usize>from) << 2; i < (<usize>end) << 2; i += 4) {
    const score = load<f32>(scores + i);
    store<f32>(scores + kept, score);
    store<i32>(passages + kept, load<i32>(passages + i));
    kept += score >= threshold ? 4 : 0;
  }
  return <i32>(kept >> 2);
}

/** Computes the exact scores of the end of a query's list, all of the tile, and keeps those that are not surely outside its k best so far. */
function decideFrom(query: i32, from: i32): void {
  const column = (<usize>query) << 2;
  const count = drop(query, from, from, load<i32>(listCounts + column)) - from;
  store<i32>(listCounts + column, from);
  if (count === 0) return;
  const wide = (<usize>query) << 3;
  const passages = listPassages + ((<usize>(query * capacity + from)) << 2);
  loadTile();
  widen(queries + ((<usize>(query * dim)) << 2), dim, wideQuery);
  scoreRows(passages, count);
  const limit = load<f64>(limits + wide);
  let cut = load<f64>(cuts + wide);
  for (let i = 0; i < count; i++) {
    const score = load<f64>(scratch + ((<usize>i) << 3));
    if (score > limit || score < cut) continue;
    keep(query, score, load<i32>(passages + ((<usize>i) << 2)));
    if (load<i32>(bestCounts + column) === room) cut = shrink(query);
  }
  const many = cut === -Infinity ? k : k + (k >> 2);
  if (load<i32>(bestCounts + column) >= many) cut = shrink(query);
  const threshold = roundDown(cut * load<f64>(scales + wide) - load<f64>(above + wide));
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

/** The exact scores of some passages of the tile, four at a time: the processor waits for memory and sums of several at once. */
function scoreRows(passages: usize, count: i32): void {
  const last = count - 1;
  for (let i = 0; i < count; i += 4) {
    scoreFour(
      wideQuery,
      dim,
      scratch + ((<usize>i) << 3),
      rowOf(passages, i),
      rowOf(passages, min(i + 1, last)),
      rowOf(passages, min(i + 2, last)),
      rowOf(passages, min(i + 3, last)),
    );
  }
}

function rowOf(passages: usize, i: i32): usize {
  const row = load<i32>(passages + ((<usize>i) << 2)) - firstPassage;
  return tile + ((<usize>(row * dim)) << 2);
}

/** A float32 that is not above the value. */
function roundDown(value: f64): f32 {
  const rounded = <f32>value;
  return <f64>rounded <= value ? rounded : rounded - (abs(rounded) * 1.1920929e-7 + 1e-45);
}
