import { workerData } from 'node:worker_threads';
import { HnMineError } from '../errors.js';
import { type BatchLimits, cutBatches } from '../model/token-batches.js';
import { describeGraphFailure, type TokenInput } from '../model/token-graph.js';
import { readTokenizer } from '../model/token-settings.js';
import { createTokenizer, type Pair } from '../model/tokenizer.js';
import { refuseForeignGraph, refuseForeignTokenizer } from '../model/vocabulary.js';
import { serveJobs } from '../onnx/serve-jobs.js';
import { openSession, type SessionPlace } from '../onnx/session.js';
import { wrapRerankerGraph } from './reranker-graph.js';
import type { RerankerSettings } from './reranker-settings.js';

/** What a worker is started with. */
export interface RerankSetup extends BatchLimits {
  readonly name: string;
  readonly graphFile: string;
  readonly place: SessionPlace;
  readonly settings: RerankerSettings;
  readonly maxLength: number | undefined;
}

export type RerankJob = readonly Pair[];

export interface RerankDone {
  /** One a pair, in the job's order. */
  readonly logits: Float32Array;
  readonly isTruncated: readonly boolean[];
}

await serveJobs<RerankJob, true, RerankDone>(async () => {
  const setup = workerData as RerankSetup;
  const { name, settings } = setup;
  const tokenizer = createTokenizer(readTokenizer(settings.tokenizer), settings.tokenizer.name);
  refuseForeignTokenizer(name, settings, tokenizer);
  const graph = wrapRerankerGraph(await openSession(setup.graphFile, setup.place), name, settings);
  const run = async (batch: readonly TokenInput[]) => {
    try {
      return await graph.run(batch);
    } catch (cause) {
      throw describeGraphFailure(cause, name, `${batch.length} pairs`);
    }
  };
  await refuseForeignGraph(name, run, tokenizer);
  return {
    ready: true,
    async serve(pairs) {
      const tokens = await tokenizer.tokenizePairs(pairs, setup.maxLength);
      const logits = new Float32Array(pairs.length);
      for (const batch of cutBatches(tokens, setup, graph.batching)) {
        const found = await run(batch.map((i) => tokens[i] as TokenInput));
        batch.forEach((pair, i) => {
          logits[pair] = found[i] as number;
        });
      }
      refuseUnusable(logits, pairs, name);
      const isTruncated = tokens.map((one) => one.isTruncated);
      return { result: { logits, isTruncated }, transfer: [logits.buffer] };
    },
  };
});

function refuseUnusable(logits: Float32Array, pairs: readonly Pair[], name: string): void {
  const odd = logits.findIndex((logit) => !Number.isFinite(logit));
  if (odd === -1) return;
  const [query, passage] = (pairs[odd] as Pair).map((text) =>
    JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text),
  );
  throw new HnMineError('model', `${name}: the score of the query ${query} and the passage ${passage} is no number`);
}
