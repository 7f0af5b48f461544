import { constants } from 'node:buffer';
import type { Embeddings } from '../embed/encoder.js';
import { type PackedLists, unpackLists } from '../memory/packed-lists.js';
import { WorkerPool } from '../onnx/worker-pool.js';
import { measureByteTiles } from './byte-tiles.js';
import type { FlatJob, FlatSetup } from './flat-worker.js';
import type { VectorPlace } from './passage-vectors.js';
import type { VectorIndex } from './vector-index.js';

/** How the multiplication is cut; no choice changes a result. */
export interface FlatOptions {
  /** Threads, one worker each. */
  readonly workers: number;
  /** CUDA devices instead of threads. */
  readonly gpu?: readonly number[] | undefined;
  /** Bytes that the scratch memory of all workers may take. */
  readonly memory?: number;
  /** How many queries are expected: for many, all is set up before the first comes. */
  readonly queries?: number;
  /** Passages a tile (4,096, or what the memory allows; on a GPU 32,768). */
  readonly tileSize?: number;
  /** Queries multiplied at once (256; on a CPU a multiple of 16). */
  readonly blockSize?: number;
}

/** Bytes of scratch memory where no limit is given. */
const DEFAULT_MEMORY = 2 ** 28;

/** Queries a job: a worker copies each tile once for all of them. */
const JOB_QUERIES = 1024;

/**
 * The built-in index: ONNX Runtime multiplies tiles of passages, and float64 decides between those that come near a query.
 *
 * @throws HnMineError `device` where CUDA was asked for and does not load
 */
export async function createFlatIndex(passages: Embeddings | VectorPlace, options: FlatOptions): Promise<VectorIndex> {
  const { memory = DEFAULT_MEMORY, queries = 0, tileSize, blockSize } = options;
  const { dim, count } = passages;
  const places =
    options.gpu?.map((gpu) => ({ gpu, threads: 1 })) ?? Array.from({ length: options.workers }, () => ({ threads: 1 }));
  const source = 'source' in passages ? passages.source : shareMemory(passages);
  const bytes = options.gpu ? undefined : shareBytes(passages, memory);
  const limits = { memory: (memory - (bytes?.byteLength ?? 0)) / places.length, tileSize, blockSize };
  const expected = Math.floor(queries / places.length);
  const shared = { passages: { source, dim, count }, expected, limits, bytes };
  const setups = places.map((place): FlatSetup => ({ ...shared, place }));
  const script = new URL('./flat-worker.js', import.meta.url);
  const workers = await WorkerPool.start<FlatJob, true, PackedLists>(script, setups);
  return {
    size: count,
    async search(queries, k, below) {
      const jobSize = Math.min(JOB_QUERIES, Math.ceil(queries.count / setups.length));
      const starts = Array.from({ length: Math.ceil(queries.count / jobSize) || 0 }, (_, i) => i * jobSize);
      const jobs = starts.map((start) => ({
        queries: queries.data.slice(start * dim, (start + jobSize) * dim),
        k,
        below: below?.slice(start, start + jobSize),
      }));
      return (await Promise.all(jobs.map((job) => workers.run(job)))).flatMap(unpackLists);
    },
    close: () => workers.close(),
  };
}

/** Where workers keep the pool's vectors rounded to bytes, if half of the memory has room for them; it is taken as they are written. */
function shareBytes(pool: { dim: number; count: number }, memory: number): SharedArrayBuffer | undefined {
  const bytes = measureByteTiles(pool);
  return bytes <= Math.min(memory / 2, constants.MAX_LENGTH) ? new SharedArrayBuffer(bytes) : undefined;
}

function shareMemory({ data }: Embeddings): SharedArrayBuffer {
  if (data.buffer instanceof SharedArrayBuffer && data.byteOffset === 0) return data.buffer;
  const buffer = new SharedArrayBuffer(data.byteLength);
  new Float32Array(buffer).set(data);
  return buffer;
}
