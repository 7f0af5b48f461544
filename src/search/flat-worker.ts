import { fileURLToPath } from 'node:url';
import { workerData } from 'node:worker_threads';
import type { Embeddings } from '../embed/encoder.js';
import { serveJobs } from '../onnx/serve-jobs.js';
import { float32Tensor, int64Tensor, openSession, type Session, type SessionPlace } from '../onnx/session.js';
import { type Proposal, searchExactly } from './exact-search.js';
import { openVectors, type PassageVectors, type VectorPlace } from './passage-vectors.js';
import { createScorer } from './scorer.js';

/** What a worker is started with. */
export interface FlatSetup {
  readonly place: SessionPlace;
  readonly passages: VectorPlace;
  /** Passages a tile: multiplied at once, and copied out of shared memory, which ONNX Runtime does not take. */
  readonly tileSize: number;
  /** Queries multiplied at once. */
  readonly blockSize: number;
}

export interface FlatJob {
  /** Rows of `dim` values. */
  readonly queries: Float32Array;
  readonly k: number;
}

/** min(k, pool) neighbours a query, one query after the other. */
export interface FlatResult {
  readonly passages: Int32Array;
  readonly scores: Float64Array;
}

const GRAPH = fileURLToPath(new URL('../../models/search.onnx', import.meta.url));

await serveJobs<FlatJob, true, FlatResult>(async () => {
  const setup = workerData as FlatSetup;
  const { dim, count } = setup.passages;
  const pool = openVectors(setup.passages);
  const scorer = createScorer(dim);
  const exact = { passages: pool, scorer, maxNorm: scorer.longestNorm(pool) };
  const scan = createTileScan(await openSession(GRAPH, setup.place), pool, setup);
  return {
    ready: true,
    async serve({ queries: data, k }) {
      const queries = { data, dim, count: data.length / dim };
      const found = await searchExactly(exact, queries, k, scan);
      const width = Math.min(k, count);
      const passages = new Int32Array(queries.count * width);
      const scores = new Float64Array(queries.count * width);
      found.forEach((neighbours, query) => {
        passages.set(neighbours.passages, query * width);
        scores.set(neighbours.scores, query * width);
      });
      return { result: { passages, scores }, transfer: [passages.buffer, scores.buffer] };
    },
  };
});

/** Every tile against every block of queries, the best k of each kept. */
function createTileScan(session: Session, pool: PassageVectors, { tileSize, blockSize }: FlatSetup) {
  const { dim, count } = pool;
  const tile = new Float32Array(Math.min(tileSize, count) * dim);
  const tileCount = Math.ceil(count / tileSize);
  let loaded = -1;
  const loadTile = (number: number): Float32Array => {
    const rows = Math.min(tileSize, count - number * tileSize);
    if (number !== loaded) pool.copyRows(number * tileSize, rows, tile, 0);
    loaded = number;
    return tile.subarray(0, rows * dim);
  };
  return async (queries: Embeddings, k: number): Promise<Proposal[]> => {
    const best: Proposal[] = Array.from({ length: queries.count }, () => EMPTY);
    // Begins with the tile that the last call ended with, which is still loaded.
    const forwards = loaded <= 0;
    for (let step = 0; step < tileCount; step++) {
      const number = forwards ? step : tileCount - 1 - step;
      const passages = loadTile(number);
      const found = float32Tensor(passages, [passages.length / dim, dim]);
      const depth = Math.min(k, passages.length / dim);
      for (let start = 0; start < queries.count; start += blockSize) {
        const end = Math.min(start + blockSize, queries.count);
        const block = float32Tensor(queries.data.subarray(start * dim, end * dim), [end - start, dim]);
        const kTensor = int64Tensor(BigInt64Array.of(BigInt(depth)), [1]);
        const { scores, indices } = await session.run({ queries: block, passages: found, k: kTensor });
        mergeBlock(
          best,
          start,
          scores?.data as Float32Array,
          indices?.data as BigInt64Array,
          depth,
          number * tileSize,
          k,
        );
      }
    }
    return best;
  };
}

const EMPTY: Proposal = { passages: new Int32Array(0), scores: new Float32Array(0) };

function mergeBlock(
  best: Proposal[],
  start: number,
  scores: Float32Array,
  indices: BigInt64Array,
  depth: number,
  firstPassage: number,
  k: number,
): void {
  for (let row = 0; row * depth < scores.length; row++) {
    const from = row * depth;
    // The low half of each 64-bit index: reading 32-bit words spares a bigint each.
    const words = new Int32Array(indices.buffer, indices.byteOffset + 8 * from, 2 * depth);
    const passages = new Int32Array(depth);
    for (let i = 0; i < depth; i++) passages[i] = firstPassage + (words[2 * i] as number);
    const found = { passages, scores: scores.slice(from, from + depth) };
    best[start + row] = mergeProposals(best[start + row] as Proposal, found, k);
  }
}

/** The k best of two lists, each best first. */
function mergeProposals(a: Proposal, b: Proposal, k: number): Proposal {
  if (a.passages.length === 0) return b;
  const length = Math.min(k, a.passages.length + b.passages.length);
  const merged = { passages: new Int32Array(length), scores: new Float32Array(length) };
  let fromA = 0;
  for (let i = 0; i < length; i++) {
    const fromB = i - fromA;
    const takesA =
      fromB >= b.passages.length ||
      (fromA < a.passages.length && (a.scores[fromA] as number) >= (b.scores[fromB] as number));
    const [source, at] = takesA ? [a, fromA] : [b, fromB];
    merged.passages[i] = source.passages[at] as number;
    merged.scores[i] = source.scores[at] as number;
    if (takesA) fromA++;
  }
  return merged;
}
