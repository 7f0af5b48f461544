import type { MineConfig } from './config/config.js';
import { describeMachine } from './machine.js';
import type { HubOptions } from './model/hub.js';
import { chooseReranker, fetchModel, findLocalModel } from './model/locate-model.js';
import { type Activation, planReranker, type RerankerPlan } from './rerank/onnx-reranker.js';

/** Whom a download is told to, and where the hub's settings are looked up. */
export interface FetchContext {
  readonly env: HubOptions['env'];
  readonly events: { onDownload?(file: string, done: number, total: number): void };
}

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
  context: FetchContext,
): Promise<RerankerPlan | undefined> {
  const choice = chooseReranker(config);
  const files = choice && (await fetchModel(choice, tellDownloads(context)));
  return files && planReranker(files, { config, activation, machine: describeMachine() });
}

/** The hub's options, with downloads told to the context. */
export function tellDownloads({ env, events }: FetchContext): HubOptions {
  return { env, onProgress: ({ file, done, total }) => events.onDownload?.(file, done, total) };
}
