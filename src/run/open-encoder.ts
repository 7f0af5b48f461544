import type { MineConfig } from '../config/config.js';
import { EMBEDDER } from '../embed/embedding-server.js';
import type { Encoder } from '../embed/encoder.js';
import { identifyEncoder, keyOfText } from '../embed/encoder-identity.js';
import { type EncoderPlan, planEncoder, startRowEncoder } from '../embed/onnx-encoder.js';
import type { PlannedEncoder } from '../embed/planned-encoder.js';
import { planServerEncoder } from '../embed/server-encoder.js';
import { createStoredEncoder } from '../embed/stored-encoder.js';
import { describeMachine } from '../machine.js';
import type { Workspace } from '../memory/workspace.js';
import { chooseEncoder, fetchModel, findLocalModel } from '../model/locate-model.js';
import type { ModelFiles } from '../model/model-files.js';
import { nameIdentity } from '../store/find-store.js';
import { openStore } from './open-store.js';
import { type RunContext, tellDownloads } from './run-context.js';

/**
 * The encoder that was asked for, where it is on this machine or a server has it.
 *
 * @throws HnMineError `model`, or `network` where a server is not there
 */
export async function planReachableEncoder(
  config: MineConfig,
  { env, events }: RunContext,
): Promise<PlannedEncoder | undefined> {
  const onWarning = (message: string) => events.onWarning?.(message);
  if (config.embedder) return planServerEncoder(config, { key: env[EMBEDDER.keyVariable] || undefined, onWarning });
  const files = findLocalModel(chooseEncoder(config));
  return files && planFiles(files, config);
}

/** The encoder that was asked for, fetched from the hub. @throws HnMineError `network` or `model` */
export async function fetchEncoder(config: MineConfig, context: RunContext): Promise<PlannedEncoder> {
  return planFiles(await fetchModel(chooseEncoder(config), tellDownloads(context)), config);
}

async function planFiles(files: ModelFiles, config: MineConfig): Promise<PlannedEncoder> {
  const plan = await planEncoder(files, config, describeMachine());
  const setup = plan.setups[0] as EncoderPlan['setups'][0];
  return {
    name: files.name,
    notes: plan.notes,
    isReproducible: !setup.quantizesBatch || (config.batchSize ?? 1) === 1,
    keyOf: (text, role) => keyOfText(setup, text, role),
    async identify() {
      const identity = await identifyEncoder(files, setup);
      return { name: nameIdentity(identity), identity };
    },
    start: () => startRowEncoder(plan),
  };
}

/** Finds the encoder, here, on a server or on the hub, and opens it; its model is loaded when it is first needed. */
export async function openConfiguredEncoder(
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
): Promise<{ name: string; encoder: Encoder }> {
  const planned = (await planReachableEncoder(config, context)) ?? (await fetchEncoder(config, context));
  for (const note of planned.notes) context.events.onNote?.(note);
  return { name: planned.name, encoder: await openEncoder(planned, config, workspace, context) };
}

/** With the store of this encoder's vectors, unless they depend on more than their texts. */
export async function openEncoder(
  planned: PlannedEncoder,
  config: MineConfig,
  { memory: { encoding } }: Workspace,
  context: RunContext,
): Promise<Encoder> {
  const store = await openStore(planned, config, context);
  const keyed = store && { store, keyOf: planned.keyOf };
  return createStoredEncoder(() => planned.start(), keyed, encoding);
}
