import { open } from 'node:fs/promises';
import type { Machine } from '../machine.js';
import type { SessionPlace } from '../onnx/session.js';
import { type ModelFiles, measureGraph } from './model-files.js';

/** The share of memory that copies of a model may take, and what a copy takes beside its weights. */
const MODEL_SHARE = 0.5;
const COPY_OVERHEAD = 1.25;
const WORKER_BYTES = 150e6;

/** The mark of activations quantized over a whole batch. */
const WHOLE_TENSOR_QUANTIZATION = 'DynamicQuantizeLinear';

/** What a user allows a model to use. */
export interface PlaceSettings {
  readonly workers?: number | undefined;
  readonly gpu?: readonly number[] | undefined;
}

/** A copy of the model for each core with one thread each; fewer copies with more threads where memory is short. */
export function planPlaces(files: ModelFiles, settings: PlaceSettings, machine: Machine): SessionPlace[] {
  if (settings.gpu) return settings.gpu.map((gpu) => ({ gpu, threads: 1 }));
  const threads = settings.workers ?? machine.cores;
  const copyBytes = measureGraph(files) * COPY_OVERHEAD + WORKER_BYTES;
  const copies = Math.max(1, Math.min(threads, Math.floor((machine.memory * MODEL_SHARE) / copyBytes)));
  return Array.from({ length: copies }, (_, i) => ({ threads: Math.floor((threads + i) / copies) }));
}

/** Whether a graph quantizes activations over a whole batch, so that a text's result depends on its neighbours. */
export async function quantizesBatch(graphFile: string): Promise<boolean> {
  const mark = WHOLE_TENSOR_QUANTIZATION;
  const file = await open(graphFile);
  try {
    const buffer = Buffer.alloc(1 << 22);
    for (let position = 0; ; position += buffer.length - mark.length) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (buffer.subarray(0, bytesRead).includes(mark)) return true;
      if (bytesRead < buffer.length) return false;
    }
  } finally {
    await file.close();
  }
}
