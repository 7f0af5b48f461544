import type { MineConfig } from '../config/config.js';
import { describeMachine } from '../machine.js';
import { chooseReranker, fetchModel, findLocalModel } from '../model/locate-model.js';
import { type Activation, planReranker, type RerankerPlan } from '../rerank/onnx-reranker.js';
import { type RunContext, tellDownloads } from './run-context.js';

/** The reranker that was asked for, where it is on this machine. @throws HnMineError `model` */
export async function planLocalReranker(config: MineConfig, activation: Activation): Promise<RerankerPlan | undefined> {
  const choice = chooseReranker(config);
  const files = choice && findLocalModel(choice);
  return files && planReranker(files, { config, activation, machine: describeMachine() });
}

/** The reranker that was asked for, if any, fetched from the hub. @throws HnMineError `network` or `model` */
export async function fetchReranker(
  config: MineConfig,
  activation: Activation,
  context: RunContext,
): Promise<RerankerPlan | undefined> {
  const choice = chooseReranker(config);
  const files = choice && (await fetchModel(choice, tellDownloads(context)));
  return files && planReranker(files, { config, activation, machine: describeMachine() });
}
