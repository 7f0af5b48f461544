import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import type { Machine } from '../machine.js';
import { WorkerPool } from '../onnx/worker-pool.js';
import type { EncodeDone, EncodeJob, EncodeReady, EncodeSetup, RoleSettings } from './encode-worker.js';
import type { Encoder, Role } from './encoder.js';
import { type ModelFiles, measureGraph } from './model-files.js';
import { type ModelSettings, readModelSettings } from './model-settings.js';
import { resolvePrompts } from './prompts.js';
import { createStoredEncoder, type OnRows, type RowEncoder } from './stored-encoder.js';

/** What was decided before the model is loaded. */
export interface EncoderPlan {
  readonly setups: readonly EncodeSetup[];
  /** What a user should know of these decisions, a line each. */
  readonly notes: readonly string[];
}

/** About what a batch of one job costs: small enough for progress and for cores that end together. */
const JOB_TOKENS = 4096;
const JOB_TEXTS = 256;
const CHARACTERS_A_TOKEN = 4;

const GPU_BATCH_TOKENS = 16_384;

/** The share of memory that copies of a model may take, and what a copy takes beside its weights. */
const MODEL_SHARE = 0.5;
const COPY_OVERHEAD = 1.25;
const WORKER_BYTES = 150e6;

/** The mark of activations quantized over a whole batch, whose vectors depend on their neighbours. */
const WHOLE_TENSOR_QUANTIZATION = 'DynamicQuantizeLinear';

/**
 * Reads a model's settings and decides how it will run; loads nothing.
 *
 * @throws HnMineError `model` where a file is missing or odd, or a length exceeds the model's positions
 */
export async function planEncoder(files: ModelFiles, config: MineConfig, machine: Machine): Promise<EncoderPlan> {
  const settings = readModelSettings(files);
  const prompts = resolvePrompts(config, settings);
  const graphFile = join(files.folder, files.graph);
  const quantizesBatch = await fileContains(graphFile, WHOLE_TENSOR_QUANTIZATION);
  const notes = (['query', 'passage'] as const).flatMap((role) => {
    const { name, before } = prompts[role];
    return name === undefined || before === ''
      ? []
      : [`${role} prompt "${name}" of the model: ${JSON.stringify(before)}`];
  });
  if (config.model !== undefined && config.dtype === undefined && basename(files.graph) !== 'model.onnx') {
    notes.push(`${files.name}: takes ${files.graph}, the only graph there`);
  }
  if (quantizesBatch && (config.batchSize ?? 1) > 1) {
    notes.push(
      `--batch-size ${config.batchSize}: vectors of this graph depend on their batch, so the output is not reproducible`,
    );
  }
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
    batchTokens: config.gpu ? Math.max(config.batchTokens, GPU_BATCH_TOKENS) : config.batchTokens,
    batchSize: config.batchSize,
    quantizesBatch,
  };
  return { setups: planPlaces(files, config, machine).map((place) => ({ ...shared, place })), notes };
}

/** Starts the workers and loads the model in each. @throws HnMineError `model` or `device` */
export async function startRowEncoder({ setups }: EncoderPlan): Promise<RowEncoder> {
  const script = new URL('./encode-worker.js', import.meta.url);
  const workers = new WorkerPool<EncodeJob, EncodeReady, EncodeDone>(script, setups);
  try {
    const { dim } = await workers.ready;
    return {
      dim,
      encodeRows: (texts, role, onRows) => encodeRows(workers, setups.length, texts, role, onRows),
      close: () => workers.close(),
    };
  } catch (error) {
    await workers.close();
    throw error;
  }
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

/** A copy of the model for each core with one thread each; fewer copies with more threads where memory is short. */
function planPlaces(files: ModelFiles, config: MineConfig, machine: Machine): EncodeSetup['place'][] {
  if (config.gpu) return config.gpu.map((gpu) => ({ gpu, threads: 1 }));
  const threads = config.workers ?? machine.cores;
  const copyBytes = measureGraph(files) * COPY_OVERHEAD + WORKER_BYTES;
  const copies = Math.max(1, Math.min(threads, Math.floor((machine.memory * MODEL_SHARE) / copyBytes)));
  return Array.from({ length: copies }, (_, i) => ({ threads: Math.floor((threads + i) / copies) }));
}

async function encodeRows(
  workers: WorkerPool<EncodeJob, EncodeReady, EncodeDone>,
  workerCount: number,
  texts: readonly string[],
  role: Role,
  onRows: OnRows,
): Promise<void> {
  const jobs = cutJobs(texts);
  const takeJobs = async () => {
    for (const places of jobs) {
      const job = { texts: places.map((i) => texts[i] as string), role };
      const { vectors, isTruncated } = await workers.run(job);
      await onRows(places, vectors, isTruncated);
    }
  };
  await Promise.all(Array.from({ length: 2 * workerCount }, takeJobs));
}

/** Longest texts first: batches hold texts of like length, and the last jobs are the shortest. */
function* cutJobs(texts: readonly string[]): Generator<number[]> {
  let job: number[] = [];
  let tokens = 0;
  for (const row of orderByLength(texts)) {
    job.push(row);
    tokens += 2 + (texts[row] as string).length / CHARACTERS_A_TOKEN;
    if (tokens < JOB_TOKENS && job.length < JOB_TEXTS) continue;
    yield job;
    job = [];
    tokens = 0;
  }
  if (job.length > 0) yield job;
}

/** A counting sort, stable, descending: a million texts take milliseconds. */
function orderByLength(texts: readonly string[]): Int32Array {
  const longest = 1 << 16;
  const keyOf = (text: string) => longest - Math.min(text.length, longest);
  const starts = new Int32Array(longest + 2);
  for (const text of texts) starts[keyOf(text) + 1] = (starts[keyOf(text) + 1] as number) + 1;
  for (let key = 1; key < starts.length; key++) starts[key] = (starts[key] as number) + (starts[key - 1] as number);
  const order = new Int32Array(texts.length);
  texts.forEach((text, row) => {
    const key = keyOf(text);
    order[starts[key] as number] = row;
    starts[key] = (starts[key] as number) + 1;
  });
  return order;
}

async function fileContains(path: string, text: string): Promise<boolean> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(1 << 22);
    for (let position = 0; ; position += buffer.length - text.length) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (buffer.subarray(0, bytesRead).includes(text)) return true;
      if (bytesRead < buffer.length) return false;
    }
  } finally {
    await file.close();
  }
}
