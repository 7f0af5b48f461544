import { join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import type { Machine } from '../machine.js';
import { ACTIVATIONS } from '../model/activations.js';
import { cutJobs, runJobs } from '../model/jobs.js';
import { type ModelFiles, noteOnlyGraph } from '../model/model-files.js';
import { noteUnreproducible, resolveBatchLimits } from '../model/token-batches.js';
import { planPlaces, quantizesBatch } from '../model/worker-places.js';
import { WorkerPool } from '../onnx/worker-pool.js';
import type { Activation } from './planned-reranker.js';
import type { RerankDone, RerankJob, RerankSetup } from './rerank-worker.js';
import type { Pair, PairReranker, Reranker } from './reranker.js';
import { type RerankerSettings, readRerankerSettings } from './reranker-settings.js';
import { createStoredReranker } from './stored-reranker.js';

/** What was decided before the model is loaded. */
export interface RerankerPlan {
  readonly name: string;
  readonly setups: readonly RerankSetup[];
  /** What makes a score of a logit. */
  readonly activate: (logit: number) => number;
  /** What a user should know of these decisions, a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a reranker's settings and decides how it will run; loads nothing.
 *
 * @throws HnMineError `model` where a file is missing or odd, or the length exceeds the model's positions
 */
export async function planReranker(
  files: ModelFiles,
  { config, activation, machine }: { config: MineConfig; activation: Activation; machine: Machine },
): Promise<RerankerPlan> {
  const settings = readRerankerSettings(files);
  const graphFile = join(files.folder, files.graph);
  const limits = resolveBatchLimits(config, await quantizesBatch(graphFile));
  const shared = { name: files.name, graphFile, settings, maxLength: resolveMaxLength(config, settings), ...limits };
  return {
    name: files.name,
    setups: planPlaces(files, config, machine).map((place) => ({ ...shared, place })),
    activate: chooseActivation(activation, settings),
    notes: [...(config.rerankerDtype === undefined ? noteOnlyGraph(files) : []), ...noteUnreproducible(limits, files)],
  };
}

function resolveMaxLength(
  { rerankerMaxLength: flag }: MineConfig,
  { maxLength, maxPositions }: RerankerSettings,
): number | undefined {
  if (flag !== undefined && maxPositions !== undefined && flag > maxPositions) {
    throw new HnMineError('model', `--reranker-max-length ${flag}: the model has positions for ${maxPositions} tokens`);
  }
  return flag ?? maxLength;
}

function chooseActivation(activation: Activation, settings: RerankerSettings): RerankerPlan['activate'] {
  const kind = { none: 'Identity', model: settings.activation, sigmoid: 'Sigmoid' }[activation];
  return ACTIVATIONS[kind] as RerankerPlan['activate'];
}

/** Starts the workers and loads the model in each. @throws HnMineError `model` or `device` */
export async function startPairReranker({ setups }: Pick<RerankerPlan, 'setups'>): Promise<PairReranker> {
  const script = new URL('./rerank-worker.js', import.meta.url);
  const workers = await WorkerPool.start<RerankJob, true, RerankDone>(script, setups);
  return {
    async scorePairs(pairs, onScored) {
      const lengths = Int32Array.from(pairs, ([query, passage]) => query.length + passage.length);
      await runJobs(cutJobs(lengths), setups.length, async (places) => {
        const { logits, isTruncated } = await workers.run(places.map((i) => pairs[i] as Pair));
        await onScored(places, logits, isTruncated);
      });
    },
    close: () => workers.close(),
  };
}

/** A reranker without a store, its model loaded. @throws HnMineError `model` or `device` */
export async function startReranker(plan: RerankerPlan): Promise<Reranker> {
  const started = await startPairReranker(plan);
  return createStoredReranker(async () => started, plan.activate);
}

/** Loads one copy of the model, so that what is wrong with it is told before hours of other work. @throws HnMineError */
export async function checkReranker({ setups }: RerankerPlan): Promise<void> {
  const reranker = await startPairReranker({ setups: setups.slice(0, 1) });
  await reranker.close();
}
