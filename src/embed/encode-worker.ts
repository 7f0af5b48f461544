import { workerData } from 'node:worker_threads';
import { type BatchLimits, cutBatches } from '../model/token-batches.js';
import { describeGraphFailure, type TokenInput } from '../model/token-graph.js';
import { readTokenizer } from '../model/token-settings.js';
import { createTokenizer, type TextTokenizer } from '../model/tokenizer.js';
import { refuseForeignGraph, refuseForeignTokenizer } from '../model/vocabulary.js';
import { serveJobs } from '../onnx/serve-jobs.js';
import { openSession, type SessionPlace } from '../onnx/session.js';
import { type Dense, readDense } from './dense.js';
import type { Role } from './encoder.js';
import type { ModelSettings } from './model-settings.js';
import { describeUnusable, normalizeVector, type PoolingMode, poolTokens, unusableEmbedding } from './pooling.js';
import type { Prompt } from './prompts.js';
import { type EncoderGraph, type GraphOutput, wrapEncoderGraph } from './text-encoder-graph.js';

/** What a worker is started with. */
export interface EncodeSetup extends BatchLimits {
  readonly name: string;
  readonly graphFile: string;
  readonly place: SessionPlace;
  readonly settings: ModelSettings;
  readonly roles: Readonly<Record<Role, RoleSettings>>;
  readonly poolings: readonly PoolingMode[];
  /** Whether how to pool is known: by the model's files or a flag. Else a pooled output of the graph is taken. */
  readonly poolHere: boolean;
  /** Whether a flag says how to pool, so that a graph without token vectors is refused. */
  readonly mustPoolHere: boolean;
  readonly normalize: boolean;
}

export interface RoleSettings {
  readonly prompt: Prompt;
  readonly maxLength: number | undefined;
}

export interface EncodeJob {
  readonly texts: readonly string[];
  readonly role: Role;
}

export interface EncodeReady {
  readonly dim: number;
}

export interface EncodeDone {
  /** One after the other, in the job's order. */
  readonly vectors: Float32Array;
  /** For each text of the job, whether it was longer than the model reads. */
  readonly isTruncated: readonly boolean[];
}

type Step = Dense | 'normalize';

await serveJobs<EncodeJob, EncodeReady, EncodeDone>(async () => {
  const setup = workerData as EncodeSetup;
  const { settings } = setup;
  const tokenizer = createTokenizer(readTokenizer(settings.tokenizer), settings.tokenizer.name);
  refuseForeignTokenizer(setup.name, settings, tokenizer);
  const session = await openSession(setup.graphFile, setup.place);
  const graph = wrapEncoderGraph(session, setup.name, settings, setup);
  const steps = settings.steps.map((step): Step => (step.kind === 'dense' ? readDense(step) : 'normalize'));
  const finish = createFinish(setup, graph.pools, steps);
  const skips = {
    query: await countPromptTokens(setup, tokenizer, 'query'),
    passage: await countPromptTokens(setup, tokenizer, 'passage'),
  };
  await refuseForeignGraph(setup.name, (batch) => runGraph(graph, batch, setup.name), tokenizer);
  const [probe] = await tokenizer.tokenize(['a'], undefined);
  const dim = finish(await runGraph(graph, [probe ?? { ids: [] }], setup.name), 0, probe?.ids.length ?? 0, 0).length;
  return {
    ready: { dim },
    async serve({ texts, role }) {
      const { prompt, maxLength } = setup.roles[role];
      const vectors = new Float32Array(texts.length * dim);
      const tokens = await tokenizer.tokenize(
        texts.map((text) => prompt.before + text + prompt.after),
        maxLength,
      );
      for (const batch of cutBatches(tokens, setup, graph.batching)) {
        const output = await runGraph(
          graph,
          batch.map((i) => tokens[i] as TokenInput),
          setup.name,
        );
        batch.forEach((text, i) => {
          const vector = finish(output, i, tokens[text]?.ids.length ?? 0, skips[role]);
          refuseUnusable(vector, setup.name, role, texts[text] as string);
          vectors.set(vector, text * dim);
        });
      }
      const isTruncated = tokens.map((one) => one.isTruncated);
      return { result: { vectors, isTruncated }, transfer: [vectors.buffer] };
    },
  };
});

/** The tokens before a text's own, where the model does not pool its prompt; a closing special token is not one. */
async function countPromptTokens(
  { settings, roles }: EncodeSetup,
  tokenizer: TextTokenizer,
  role: Role,
): Promise<number> {
  const { prompt } = roles[role];
  if (settings.poolsPrompt || prompt.before === '') return 0;
  const [tokens, empty] = await tokenizer.tokenize([prompt.before, ''], undefined);
  const ids = tokens?.ids ?? [];
  const isClosed = ids.length > 0 && ids.at(-1) === empty?.ids.at(-1);
  return isClosed ? ids.length - 1 : ids.length;
}

async function runGraph(graph: EncoderGraph, batch: readonly TokenInput[], name: string): Promise<GraphOutput> {
  try {
    return await graph.run(batch);
  } catch (cause) {
    throw describeGraphFailure(cause, name, `${batch.length} texts`);
  }
}

/** From a batch's output to the vector of its text number `i`, of `length` tokens: pooling, Dense, normalization. */
function createFinish(setup: EncodeSetup, isPooled: boolean, steps: readonly Step[]) {
  return (output: GraphOutput, i: number, length: number, skip: number): Float32Array => {
    const { data, width, rowsPerText } = output;
    const start = i * rowsPerText * width;
    if (isPooled) {
      const vector = data.slice(start, start + width);
      if (setup.normalize) normalizeVector(vector);
      return vector;
    }
    let vector = poolTokens({ data, start, count: length, width, skip }, setup.poolings);
    for (const step of steps) {
      if (step === 'normalize') normalizeVector(vector);
      else vector = step.apply(vector);
    }
    if (setup.normalize) normalizeVector(vector);
    return vector;
  };
}

function refuseUnusable(vector: Float32Array, name: string, role: Role, text: string): void {
  const found = describeUnusable(vector);
  if (found !== undefined) throw unusableEmbedding(name, role, text, found);
}
