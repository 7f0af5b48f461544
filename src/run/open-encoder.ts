import { join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import type { Encoder, Role } from '../embed/encoder.js';
import { identifyEncoder, keyOfText, nameIdentity } from '../embed/encoder-identity.js';
import { type EncoderPlan, planEncoder, startRowEncoder } from '../embed/onnx-encoder.js';
import { createStoredEncoder, type KeyedStore } from '../embed/stored-encoder.js';
import { HnMineError } from '../errors.js';
import { describeMachine } from '../machine.js';
import type { Workspace } from '../memory/workspace.js';
import { chooseEncoder, fetchModel, findLocalModel } from '../model/locate-model.js';
import type { ModelFiles } from '../model/model-files.js';
import { defaultCacheFolder, EMBEDDINGS } from '../store/cache-folder.js';
import { EmbeddingStore } from '../store/embedding-store.js';
import { findNetworkType } from '../store/network-folder.js';
import { type RunContext, tellDownloads } from './run-context.js';

/** An encoder that was found, and how it will run. */
export interface PlannedEncoder {
  readonly files: ModelFiles;
  readonly plan: EncoderPlan;
}

/** The encoder that was asked for, where it is on this machine. @throws HnMineError `model` */
export async function planLocalEncoder(config: MineConfig): Promise<PlannedEncoder | undefined> {
  const files = findLocalModel(chooseEncoder(config));
  return files && planFiles(files, config);
}

/** The encoder that was asked for, fetched from the hub. @throws HnMineError `network` or `model` */
export async function fetchEncoder(config: MineConfig, context: RunContext): Promise<PlannedEncoder> {
  return planFiles(await fetchModel(chooseEncoder(config), tellDownloads(context)), config);
}

async function planFiles(files: ModelFiles, config: MineConfig): Promise<PlannedEncoder> {
  return { files, plan: await planEncoder(files, config, describeMachine()) };
}

/** Finds the model, on this machine or on the hub, and opens an encoder whose model is loaded when it is first needed. */
export async function openConfiguredEncoder(
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
): Promise<{ name: string; encoder: Encoder }> {
  const planned = (await planLocalEncoder(config)) ?? (await fetchEncoder(config, context));
  for (const note of planned.plan.notes) context.events.onNote?.(note);
  return { name: planned.files.name, encoder: await openEncoder(planned, config, workspace, context) };
}

/** With the store of this encoder's vectors, unless they depend on more than their texts. */
export async function openEncoder(
  planned: PlannedEncoder,
  config: MineConfig,
  { memory: { encoding } }: Workspace,
  context: RunContext,
): Promise<Encoder> {
  const { quantizesBatch } = firstSetup(planned);
  const isReproducible = !quantizesBatch || (config.batchSize ?? 1) === 1;
  const keyed = config.cache && isReproducible ? await openStore(planned, config, context) : undefined;
  return createStoredEncoder(() => startRowEncoder(planned.plan), keyed, encoding);
}

async function openStore(
  planned: PlannedEncoder,
  { cacheDir }: MineConfig,
  { env, events }: RunContext,
): Promise<KeyedStore | undefined> {
  const setup = firstSetup(planned);
  const { files } = planned;
  const identity = await identifyEncoder(files, setup);
  const cacheFolder = cacheDir ?? defaultCacheFolder(env);
  const folder = join(cacheFolder, EMBEDDINGS, nameIdentity(identity));
  const warn = (message: string) => events.onWarning?.(message);
  const network = findNetworkType(cacheFolder);
  if (network) warn(describeNetworkFolder(cacheFolder, network));
  try {
    const store = await EmbeddingStore.open(folder, { model: files.name, ...identity }, warn);
    return { store, keyOf: (text: string, role: Role) => keyOfText(setup, text, role) };
  } catch (error) {
    // Nobody asked for the platform's folder, and some accounts have none.
    if (cacheDir !== undefined || !(error instanceof HnMineError)) throw error;
    warn(`${error.message}; going on without`);
    return undefined;
  }
}

function firstSetup({ plan }: PlannedEncoder): EncoderPlan['setups'][0] {
  return plan.setups[0] as EncoderPlan['setups'][0];
}

function describeNetworkFolder(folder: string, type: string): string {
  return `${folder}: on a network file system (${type}), where keeping vectors is slow; give a --cache-dir on a local disk`;
}
