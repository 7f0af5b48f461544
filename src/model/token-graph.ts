import { HnMineError } from '../errors.js';
import { emptyTensor, int64Tensor, type Session, type TensorInfo } from '../onnx/session.js';
import type { ModelTask } from './model-files.js';
import type { Tokens } from './tokenizer.js';

/**
 * Which texts may share a batch without changing a bit of each other's results (measured on CPU): any, where padding is
 * masked out exactly; those of equal length, where half precision rounds sums that padding reorders; none, where the graph
 * itself pools tokens, since its reductions depend on the shape of the batch.
 */
export type Batching = 'padded' | 'equal length' | 'single';

/** What a graph is fed beside tokens. */
export interface FeedSettings {
  /** The token that fills shorter texts. Most graphs never read it behind the mask; some find a text's end by it. */
  readonly padding: number;
  /** The shape of one layer's empty cache, for graphs that want one. */
  readonly cacheHeads?: number | undefined;
  readonly cacheHeadSize?: number | undefined;
}

/** A text or pair as a graph is fed it. */
export type TokenInput = Pick<Tokens, 'ids' | 'typeIds'>;

export type Feeds = Parameters<Session['run']>[0];

const HALF_PRECISION = /fp16|q4f16|bf16/;

/** Whether sums are rounded to half precision on the way to an output. */
export function isHalfPrecision({ file }: Session, output: TensorInfo): boolean {
  return output.type === 'float16' || HALF_PRECISION.test(file);
}

/** @throws HnMineError `model` where the graph wants something that no text has */
export function refuseUnknownInputs(inputs: readonly TensorInfo[], name: string, task: ModelTask): void {
  for (const { name: input, type } of inputs) {
    const isKnown = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].includes(input);
    if (input.startsWith('past_key_values.') || (isKnown && type === 'int64')) continue;
    const found = isKnown ? `${input} as ${type}` : input;
    throw new HnMineError(
      'model',
      `${name}: the graph wants ${found}, which a ${task.noun} does not have; export it with --task ${task.exportTask}`,
    );
  }
}

/** Feeds a graph the inputs that it declares. Padding goes to the right. */
export function makeFeeds(
  inputs: readonly TensorInfo[],
  batch: readonly TokenInput[],
  { padding, cacheHeads, cacheHeadSize }: FeedSettings,
): Feeds {
  const length = Math.max(...batch.map(({ ids }) => ids.length));
  const dims = [batch.length, length];
  const fill = (valueAt: (text: TokenInput, i: number) => number | undefined, rest = 0) => {
    const data = new BigInt64Array(batch.length * length).fill(BigInt(rest));
    batch.forEach((text, row) => {
      for (let i = 0; i < text.ids.length; i++) data[row * length + i] = BigInt(valueAt(text, i) ?? 0);
    });
    return int64Tensor(data, dims);
  };
  const make = ({ name, type }: TensorInfo) => {
    if (name === 'input_ids') return fill(({ ids }, i) => ids[i], padding);
    if (name === 'attention_mask') return fill(() => 1);
    if (name === 'position_ids') return fill((_, i) => i);
    if (name === 'token_type_ids') return fill(({ typeIds }, i) => typeIds?.[i]);
    return emptyTensor(type, [batch.length, cacheHeads ?? 1, 0, cacheHeadSize ?? 1]);
  };
  return Object.fromEntries(inputs.map((input) => [input.name, make(input)]));
}

/** The error for a batch on which the graph failed. */
export function describeGraphFailure(cause: unknown, name: string, what: string): HnMineError {
  if (cause instanceof HnMineError) return cause;
  const reason = cause instanceof Error ? cause.message.replaceAll('\n', ' ') : String(cause);
  return new HnMineError('model', `${name}: the graph failed on ${what} (${reason})`, { cause });
}
