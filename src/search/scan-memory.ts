import { growTo, loadWasm, type WasmMemory } from './wasm.js';

/** `scripts/scan.ts`; `first` and `count` are of queries, addresses are in its memory. */
export interface ScanKernel {
  readonly memory: WasmMemory;
  place(table: number): void;
  longest(rows: number, count: number, width: number): number;
  largest(values: number, count: number): number;
  toBytes(values: number, count: number, bytes: number, factor: number, levels: number, zero: number): void;
  longestResidual(rows: number, bytes: number, count: number, width: number, step: number, zero: number): number;
  score(query: number, rows: number, count: number, width: number, scores: number): void;
  scan(scores: number, firstRow: number, rows: number, first: number, count: number): void;
  settle(first: number, count: number): void;
  resolve(first: number, count: number, rows: number): void;
  finish(first: number, count: number): void;
}

export function loadScanKernel(): ScanKernel {
  return loadWasm<ScanKernel>('scan');
}

/** How much of everything a search keeps in the kernel's memory. */
export interface ScanShape {
  /** Values a vector, a multiple of 4. */
  readonly dim: number;
  /** Passages a tile. */
  readonly tileRows: number;
  /** Passages and queries that are multiplied at once. */
  readonly blockRows: number;
  readonly blockQueries: number;
  readonly queries: number;
  readonly k: number;
  /** Passages of a tile that a query can set aside to be decided later. */
  readonly capacity: number;
  /** Passages of earlier tiles that a query can put off deciding on. */
  readonly pending: number;
  /** Passages that a query can keep before those beyond k are dropped. */
  readonly room: number;
}

/** Queries are compared sixteen at a time. */
export const LANES = 16;

/** The lanes that so many queries take up; those beyond them find nothing. */
export function roundToLanes(queries: number): number {
  return Math.ceil(queries / LANES) * LANES;
}

/** Every part starts a line of the cache. */
const ALIGNMENT = 64;

const TABLE_BYTES = 128;

/** The kernel's memory during one search: columns of a value a query, rows of a list a query, vectors, and scores. */
export type ScanMemory = ReturnType<typeof layOut>;

/** Bytes of a tile and a block of scores, and of each query of a search. */
export function measureShape(shape: Omit<ScanShape, 'queries'>): { fixed: number; perQuery: number } {
  const bytes = (queries: number) => layOutParts({ ...shape, queries }).bytes;
  const perQuery = (bytes(64 * LANES) - bytes(0)) / (64 * LANES);
  return { fixed: bytes(0), perQuery };
}

/** Places everything, in memory that grows as needed, and tells the kernel where. What was in the memory is lost, tiles apart. */
export function layOut(kernel: ScanKernel, shape: ScanShape) {
  const { parts, bytes } = layOutParts(shape);
  growTo(kernel.memory, bytes);
  const { buffer } = kernel.memory;
  const { dim, queries, k, capacity, pending, room, tileRows } = shape;
  const lanes = roundToLanes(queries);
  const column = (at: number) => new Float32Array(buffer, at, lanes);
  const wideColumn = (at: number) => new Float64Array(buffer, at, lanes);
  const tellKernel = (firstPassage: number) => {
    const { thresholds, ceilings, surelyBelow, errors, scales, limits, cuts } = parts;
    const { hitCounts, bestCounts, hitScores, hitRows, bestScores, bestPassages } = parts;
    const { exactScores, wideQuery, vectors, tile } = parts;
    const columns = [thresholds, ceilings, surelyBelow, errors, scales, limits, cuts];
    const lists = [hitCounts, bestCounts, hitScores, hitRows, capacity, bestScores, bestPassages, room, k];
    const rest = [exactScores, wideQuery, vectors, tile, dim, firstPassage];
    const waiting = [parts.pendingCounts, parts.pendingScores, parts.pendingPassages, pending];
    new Uint32Array(buffer, 0, TABLE_BYTES / 4).set([...columns, ...lists, ...rest, ...waiting]);
    kernel.place(0);
  };
  return {
    shape,
    parts,
    buffer,
    tellKernel,
    thresholds: column(parts.thresholds),
    ceilings: column(parts.ceilings),
    surelyBelow: column(parts.surelyBelow),
    errors: wideColumn(parts.errors),
    scales: wideColumn(parts.scales),
    limits: wideColumn(parts.limits),
    cuts: wideColumn(parts.cuts),
    hitCounts: new Int32Array(buffer, parts.hitCounts, queries),
    bestCounts: new Int32Array(buffer, parts.bestCounts, queries),
    pendingCounts: new Int32Array(buffer, parts.pendingCounts, queries),
    bestScores: new Float64Array(buffer, parts.bestScores, queries * room),
    bestPassages: new Int32Array(buffer, parts.bestPassages, queries * room),
    vectors: new Float32Array(buffer, parts.vectors, queries * dim),
    tile: new Float32Array(buffer, parts.tile, tileRows * dim),
  };
}

/** What differs from search to search comes last, so that a loaded tile stays where it is from one search to the next. */
function layOutParts(shape: ScanShape) {
  const { dim, tileRows, blockRows, blockQueries, queries, capacity, pending, room } = shape;
  const lanes = roundToLanes(queries);
  let bytes = TABLE_BYTES;
  const take = (count: number, size: number) => {
    const at = bytes;
    bytes += Math.ceil((count * size) / ALIGNMENT) * ALIGNMENT;
    return at;
  };
  const parts = {
    wideQuery: take(dim, 8),
    tile: take(tileRows * dim, 4),
    bytes: take(tileRows * dim, 1),
    scores: take(blockRows * blockQueries, 4),
    exactScores: take(capacity + 3, 8),
    thresholds: take(lanes, 4),
    ceilings: take(lanes, 4),
    surelyBelow: take(lanes, 4),
    errors: take(lanes, 8),
    scales: take(lanes, 8),
    limits: take(lanes, 8),
    cuts: take(lanes, 8),
    hitCounts: take(queries, 4),
    bestCounts: take(queries, 4),
    hitScores: take(queries * capacity, 4),
    hitRows: take(queries * capacity, 4),
    pendingCounts: take(queries, 4),
    pendingScores: take(queries * pending, 4),
    pendingPassages: take(queries * pending, 4),
    bestScores: take(queries * room, 8),
    bestPassages: take(queries * room, 4),
    vectors: take(queries * dim, 4),
    factors: take(lanes * dim, 4),
  };
  return { parts, bytes };
}
