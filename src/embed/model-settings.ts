import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HnMineError } from '../errors.js';
import type { ModelFiles } from '../model/model-files.js';
import { kindOf, missing, readJson } from '../model/setting-files.js';
import { readModelConfig, readTokenSettings, type TokenSettings } from '../model/token-settings.js';
import type { PoolingMode } from './pooling.js';

/** A step after pooling, in the order of `modules.json`. */
export type PostStep =
  | { readonly kind: 'normalize' }
  | { readonly kind: 'dense'; readonly weights: string; readonly activation: string; readonly hasBias: boolean };

/** What a model's folder says of how its vectors are made. */
export interface ModelSettings extends TokenSettings {
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
  hidden_size: count,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count,
});
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
export function readModelSettings(files: ModelFiles): ModelSettings {
  const modules = readJson(files, 'modules.json', moduleList) ?? [];
  const transformer = modules.find((module) => kindOf(module.type) === 'Transformer')?.path ?? '';
  const tokens = readTokenSettings(files, transformer);
  const config = readModelConfig(files, transformer, modelConfig);
  const prompts = readJson(files, 'config_sentence_transformers.json', promptConfig) ?? {};
  const pooling = modules.find((module) => kindOf(module.type) === 'Pooling');
  const poolingFile = pooling && readJson(files, join(pooling.path, 'config.json'), poolingConfig);
  const heads = config.num_attention_heads ?? undefined;
  return {
    ...tokens,
    poolings: poolingFile && readPoolings(poolingFile, `${files.name}/${pooling?.path}/config.json`),
    poolsPrompt: poolingFile?.include_prompt !== false,
    steps: modules.flatMap((module) => readStep(files, module)),
    prompts: prompts.prompts ?? {},
    defaultPrompt: prompts.default_prompt_name ?? undefined,
    cacheHeads: config.num_key_value_heads ?? heads,
    cacheHeadSize: config.head_dim ?? (config.hidden_size && heads ? config.hidden_size / heads : undefined),
  };
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

function readStep(files: ModelFiles, { path, type }: { path: string; type: string }): PostStep[] {
  const { folder, name } = files;
  const kind = kindOf(type);
  if (kind === 'Transformer' || kind === 'Pooling' || kind === 'Dropout') return [];
  if (kind === 'Normalize') return [{ kind: 'normalize' }];
  if (kind !== 'Dense')
    throw new HnMineError('model', `${name}/modules.json: modules of type ${type} are not supported`);
  const config = readJson(files, join(path, 'config.json'), denseConfig) ?? {};
  const weights = join(folder, path, 'model.safetensors');
  if (!existsSync(weights))
    throw missing(files, `${path}/model.safetensors`, 'save the model again with safe_serialization=True');
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
