import { HnMineError } from '../errors.js';
import { RERANKING } from '../model/model-files.js';
import {
  type Batching,
  isHalfPrecision,
  makeFeeds,
  refuseUnknownInputs,
  type TokenInput,
} from '../model/token-graph.js';
import { type Session, type TensorInfo, toFloat32 } from '../onnx/session.js';
import type { RerankerSettings } from './reranker-settings.js';

/** Runs a cross-encoder's graph with the inputs that it declares. */
export interface RerankerGraph {
  readonly batching: Batching;
  /** @returns the logit of each pair */
  run(batch: readonly TokenInput[]): Promise<Float32Array>;
}

/** @throws HnMineError `model` where the graph wants or gives something that a reranker's does not */
export function wrapRerankerGraph(
  session: Session,
  name: string,
  { padding, poolsTokens }: Pick<RerankerSettings, 'padding' | 'poolsTokens'>,
): RerankerGraph {
  refuseUnknownInputs(session.inputs, name, RERANKING);
  const output = chooseOutput(session.outputs, name);
  const isExactPadded = padding !== undefined && !isHalfPrecision(session, output);
  return {
    batching: poolsTokens ? 'single' : isExactPadded ? 'padded' : 'equal length',
    async run(batch) {
      const feeds = makeFeeds(session.inputs, batch, { padding: padding ?? 0 });
      const tensor = (await session.run(feeds, [output.name]))[output.name];
      if (tensor?.dims.length !== 2 || tensor.dims[1] !== 1) throw noLogits(name, output.name, tensor?.dims ?? []);
      return toFloat32(tensor);
    },
  };
}

function chooseOutput(outputs: readonly TensorInfo[], name: string): TensorInfo {
  const chosen = outputs.find((output) => output.name === 'logits') ?? outputs[0];
  const labels = chosen?.shape[1];
  if (chosen?.shape.length === 2 && (typeof labels !== 'number' || labels === 1 || labels < 0)) return chosen;
  throw noLogits(name, chosen?.name ?? 'nothing', chosen?.shape ?? []);
}

function noLogits(name: string, output: string, shape: readonly (number | string)[]): HnMineError {
  return new HnMineError(
    'model',
    `${name}: a reranker's graph gives logits [batch, 1] (found ${output} [${shape.join(', ')}]); take a cross-encoder with one label, exported with --task ${RERANKING.exportTask}`,
  );
}
