import { isServed, type MineConfig } from '../config/config.js';
import { describeMachine } from '../machine.js';
import { chooseReranker, fetchModel, findLocalModel } from '../model/locate-model.js';
import type { ModelFiles } from '../model/model-files.js';
import { identifyReranker } from '../rerank/identify-reranker.js';
import { checkReranker, planReranker, type RerankerPlan, startPairReranker } from '../rerank/onnx-reranker.js';
import type { Activation, PlannedReranker } from '../rerank/planned-reranker.js';
import { RERANKER } from '../rerank/rerank-server.js';
import type { Reranker } from '../rerank/reranker.js';
import { planServerReranker } from '../rerank/server-reranker.js';
import { createStoredReranker } from '../rerank/stored-reranker.js';
import { nameIdentity } from '../store/find-store.js';
import { openStore } from './open-store.js';
import { type RunContext, tellDownloads } from './run-context.js';

/**
 * The reranker that was asked for, where it is on this machine or a server has it.
 *
 * @throws HnMineError `model`, or `network` where a server is not there
 */
export async function planReachableReranker(
  config: MineConfig,
  activation: Activation,
  { env, events }: RunContext,
): Promise<PlannedReranker | undefined> {
  if (isServed(config)) {
    const onWarning = (message: string) => events.onWarning?.(message);
    return planServerReranker(config, { activation, key: env[RERANKER.keyVariable] || undefined, onWarning });
  }
  const choice = chooseReranker(config);
  const files = choice && findLocalModel(choice);
  return files && planFiles(files, config, activation);
}

/** The reranker that was asked for, if any, fetched from the hub. @throws HnMineError `network` or `model` */
export async function fetchReranker(
  config: MineConfig,
  activation: Activation,
  context: RunContext,
): Promise<PlannedReranker | undefined> {
  const choice = chooseReranker(config);
  return choice && planFiles(await fetchModel(choice, tellDownloads(context)), config, activation);
}

async function planFiles(files: ModelFiles, config: MineConfig, activation: Activation): Promise<PlannedReranker> {
  const plan = await planReranker(files, { config, activation, machine: describeMachine() });
  const { name, notes, activate, setups } = plan;
  const setup = setups[0] as RerankerPlan['setups'][0];
  return {
    name,
    notes,
    isReproducible: !setup.quantizesBatch || (config.batchSize ?? 1) === 1,
    countsTruncated: true,
    activate,
    async identify() {
      const identity = await identifyReranker(files, setup);
      return { name: nameIdentity(identity), identity };
    },
    check: () => checkReranker(plan),
    start: () => startPairReranker(plan),
  };
}

/** With the store of this reranker's scores, unless they depend on more than their pairs; its model is loaded when it is first needed. */
export async function openReranker(
  planned: PlannedReranker,
  config: MineConfig,
  context: RunContext,
): Promise<Reranker> {
  const store = await openStore(planned, config, context);
  return createStoredReranker(() => planned.start(), planned.activate, store);
}
