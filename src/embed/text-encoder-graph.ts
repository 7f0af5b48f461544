import { HnMineError } from '../errors.js';
import { ENCODING } from '../model/model-files.js';
import {
  type Batching,
  type FeedSettings,
  isHalfPrecision,
  makeFeeds,
  refuseUnknownInputs,
  type TokenInput,
} from '../model/token-graph.js';
import { type Session, type TensorInfo, toFloat32 } from '../onnx/session.js';

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
  run(batch: readonly TokenInput[]): Promise<GraphOutput>;
}

/** Where token vectors are pooled. */
export interface PoolingPlace {
  /** Here, even where the graph has a pooled output. */
  readonly poolHere: boolean;
  /** A graph that pools is refused. */
  readonly mustPoolHere: boolean;
}

/**
 * @throws HnMineError `model` where the graph wants or gives something that a text encoder's does not
 */
export function wrapEncoderGraph(
  session: Session,
  name: string,
  feeding: Omit<FeedSettings, 'padding'>,
  where: PoolingPlace,
): EncoderGraph {
  refuseUnknownInputs(session.inputs, name, ENCODING);
  const output = chooseOutput(session.outputs, name, where);
  const pools = output.shape.length === 2;
  return {
    pools,
    batching: pools ? 'single' : isHalfPrecision(session, output) ? 'equal length' : 'padded',
    async run(batch) {
      const feeds = makeFeeds(session.inputs, batch, { ...feeding, padding: 0 });
      const results = await session.run(feeds, [output.name]);
      const tensor = results[output.name];
      if (!tensor) throw new HnMineError('model', `${name}: the graph gave no ${output.name}`);
      return {
        data: toFloat32(tensor),
        width: tensor.dims.at(-1) as number,
        rowsPerText: pools ? 1 : (tensor.dims[1] as number),
      };
    },
  };
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
