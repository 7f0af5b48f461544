import { HnMineError } from '../errors.js';
import { emptyTensor, int64Tensor, type Session, type TensorInfo, toFloat32 } from '../onnx/session.js';

/** A graph's answer to a batch: token vectors to pool, or finished vectors. */
export interface GraphOutput {
  readonly data: Float32Array;
  /** Of one vector. */
  readonly width: number;
  /** Vectors of each text: the padded length, or 1 where the graph pools. */
  readonly rowsPerText: number;
}

/** Runs a text encoder's graph with the inputs that it declares. */
export interface EncoderGraph {
  /** Whether the graph gives one vector a text. */
  readonly pools: boolean;
  readonly batching: Batching;
  run(batch: readonly (readonly number[])[]): Promise<GraphOutput>;
}

/**
 * Which texts may share a batch without changing a bit of each other's vectors (measured on CPU): any, where padding is
 * masked out exactly; those of equal length, where half precision rounds sums that padding reorders; none, where the graph
 * itself pools, since its reductions depend on the shape of the batch.
 */
export type Batching = 'padded' | 'equal length' | 'single';

/** Where token vectors are pooled. */
export interface PoolingPlace {
  /** Here, even where the graph has a pooled output. */
  readonly poolHere: boolean;
  /** A graph that pools is refused. */
  readonly mustPoolHere: boolean;
}

/** What graphs of one kind want besides tokens: see `ModelSettings`. */
export interface CacheShape {
  readonly cacheHeads: number | undefined;
  readonly cacheHeadSize: number | undefined;
}

const HALF_PRECISION = /fp16|q4f16|bf16/;

type Feeds = Parameters<Session['run']>[0];

/**
 * @throws HnMineError `model` where the graph wants or gives something that a text encoder's does not
 */
export function wrapEncoderGraph(session: Session, name: string, cache: CacheShape, where: PoolingPlace): EncoderGraph {
  for (const input of session.inputs) refuseUnknownInput(input, name);
  const output = chooseOutput(session.outputs, name, where);
  const pools = output.shape.length === 2;
  const isHalf = output.type === 'float16' || HALF_PRECISION.test(session.file);
  return {
    pools,
    batching: pools ? 'single' : isHalf ? 'equal length' : 'padded',
    async run(batch) {
      const length = Math.max(...batch.map((ids) => ids.length));
      const results = await session.run(makeFeeds(session.inputs, batch, length, cache), [output.name]);
      const tensor = results[output.name];
      if (!tensor) throw new HnMineError('model', `${name}: the graph gave no ${output.name}`);
      return { data: toFloat32(tensor), width: tensor.dims.at(-1) as number, rowsPerText: pools ? 1 : length };
    },
  };
}

function refuseUnknownInput({ name: input, type }: TensorInfo, name: string): void {
  const isKnown = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].includes(input);
  if (input.startsWith('past_key_values.') || (isKnown && type === 'int64')) return;
  const found = isKnown ? `${input} as ${type}` : input;
  throw new HnMineError(
    'model',
    `${name}: the graph wants ${found}, which a text encoder does not have; export it with --task feature-extraction`,
  );
}

function chooseOutput(
  outputs: readonly TensorInfo[],
  name: string,
  { poolHere, mustPoolHere }: PoolingPlace,
): TensorInfo {
  const named = (wanted: string) => outputs.find((output) => output.name === wanted);
  const tokens = named('last_hidden_state') ?? outputs.find((output) => output.shape.length === 3);
  const pooled = named('sentence_embedding');
  const chosen = poolHere ? (tokens ?? (mustPoolHere ? undefined : pooled)) : (pooled ?? tokens);
  if (chosen) return chosen;
  const found = outputs.map((output) => `${output.name} [${output.shape.join(', ')}]`).join(', ');
  throw new HnMineError(
    'model',
    `${name}: the graph has no token vectors to pool (found ${found}); is it an embedding model?`,
  );
}

/** Padding goes to the right and its token is 0: behind the mask its value is never read. */
function makeFeeds(
  inputs: readonly TensorInfo[],
  batch: readonly (readonly number[])[],
  length: number,
  cache: CacheShape,
): Feeds {
  const dims = [batch.length, length];
  const fill = (valueAt: (ids: readonly number[], i: number) => number) => {
    const data = new BigInt64Array(batch.length * length);
    batch.forEach((ids, row) => {
      for (let i = 0; i < ids.length; i++) data[row * length + i] = BigInt(valueAt(ids, i));
    });
    return int64Tensor(data, dims);
  };
  const make = ({ name, type }: TensorInfo) => {
    if (name === 'input_ids') return fill((ids, i) => ids[i] as number);
    if (name === 'attention_mask') return fill(() => 1);
    if (name === 'position_ids') return fill((_, i) => i);
    if (name === 'token_type_ids') return fill(() => 0);
    return emptyTensor(type, [batch.length, cache.cacheHeads ?? 1, 0, cache.cacheHeadSize ?? 1]);
  };
  return Object.fromEntries(inputs.map((input) => [input.name, make(input)]));
}
