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
