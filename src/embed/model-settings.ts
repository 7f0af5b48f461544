import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HnMineError, reasonOf } from '../errors.js';
import type { ModelFiles } from './model-files.js';
import type { PoolingMode } from './pooling.js';

/** A step after pooling, in the order of `modules.json`. */
export type PostStep =
  | { readonly kind: 'normalize' }
  | { readonly kind: 'dense'; readonly weights: string; readonly activation: string; readonly hasBias: boolean };

/** Where the tokenizer is read from, by each worker for itself: many megabytes of JSON would block the main thread. */
export interface TokenizerSource {
  readonly file: string;
  /** What messages call the file. */
  readonly name: string;
  /** Whether texts are lower-cased before the tokenizer's own normalizer. */
  readonly lowerCase: boolean;
}

/** What a model's folder says of how its vectors are made. */
export interface ModelSettings {
  readonly tokenizer: TokenizerSource;
  /** Tokens that are read of a text, special ones included. */
  readonly maxLength: number | undefined;
  /** The most tokens that the model has positions for. */
  readonly maxPositions: number | undefined;
  readonly vocabularySize: number | undefined;
  /** Nothing where no file says: then the graph's pooled output is taken, or the mean. */
  readonly poolings: readonly PoolingMode[] | undefined;
  /** Whether the tokens of the prompt count in pooling. */
  readonly poolsPrompt: boolean;
  readonly steps: readonly PostStep[];
  readonly prompts: Readonly<Record<string, string>>;
  /** The name of the prompt for texts without one of their own. */
  readonly defaultPrompt: string | undefined;
  /** The shape of one layer's empty cache, for graphs that want one. */
  readonly cacheHeads: number | undefined;
  readonly cacheHeadSize: number | undefined;
}

const count = z.number().int().positive().nullish();

const modelConfig = z.looseObject({
  vocab_size: count,
  max_position_embeddings: count,
  model_type: z.string().nullish(),
  hidden_size: count,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count,
  pad_token_id: z.number().nullish(),
});
const tokenizerConfig = z.looseObject({ model_max_length: z.number().nullish() });
const transformerConfig = z.looseObject({ max_seq_length: count, do_lower_case: z.boolean().nullish() });
const promptConfig = z.looseObject({
  prompts: z.record(z.string(), z.string()).nullish(),
  default_prompt_name: z.string().nullish(),
});
const moduleList = z.array(z.looseObject({ path: z.string(), type: z.string() }));
const poolingConfig = z.looseObject({
  pooling_mode: z.union([z.string(), z.array(z.string())]).nullish(),
  include_prompt: z.boolean().nullish(),
});
const denseConfig = z.looseObject({
  bias: z.boolean().nullish(),
  activation_function: z.string().nullish(),
  module_input_name: z.string().nullish(),
  use_residual: z.boolean().nullish(),
});

/** In the order in which the library concatenates them where the older layout names several. */
const LEGACY_POOLING_FLAGS: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};

const POOLING_NAMES: Readonly<Record<string, PoolingMode>> = {
  cls: 'cls',
  max: 'max',
  mean: 'mean',
  mean_sqrt_len: 'mean_sqrt_len',
  mean_sqrt_len_tokens: 'mean_sqrt_len',
  weightedmean: 'weightedmean',
  lasttoken: 'lasttoken',
};

/**
 * Reads the files of Transformers and sentence-transformers (older and current layout). Without the latter's, pooling is
 * the mean, as that library has it.
 *
 * @throws HnMineError `model`, naming the file that is missing or odd
 */
export function readModelSettings({ name, folder }: ModelFiles): ModelSettings {
  const read = <T>(file: string, schema: z.ZodType<T>) => readJson(folder, name, file, schema);
  const modules = read('modules.json', moduleList) ?? [];
  const transformer = modules.find((module) => kindOf(module.type) === 'Transformer')?.path ?? '';
  const config = read(join(transformer, 'config.json'), modelConfig) ?? read('config.json', modelConfig);
  if (config === undefined) throw missing(name, 'config.json', "copy it from the model's repository");
  const base = read(join(transformer, 'sentence_bert_config.json'), transformerConfig) ?? {};
  const tokenizer = read(join(transformer, 'tokenizer_config.json'), tokenizerConfig) ?? {};
  const prompts = read('config_sentence_transformers.json', promptConfig) ?? {};
  const pooling = modules.find((module) => kindOf(module.type) === 'Pooling');
  const poolingFile = pooling && read(join(pooling.path, 'config.json'), poolingConfig);
  const maxPositions = countPositions(config);
  const heads = config.num_attention_heads ?? undefined;
  return {
    tokenizer: findTokenizer(folder, name, transformer, base.do_lower_case === true),
    maxLength: base.max_seq_length ?? smaller(readLimit(tokenizer.model_max_length), maxPositions),
    maxPositions,
    vocabularySize: config.vocab_size ?? undefined,
    poolings: poolingFile && readPoolings(poolingFile, `${name}/${pooling?.path}/config.json`),
    poolsPrompt: poolingFile?.include_prompt !== false,
    steps: modules.flatMap((module) => readStep(folder, name, module)),
    prompts: prompts.prompts ?? {},
    defaultPrompt: prompts.default_prompt_name ?? undefined,
    cacheHeads: config.num_key_value_heads ?? heads,
    cacheHeadSize: config.head_dim ?? (config.hidden_size && heads ? config.hidden_size / heads : undefined),
  };
}

