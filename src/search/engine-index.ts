import type { Embeddings } from '../embed/encoder.js';
import { sliceRows } from '../embed/gather-rows.js';
import { createPacer } from '../pacer.js';
import { type Proposal, type Propose, searchExactly } from './exact-search.js';
import { type PassageVectors, vectorsInMemory } from './passage-vectors.js';
import { createScorer, type Scorer } from './scorer.js';
import type { Neighbours, VectorIndex } from './vector-index.js';

/** An engine elsewhere that scores in float32. */
export interface SearchEngine {
  /** The k best of each query, best first: k entries a query, one after the other. */
  search(queries: Embeddings, k: number): Promise<{ passages: Int32Array; scores: Float32Array }>;
  close(): Promise<void>;
}

/** How much an engine is asked for; no choice changes a result. */
export interface EngineLimits {
  /** Queries, and results, of a request. */
  readonly queries: number;
  readonly results: number;
  /** Blocks under way in each search: the engine searches for one while another is rescored. */
  readonly lanes: number;
}

const PIECE_BYTES = 2 ** 22;

const NOTHING: Proposal = { passages: new Int32Array(0), scores: new Float32Array(0) };

/**
 * Exact search by an engine whose results are rescored in float64.
 *
 * @param open starts the engine, which has the passages then; closed by the index
 * @throws what `open` throws
 */
export async function createEngineIndex(
  passages: PassageVectors,
  open: () => Promise<SearchEngine>,
  limits: EngineLimits,
): Promise<VectorIndex> {
  const scorer = createScorer(passages.dim);
  // First, so that nothing is open where it fails.
  const maxNorm = await measureLongest(passages, scorer);
  const engine = await open();
  const pool = { passages, scorer, maxNorm };
  const propose: Propose = (queries, k) => proposeInBlocks(engine, queries, k, limits);
  return {
    size: passages.count,
    search: (queries, k, below) =>
      searchInLanes(queries, limits, (block, start) => {
        return searchExactly(pool, block, k, propose, below?.subarray(start, start + block.count));
      }),
    close: () => engine.close(),
  };
}

/** In pieces, since the pool may be large and the caller's thread is not ours. */
async function measureLongest(passages: PassageVectors, scorer: Scorer): Promise<number> {
  let longest = 0;
  for await (const piece of cutPieces(passages))
    longest = Math.max(longest, scorer.longestNorm(vectorsInMemory(piece)));
  return longest;
}

/**
 * All vectors, some at a time, in memory that the next piece takes again.
 *
 * @param bytes of a piece
 */
export async function* cutPieces(
  { dim, count, copyRows }: PassageVectors,
  bytes = PIECE_BYTES,
): AsyncGenerator<Embeddings> {
  const pause = createPacer();
  const size = Math.max(1, Math.floor(bytes / (dim * Float32Array.BYTES_PER_ELEMENT)));
  const buffer = new Float32Array(Math.min(size, count) * dim);
  for (let first = 0; first < count; first += size) {
    const rows = Math.min(size, count - first);
    copyRows(first, rows, buffer, 0);
    yield { data: buffer.subarray(0, rows * dim), dim, count: rows };
    await pause();
  }
}

async function searchInLanes(
  queries: Embeddings,
  { queries: size, lanes }: EngineLimits,
  search: (block: Embeddings, start: number) => Promise<Neighbours[]>,
) {
  const blocks = cutRows(queries, size);
  const found: Neighbours[][] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < blocks.length; at = next++)
      found[at] = await search(blocks[at] as Embeddings, at * size);
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return found.flat();
}

async function proposeInBlocks(
  engine: SearchEngine,
  queries: Embeddings,
  k: number,
  { results }: EngineLimits,
): Promise<Proposal[]> {
  if (k === 0) return Array.from({ length: queries.count }, () => NOTHING);
  const proposals: Proposal[] = [];
  for (const block of cutRows(queries, Math.max(1, Math.floor(results / k)))) {
    const { passages, scores } = await engine.search(block, k);
    for (let start = 0; start < passages.length; start += k) {
      const end = start + k;
      proposals.push({ passages: passages.subarray(start, end), scores: scores.subarray(start, end) });
    }
  }
  return proposals;
}

function cutRows(queries: Embeddings, size: number): Embeddings[] {
  return Array.from({ length: Math.ceil(queries.count / size) }, (_, i) =>
    sliceRows(queries, i * size, (i + 1) * size),
  );
}
