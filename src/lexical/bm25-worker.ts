import { workerData } from 'node:worker_threads';
import { type PackedLists, packLists } from '../memory/packed-lists.js';
import { serveJobs } from '../onnx/serve-jobs.js';
import { createScan } from './bm25-scan.js';
import type { PostingsPlace } from './postings.js';

/** What a worker is started with. */
export interface ScanSetup {
  readonly postings: PostingsPlace;
  readonly norms: Float64Array;
}

/** Some queries: the terms of one after those of the other. */
export interface ScanJob {
  readonly depth: number;
  /** How many terms each query has. */
  readonly termCounts: Int32Array;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly weights: Float64Array;
}

await serveJobs<ScanJob, true, PackedLists>(async () => {
  const { postings, norms } = workerData as ScanSetup;
  const scan = createScan(postings, norms);
  return {
    ready: true,
    async serve({ depth, termCounts, starts, ends, weights }) {
      let end = 0;
      const found = Array.from(termCounts, (count) => {
        const start = end;
        end += count;
        const part = (values: Float64Array) => values.subarray(start, end);
        return scan({ starts: part(starts), ends: part(ends), weights: part(weights) }, depth);
      });
      return packLists(found);
    },
  };
});
