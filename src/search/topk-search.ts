import { fileURLToPath } from 'node:url';
import type { Embeddings } from '../embed/encoder.js';
import { float32Tensor, int64Tensor, openSession, type Session, type SessionPlace } from '../onnx/session.js';
import { type Proposal, type Propose, searchExactly } from './exact-search.js';
import type { PassageVectors } from './passage-vectors.js';
import type { ScanLimits } from './scan-plan.js';
import { createScorer } from './scorer.js';
import type { TileSearch } from './tile-search.js';
import { createTiles } from './tiles.js';

/** What is multiplied at once. */
type TopKLimits = Pick<ScanLimits, 'tileSize' | 'blockSize'>;

const TILE_ROWS = 32_768;
const BLOCK_QUERIES = 256;

const graphFile = (name: string) => fileURLToPath(new URL(`../../models/${name}.onnx`, import.meta.url));

/** Exact search on a device: it multiplies and proposes the best of each tile, and float64 decides. */
export async function createTopKSearch(
  pool: PassageVectors,
  place: SessionPlace,
  limits: TopKLimits,
): Promise<TileSearch> {
  const scorer = createScorer(pool.dim);
  const exact = { passages: pool, scorer, maxNorm: scorer.longestNorm(pool) };
  const sessions = {
    all: await openSession(graphFile('search'), place),
    limited: await openSession(graphFile('search-below'), place),
  };
  const propose = createTileScan(sessions, pool, limits);
  return (queries, k, below) => searchExactly(exact, queries, k, propose, below);
}

/** Every tile against every block of queries, the best k of each kept. */
function createTileScan(
  sessions: { all: Session; limited: Session },
  pool: PassageVectors,
  { tileSize = TILE_ROWS, blockSize = BLOCK_QUERIES }: TopKLimits,
): Propose {
  const { dim, count } = pool;
  const tileRows = Math.min(tileSize, count);
  const tile = new Float32Array(tileRows * dim);
  const tiles = createTiles(pool, { dim, tileRows });
  return async (queries: Embeddings, k: number, limits?: Float32Array): Promise<Proposal[]> => {
    const best: Proposal[] = Array.from({ length: queries.count }, () => EMPTY);
    for (const place of tiles.visitAll()) {
      const { firstPassage, rows } = place;
      tiles.load(tile, place);
      const found = float32Tensor(tile.subarray(0, rows * dim), [rows, dim]);
      const depth = Math.min(k, rows);
      for (let start = 0; start < queries.count; start += blockSize) {
        const end = Math.min(start + blockSize, queries.count);
        const block = float32Tensor(queries.data.subarray(start * dim, end * dim), [end - start, dim]);
        const kTensor = int64Tensor(BigInt64Array.of(BigInt(depth)), [1]);
        const feeds = { queries: block, passages: found, k: kTensor };
        const limit = limits && float32Tensor(limits.subarray(start, end), [end - start, 1]);
        const { scores, indices } = await (limit
          ? sessions.limited.run({ ...feeds, limits: limit })
          : sessions.all.run(feeds));
        mergeBlock(best, start, scores?.data as Float32Array, indices?.data as BigInt64Array, depth, firstPassage, k);
      }
    }
    return limits ? best.map(dropMasked) : best;
  };
}

/** Passages above the limit came out with a score of minus infinity, after all others. */
function dropMasked({ passages, scores }: Proposal): Proposal {
  const first = scores.indexOf(Number.NEGATIVE_INFINITY);
  return first === -1
    ? { passages, scores }
    : { passages: passages.subarray(0, first), scores: scores.subarray(0, first) };
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
