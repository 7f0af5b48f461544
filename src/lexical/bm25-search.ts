import { type PackedLists, unpackLists } from '../memory/packed-lists.js';
import { WorkerPool } from '../onnx/worker-pool.js';
import { createPacer } from '../pacer.js';
import type { Bm25Index } from './bm25-index.js';
import type { Scored, WeighedTerms } from './bm25-scan.js';
import type { ScanJob, ScanSetup } from './bm25-worker.js';

/** BM25 over a pool. */
export interface Bm25Search {
  /**
   * The `depth` best passages for each text, best first: by score descending, then pool order ascending; none that shares no
   * word with it. Scores are Lucene's BM25, ln(1 + (N - n + 0.5) / (n + 0.5)) · f / (f + k1 · (1 - b + b · length / mean length))
   * summed over a text's words, as `bm25s` has it for `method="lucene"` (arXiv:2407.03618).
   */
  search(texts: readonly string[], depth: number): Promise<Scored[]>;
  close(): Promise<void>;
}

/** Queries a job: enough to make a job worth its message. */
const JOB_QUERIES = 64;

/** @param workers threads */
export async function createBm25Search(index: Bm25Index, workers: number): Promise<Bm25Search> {
  const { postings, norms } = index;
  const setups = Array.from({ length: workers }, (): ScanSetup => ({ postings, norms }));
  const script = new URL('./bm25-worker.js', import.meta.url);
  const pool = await WorkerPool.start<ScanJob, true, PackedLists>(script, setups);
  return {
    async search(texts, depth) {
      const pause = createPacer();
      const jobSize = Math.min(JOB_QUERIES, Math.ceil(texts.length / workers));
      const jobs: Promise<PackedLists>[] = [];
      for (let start = 0; start < texts.length; start += jobSize) {
        const job = pool.run(makeJob(index, texts.slice(start, start + jobSize), depth));
        // Its error is thrown when all are awaited.
        job.catch(() => {});
        jobs.push(job);
        await pause();
      }
      return (await Promise.all(jobs)).flatMap(unpackLists);
    },
    close: () => pool.close(),
  };
}

function makeJob(index: Bm25Index, texts: readonly string[], depth: number): ScanJob {
  const queries = texts.map((text) => weighTerms(index, text));
  const joinAll = (part: (query: WeighedTerms) => Float64Array) =>
    Float64Array.from(queries.flatMap((query) => Array.from(part(query))));
  return {
    depth,
    termCounts: Int32Array.from(queries, ({ starts }) => starts.length),
    starts: joinAll(({ starts }) => starts),
    ends: joinAll(({ ends }) => ends),
    weights: joinAll(({ weights }) => weights),
  };
}

/** The known words of a query, each once, by term: sums in float64 depend on the order. */
export function weighTerms({ size, starts, vocabulary }: Bm25Index, text: string): WeighedTerms {
  const repeats = new Map<number, number>();
  for (const term of vocabulary.termsOf(text)) repeats.set(term, (repeats.get(term) ?? 0) + 1);
  const terms = Float64Array.from(repeats.keys()).sort();
  const startOf = (term: number) => starts[term] as number;
  return {
    starts: terms.map(startOf),
    ends: terms.map((term) => startOf(term + 1)),
    weights: terms.map((term) => {
      const frequency = startOf(term + 1) - startOf(term);
      return (repeats.get(term) as number) * Math.log(1 + (size - frequency + 0.5) / (frequency + 0.5));
    }),
  };
}
