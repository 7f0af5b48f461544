import { growTo, loadWasm, type WasmMemory } from './wasm.js';

/** `scripts/scan.ts`; `first` and `count` are of queries, addresses are in its memory. */
export interface ScanKernel {
  readonly memory: WasmMemory;
  /** `loadTile` is called before exact scores are computed: the vectors of the tile have to be in the memory then. */
  readonly hooks: { loadTile: () => void };
  place(table: number): void;
  longest(rows: number, count: number, width: number): number;
  largest(values: number, count: number): number;
  toBytes(
    rows: number,
    count: number,
    width: number,
    bytes: number,
    zero: number,
    leastStep: number,
    steps: number,
    residuals: number,
  ): void;
  score(query: number, rows: number, count: number, width: number, scores: number): void;
  scan(scores: number, firstRow: number, rows: number, first: number, count: number): void;
  scanSums(sums: number, firstRow: number, rows: number, first: number, count: number, ofResidual: number): void;
  settle(first: number, count: number, isPutOff: boolean): void;
  order(first: number, count: number): void;
  resolve(first: number, count: number, rows: number, isRest: boolean): void;
  finish(first: number, count: number): void;
}

export function loadScanKernel(): ScanKernel {
  const hooks = { loadTile() {} };
  return {
    ...loadWasm<Omit<ScanKernel, 'hooks'>>('scan', { scan: { loadTile: () => hooks.loadTile() } }),
    hooks,
  };
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
  /** Passages that a query can set aside to be decided later. */
  readonly capacity: number;
  /** Whether that is done in the end, not after each tile. */
  readonly isPutOff: boolean;
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
  const { dim, queries, k, capacity, room, tileRows } = shape;
  const lanes = roundToLanes(queries);
  const column = (at: number) => new Float32Array(buffer, at, lanes);
  const wideColumn = (at: number) => new Float64Array(buffer, at, lanes);
  const tellKernel = (firstPassage: number, { wanted = k, listed = capacity } = {}) => {
    const { thresholds, ceilings, surelyBelow, above, below, scales, limits, cuts } = parts;
    const { listCounts, bestCounts, listScores, listPassages, earlierCounts, restCounts } = parts;
    const { bestScores, bestPassages, scratch, wideQuery, vectors, tile, rowSteps, rowResiduals } = parts;
    const columns = [thresholds, ceilings, surelyBelow, above, below, scales, limits, cuts, listCounts, bestCounts];
    const lists = [listScores, listPassages, listed, earlierCounts, restCounts, bestScores, bestPassages, room, wanted];
    const rest = [scratch, wideQuery, vectors, tile, dim, firstPassage, rowSteps, rowResiduals];
    new Uint32Array(buffer, 0, TABLE_BYTES / 4).set([...columns, ...lists, ...rest]);
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
    above: wideColumn(parts.above),
    below: wideColumn(parts.below),
    scales: wideColumn(parts.scales),
    limits: wideColumn(parts.limits),
    cuts: wideColumn(parts.cuts),
    listCounts: new Int32Array(buffer, parts.listCounts, queries),
    bestCounts: new Int32Array(buffer, parts.bestCounts, queries),
    earlierCounts: new Int32Array(buffer, parts.earlierCounts, queries),
    bestScores: new Float64Array(buffer, parts.bestScores, queries * room),
    bestPassages: new Int32Array(buffer, parts.bestPassages, queries * room),
    vectors: new Float32Array(buffer, parts.vectors, queries * dim),
    tile: new Float32Array(buffer, parts.tile, tileRows * dim),
    bytes: new Uint8Array(buffer, parts.bytes, tileRows * dim),
    rowSteps: new Float32Array(buffer, parts.rowSteps, tileRows),
    rowResiduals: new Float32Array(buffer, parts.rowResiduals, tileRows),
  };
}

/** Empties the lists of all queries. */
export function clearLists({ listCounts, earlierCounts, bestCounts, cuts }: ScanMemory): void {
  for (const counts of [listCounts, earlierCounts, bestCounts]) counts.fill(0);
  cuts.fill(Number.NEGATIVE_INFINITY);
}

/** What differs from search to search comes last, so that a loaded tile stays where it is from one search to the next. */
function layOutParts(shape: ScanShape) {
  const { dim, tileRows, blockRows, blockQueries, queries, capacity, room } = shape;
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
    rowSteps: take(tileRows, 4),
    rowResiduals: take(tileRows, 4),
    scores: take(blockRows * blockQueries, 4),
    scratch: take(capacity + 3, 8),
    thresholds: take(lanes, 4),
    ceilings: take(lanes, 4),
    surelyBelow: take(lanes, 4),
    above: take(lanes, 8),
    below: take(lanes, 8),
    scales: take(lanes, 8),
    limits: take(lanes, 8),
    cuts: take(lanes, 8),
    listCounts: take(queries, 4),
    bestCounts: take(queries, 4),
    earlierCounts: take(queries, 4),
    restCounts: take(queries, 4),
    listScores: take(queries * capacity, 4),
    listPassages: take(queries * capacity, 4),
    bestScores: take(queries * room, 8),
    bestPassages: take(queries * room, 4),
    vectors: take(queries * dim, 4),
    factors: take(lanes * dim, 4),
  };
  return { parts, bytes };
}
