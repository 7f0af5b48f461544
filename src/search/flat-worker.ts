import { workerData } from 'node:worker_threads';
import { type PackedLists, packLists } from '../memory/packed-lists.js';
import { serveJobs } from '../onnx/serve-jobs.js';
import type { SessionPlace } from '../onnx/session.js';
import { openVectors, type VectorPlace } from './passage-vectors.js';
import type { ScanLimits } from './scan-plan.js';
import { createTileSearch } from './tile-search.js';
import { createTopKSearch } from './topk-search.js';

/** What a worker is started with. */
export interface FlatSetup {
  readonly place: SessionPlace;
  readonly passages: VectorPlace;
  /** Queries that are expected here. */
  readonly expected: number;
  readonly limits: ScanLimits;
  /** Memory for `measureByteTiles`, where there is enough. */
  readonly bytes: SharedArrayBuffer | undefined;
}

export interface FlatJob {
  /** Rows of `dim` values. */
  readonly queries: Float32Array;
  readonly k: number;
  /** The highest score that a neighbour of each query may have. */
  readonly below?: Float64Array | undefined;
}

await serveJobs<FlatJob, true, PackedLists>(async () => {
  const { passages: vectors, place, expected, limits, bytes } = workerData as FlatSetup;
  const { dim } = vectors;
  const pool = openVectors(vectors);
  const search =
    place.gpu === undefined
      ? await createTileSearch(pool, place, limits, { bytes, expected })
      : await createTopKSearch(pool, place, limits);
  return {
    ready: true,
    async serve({ queries: data, k, below }) {
      const queries = { data, dim, count: data.length / dim };
      return packLists(await search(queries, k, below));
    },
  };
});