function readJson<T>(folder: string, name: string, file: string, schema: z.ZodType<T>): T | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
  return parseJson(text, `${name}/${file}`, schema);
}

function parseJson<T>(text: string, place: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HnMineError('model', `${place}: not valid JSON (${reasonOf(cause)})`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.length ? ` "${issue.path.join('.')}":` : '';
  throw new HnMineError('model', `${place}:${field} ${issue?.message}`);
}

function missing(name: string, file: string, advice: string): HnMineError {
  return new HnMineError('model', `${name}: ${file} is missing; ${advice}`);
}

/** The last word of a module's Python path: `sentence_transformers.models.Pooling` and the longer current form alike. */
function kindOf(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** Tokenizers without a limit are saved with 10^30. */
function readLimit(length: number | null | undefined): number | undefined {
  return length == null || length > 2 ** 31 - 1 ? undefined : length;
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  const least = Math.min(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(least) ? least : undefined;
}

/** RoBERTa and its kin keep the positions up to their padding token's for padding. */
function countPositions(config: z.output<typeof modelConfig>): number | undefined {
  const positions = config.max_position_embeddings ?? undefined;
  const isOffset = ['roberta', 'xlm-roberta', 'camembert', 'mpnet'].includes(config.model_type ?? '');
  return positions !== undefined && isOffset ? positions - 1 - (config.pad_token_id ?? 1) : positions;
}

function findTokenizer(folder: string, name: string, transformer: string, lowerCase: boolean): TokenizerSource {
  const found = ['', transformer]
    .map((below) => join(below, 'tokenizer.json'))
    .find((file) => existsSync(join(folder, file)));
  if (found !== undefined) return { file: join(folder, found), name: `${name}/${found}`, lowerCase };
  const advice = 'save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)';
  throw missing(name, 'tokenizer.json', advice);
}

/**
 * The text of a `tokenizer.json` without its own truncation and padding, which stem from earlier use: this program sets its
 * own.
 *
 * @throws HnMineError `model` where the file is no JSON object
 */
export function readTokenizer({ file, name, lowerCase }: TokenizerSource): string {
  const schema = z.looseObject({ normalizer: z.unknown().optional() });
  const tokenizer = parseJson(readFileSync(file, 'utf8'), name, schema);
  const own = tokenizer.normalizer == null ? [] : [tokenizer.normalizer];
  const normalizer = lowerCase
    ? { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...own] }
    : tokenizer.normalizer;
  return JSON.stringify({ ...tokenizer, normalizer, truncation: null, padding: null });
}

function readPoolings(config: z.output<typeof poolingConfig>, file: string): PoolingMode[] {
  const legacy = Object.keys(LEGACY_POOLING_FLAGS).filter((flag) => config[flag] === true);
  const names =
    config.pooling_mode == null
      ? legacy.map((flag) => LEGACY_POOLING_FLAGS[flag] as string)
      : [config.pooling_mode].flat();
  return (names.length === 0 ? ['mean'] : names).map((mode) => {
    const known = POOLING_NAMES[mode];
    if (known === undefined)
      throw new HnMineError('model', `${file}: pooling "${mode}" is not known; choose one with --pooling`);
    return known;
  });
}

function readStep(folder: string, name: string, { path, type }: { path: string; type: string }): PostStep[] {
  const kind = kindOf(type);
  if (kind === 'Transformer' || kind === 'Pooling' || kind === 'Dropout') return [];
  if (kind === 'Normalize') return [{ kind: 'normalize' }];
  if (kind !== 'Dense')
    throw new HnMineError('model', `${name}/modules.json: modules of type ${type} are not supported`);
  const config = readJson(folder, name, join(path, 'config.json'), denseConfig) ?? {};
  const weights = join(folder, path, 'model.safetensors');
  if (!existsSync(weights))
    throw missing(name, `${path}/model.safetensors`, 'save the model again with safe_serialization=True');
  if ((config.module_input_name ?? 'sentence_embedding') !== 'sentence_embedding' || config.use_residual === true) {
    throw new HnMineError('model', `${name}/${path}/config.json: only a plain Dense layer after pooling is supported`);
  }
  return [
    {
      kind: 'dense',
      weights,
      activation: kindOf(config.activation_function ?? 'Tanh'),
      hasBias: config.bias !== false,
    },
  ];
}
