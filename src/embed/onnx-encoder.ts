import { join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import type { Machine } from '../machine.js';
import { cutJobs, runJobs } from '../model/jobs.js';
import { type ModelFiles, noteOnlyGraph } from '../model/model-files.js';
import { noteUnreproducible, resolveBatchLimits } from '../model/token-batches.js';
import { planPlaces, quantizesBatch } from '../model/worker-places.js';
import { WorkerPool } from '../onnx/worker-pool.js';
import type { EncodeDone, EncodeJob, EncodeReady, EncodeSetup, RoleSettings } from './encode-worker.js';
import type { Encoder, Role } from './encoder.js';
import { type ModelSettings, readModelSettings } from './model-settings.js';
import { resolvePrompts } from './prompts.js';
import { createStoredEncoder, type OnRows, type RowEncoder } from './stored-encoder.js';

/** What was decided before the model is loaded. */
export interface EncoderPlan {
  readonly setups: readonly EncodeSetup[];
  /** What a user should know of these decisions, a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a model's settings and decides how it will run; loads nothing.
 *
 * @throws HnMineError `model` where a file is missing or odd, or a length exceeds the model's positions
 */
export async function planEncoder(files: ModelFiles, config: MineConfig, machine: Machine): Promise<EncoderPlan> {
  const settings = readModelSettings(files);
  const prompts = resolvePrompts(config, settings);
  const graphFile = join(files.folder, files.graph);
  const limits = resolveBatchLimits(config, await quantizesBatch(graphFile));
  const notes = (['query', 'passage'] as const).flatMap((role) => {
    const { name, before } = prompts[role];
    return name === undefined || before === ''
      ? []
      : [`${role} prompt "${name}" of the model: ${JSON.stringify(before)}`];
  });
  if (config.model !== undefined && config.dtype === undefined) notes.push(...noteOnlyGraph(files));
  notes.push(...noteUnreproducible(limits, files));
  const role = (name: Role): RoleSettings => ({
    prompt: prompts[name],
    maxLength: resolveMaxLength(name, config, settings),
  });
  const shared = {
    name: files.name,
    graphFile,
    settings,
    roles: { query: role('query'), passage: role('passage') },
    poolings: config.pooling ?? settings.poolings ?? ['mean' as const],
    poolHere: (config.pooling ?? settings.poolings) !== undefined,
    mustPoolHere: config.pooling !== undefined,
    normalize: config.normalize,
    ...limits,
  };
  return { setups: planPlaces(files, config, machine).map((place) => ({ ...shared, place })), notes };
}

/** Starts the workers and loads the model in each. @throws HnMineError `model` or `device` */
export async function startRowEncoder({ setups }: EncoderPlan): Promise<RowEncoder> {
  const script = new URL('./encode-worker.js', import.meta.url);
  const workers = await WorkerPool.start<EncodeJob, EncodeReady, EncodeDone>(script, setups);
  const { dim } = await workers.ready;
  return {
    dim,
    encodeRows: (texts, role, onRows) => encodeRows(workers, setups.length, texts, role, onRows),
    close: () => workers.close(),
  };
}

/** An encoder without a store, its model loaded. @throws HnMineError `model` or `device` */
export async function startEncoder(plan: EncoderPlan): Promise<Encoder> {
  const started = await startRowEncoder(plan);
  return createStoredEncoder(async () => started, undefined);
}

function resolveMaxLength(
  role: Role,
  config: MineConfig,
  { maxLength, maxPositions }: ModelSettings,
): number | undefined {
  const flag = role === 'query' ? config.queryMaxLength : config.passageMaxLength;
  if (flag !== undefined && maxPositions !== undefined && flag > maxPositions) {
    throw new HnMineError('model', `--${role}-max-length ${flag}: the model has positions for ${maxPositions} tokens`);
  }
  return flag ?? maxLength;
}

async function encodeRows(
  workers: WorkerPool<EncodeJob, EncodeReady, EncodeDone>,
  workerCount: number,
  texts: readonly string[],
  role: Role,
  onRows: OnRows,
): Promise<void> {
  const lengths = Int32Array.from(texts, (text) => text.length);
  await runJobs(cutJobs(lengths), workerCount, async (places) => {
    const job = { texts: places.map((i) => texts[i] as string), role };
    const { vectors, isTruncated } = await workers.run(job);
    await onRows(places, vectors, isTruncated);
  });
}
