import type { MineConfig } from '../config/config.js';
import type { ModelFiles } from './model-files.js';
import type { Batching } from './token-graph.js';
import type { Tokens } from './tokenizer.js';

/** How large a batch may be. */
export interface BatchLimits {
  /** Tokens, padding included. */
  readonly batchTokens: number;
  /** Texts, instead. */
  readonly batchSize: number | undefined;
  /** Activations are quantized over a whole batch: see `quantizesBatch`. */
  readonly quantizesBatch: boolean;
}

/** A GPU is idle in smaller batches. */
const GPU_BATCH_TOKENS = 16_384;

/** The limits that a user set, or that suit the device. */
export function resolveBatchLimits(
  { batchTokens, batchSize, gpu }: Pick<MineConfig, 'batchTokens' | 'batchSize' | 'gpu'>,
  quantizesBatch: boolean,
): BatchLimits {
  return { batchTokens: gpu ? Math.max(batchTokens, GPU_BATCH_TOKENS) : batchTokens, batchSize, quantizesBatch };
}

/** What a user should know where they asked for batches that change results. */
export function noteUnreproducible({ batchSize = 1, quantizesBatch }: BatchLimits, { name }: ModelFiles): string[] {
  if (!quantizesBatch || batchSize === 1) return [];
  return [
    `--batch-size ${batchSize}: what the graph of ${name} gives depends on the batch, so the output is not reproducible`,
  ];
}

/** Batches of texts of like length, longest first, each padded to at most `batchTokens` (or of `batchSize` texts). */
export function cutBatches(tokens: readonly Tokens[], limits: BatchLimits, batching: Batching): number[][] {
  const lengthOf = (text: number) => tokens[text]?.ids.length ?? 0;
  const mayJoin = (batch: readonly number[], text: number) => {
    const length = lengthOf(batch[0] as number);
    if (batching === 'single' || (batching === 'equal length' && lengthOf(text) !== length)) return false;
    if (limits.batchSize !== undefined) return batch.length < limits.batchSize;
    return !limits.quantizesBatch && (batch.length + 1) * length <= limits.batchTokens;
  };
  const order = tokens.map((_, text) => text).sort((a, b) => lengthOf(b) - lengthOf(a));
  const batches: number[][] = [];
  for (const text of order) {
    const last = batches.at(-1);
    if (last && mayJoin(last, text)) last.push(text);
    else batches.push([text]);
  }
  return batches;
}
