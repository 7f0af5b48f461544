import { describe, expect, it } from 'vitest';
import { type ModelSettings, readModelSettings } from '#dist/embed/model-settings.js';
import { readTokenizer } from '#dist/model/token-settings.js';
import { createTokenizer } from '#dist/model/tokenizer.js';
import {
  type FolderFiles,
  float32Bytes,
  makeModelFolder,
  packSafetensors,
  WORD_TOKENIZER,
} from '../model/model-folder.js';

const BASE: FolderFiles = {
  'config.json': { max_position_embeddings: 16, vocab_size: 10 },
  'tokenizer.json': WORD_TOKENIZER,
};

const OLD = 'sentence_transformers.models.';
const NEW = 'sentence_transformers.sentence_transformer.modules.';
const module = (type: string, path: string) => ({ idx: 0, name: '0', path, type });

const read = (files: FolderFiles): ModelSettings =>
  readModelSettings({ name: 'm', folder: makeModelFolder({ ...BASE, ...files }), graph: 'onnx/model.onnx' });

function refusalOf(files: FolderFiles): string {
  try {
    read(files);
  } catch (error) {
    expect(error).toMatchObject({ code: 'model' });
    return (error as Error).message;
  }
  return 'no error';
}

it('reads a plain Transformers folder', () => {
  expect(read({})).toMatchObject({
    maxLength: 16,
    maxPositions: 16,
    vocabularySize: 10,
    poolings: undefined,
    poolsPrompt: true,
    steps: [],
    prompts: {},
    defaultPrompt: undefined,
  });
});

describe('the length limit', () => {
  it.each<{ title: string; files: FolderFiles; maxLength: number | undefined }>([
    {
      title: 'that sentence-transformers has',
      files: { 'sentence_bert_config.json': { max_seq_length: 9 } },
      maxLength: 9,
    },
    {
      title: 'of the tokenizer, where that has none',
      files: { 'sentence_bert_config.json': {}, 'tokenizer_config.json': { model_max_length: 12 } },
      maxLength: 12,
    },
    {
      title: 'of the positions, where they are fewer',
      files: { 'tokenizer_config.json': { model_max_length: 512 } },
      maxLength: 16,
    },
    { title: 'of the positions alone', files: { 'tokenizer_config.json': { model_max_length: null } }, maxLength: 16 },
    {
      title: 'of the positions, where the tokenizer has the number that means none',
      files: { 'tokenizer_config.json': '{"model_max_length": 1000000000000000019884624838656}' },
      maxLength: 16,
    },
    {
      title: 'that is none, where nothing says',
      files: { 'config.json': {}, 'tokenizer_config.json': '{"model_max_length": 1000000000000000019884624838656}' },
      maxLength: undefined,
    },
    {
      title: "of RoBERTa's positions, less those up to the padding token's",
      files: { 'config.json': { model_type: 'xlm-roberta', max_position_embeddings: 514, pad_token_id: 1 } },
      maxLength: 512,
    },
    {
      title: "of MPNet's positions, whose padding token is not named",
      files: { 'config.json': { model_type: 'mpnet', max_position_embeddings: 514 } },
      maxLength: 512,
    },
    {
      title: "of BERT's positions, all of them",
      files: { 'config.json': { model_type: 'bert', max_position_embeddings: 512, pad_token_id: 0 } },
      maxLength: 512,
    },
  ])('is the one $title', ({ files, maxLength }) => {
    expect(read(files).maxLength).toBe(maxLength);
  });
});

describe('pooling', () => {
  const withPooling = (config: object, type = `${OLD}Pooling`) =>
    read({
      'modules.json': [module(`${OLD}Transformer`, ''), module(type, '1_Pooling')],
      '1_Pooling/config.json': config,
    });

  it.each([
    { config: { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, poolings: ['cls'] },
    { config: { pooling_mode_mean_tokens: true }, poolings: ['mean'] },
    { config: { pooling_mode_max_tokens: true }, poolings: ['max'] },
    { config: { pooling_mode_mean_sqrt_len_tokens: true }, poolings: ['mean_sqrt_len'] },
    { config: { pooling_mode_weightedmean_tokens: true }, poolings: ['weightedmean'] },
    { config: { pooling_mode_lasttoken: true }, poolings: ['lasttoken'] },
    {
      config: { pooling_mode_lasttoken: true, pooling_mode_mean_tokens: true, pooling_mode_cls_token: true },
      poolings: ['cls', 'mean', 'lasttoken'],
    },
    { config: { word_embedding_dimension: 4 }, poolings: ['mean'] },
    { config: { pooling_mode: 'lasttoken' }, poolings: ['lasttoken'] },
    { config: { pooling_mode: ['weightedmean', 'cls'] }, poolings: ['weightedmean', 'cls'] },
    { config: { pooling_mode: 'mean_sqrt_len_tokens', pooling_mode_cls_token: true }, poolings: ['mean_sqrt_len'] },
  ])('of $config is $poolings', ({ config, poolings }) => {
    expect(withPooling(config).poolings).toEqual(poolings);
    expect(withPooling(config, `${NEW}pooling.Pooling`).poolings).toEqual(poolings);
  });

  it.each([
    [{ include_prompt: false }, false],
    [{ include_prompt: true }, true],
    [{}, true],
  ])('of %j counts the prompt: %s', (config, counts) => {
    expect(withPooling(config).poolsPrompt).toBe(counts);
  });

  it('that is not known is refused', () => {
    const files = {
      'modules.json': [module(`${OLD}Pooling`, '1_Pooling')],
      '1_Pooling/config.json': { pooling_mode: 'median' },
    };
    expect(refusalOf(files)).toBe('m/1_Pooling/config.json: pooling "median" is not known; choose one with --pooling');
  });
});

describe('modules', () => {
  const dense = { 'linear.weight': { dtype: 'F32', shape: [1, 1], bytes: float32Bytes([1]) } };
  const weights = packSafetensors(dense);

  it('after pooling are read in their order, of either layout', () => {
    const steps = (layout: (kind: string) => string) =>
      read({
        'modules.json': [
          module(layout('Transformer'), ''),
          module(layout('Pooling'), '1_Pooling'),
          module(layout('Dropout'), '2_Dropout'),
          module(layout('Normalize'), '3_Normalize'),
          module(layout('Dense'), '4_Dense'),
          module(layout('Dense'), '5_Dense'),
          module(layout('Normalize'), '6_Normalize'),
        ],
        '4_Dense/config.json': { bias: false, activation_function: 'torch.nn.modules.linear.Identity' },
        '4_Dense/model.safetensors': weights,
        '5_Dense/config.json': { in_features: 1 },
        '5_Dense/model.safetensors': weights,
      }).steps;
    for (const layout of [(kind: string) => OLD + kind, (kind: string) => `${NEW}${kind.toLowerCase()}.${kind}`]) {
      expect(steps(layout)).toEqual([
        { kind: 'normalize' },
        {
          kind: 'dense',
          weights: expect.stringMatching(/4_Dense.model\.safetensors$/),
          activation: 'Identity',
          hasBias: false,
        },
        {
          kind: 'dense',
          weights: expect.stringMatching(/5_Dense.model\.safetensors$/),
          activation: 'Tanh',
          hasBias: true,
        },
        { kind: 'normalize' },
      ]);
    }
  });

  it.each<{ title: string; files: FolderFiles; message: string }>([
    {
      title: 'another kind',
      files: { 'modules.json': [module(`${OLD}Transformer`, ''), module(`${OLD}CNN`, '1_CNN')] },
      message: `m/modules.json: modules of type ${OLD}CNN are not supported`,
    },
    {
      title: 'a Dense layer without safetensors',
      files: { 'modules.json': [module(`${OLD}Dense`, '2_Dense')], '2_Dense/config.json': {} },
      message: 'm: 2_Dense/model.safetensors is missing; save the model again with safe_serialization=True',
    },
    {
      title: 'a Dense layer of token vectors',
      files: {
        'modules.json': [module(`${OLD}Dense`, '2_Dense')],
        '2_Dense/config.json': { module_input_name: 'token_embeddings' },
        '2_Dense/model.safetensors': weights,
      },
      message: 'm/2_Dense/config.json: only a plain Dense layer after pooling is supported',
    },
    {
      title: 'a Dense layer with a residual',
      files: {
        'modules.json': [module(`${OLD}Dense`, '2_Dense')],
        '2_Dense/config.json': { use_residual: true },
        '2_Dense/model.safetensors': weights,
      },
      message: 'm/2_Dense/config.json: only a plain Dense layer after pooling is supported',
    },
  ])('of $title are refused', ({ files, message }) => {
    expect(refusalOf(files)).toBe(message);
  });
});

it('reads a transformer that lies in a folder of its own', () => {
  const settings = read({
    'config.json': undefined,
    'tokenizer.json': undefined,
    'modules.json': [module(`${OLD}Transformer`, '0_Transformer'), module(`${OLD}Pooling`, '1_Pooling')],
    '0_Transformer/config.json': { max_position_embeddings: 32 },
    '0_Transformer/tokenizer.json': WORD_TOKENIZER,
    '0_Transformer/sentence_bert_config.json': { max_seq_length: 20 },
    '1_Pooling/config.json': { pooling_mode_cls_token: true },
  });
  expect(settings).toMatchObject({ maxLength: 20, maxPositions: 32, poolings: ['cls'] });
});

it('reads prompts and the default prompt', () => {
  const prompts = { query: 'q: ', document: '' };
  const files = {
    'config_sentence_transformers.json': { prompts, default_prompt_name: 'query', similarity_fn_name: 'cosine' },
  };
  expect(read(files)).toMatchObject({ prompts, defaultPrompt: 'query' });
  expect(read({ 'config_sentence_transformers.json': { prompts: null, default_prompt_name: null } })).toMatchObject({
    prompts: {},
    defaultPrompt: undefined,
  });
});

it.each([
  { config: { hidden_size: 32, num_attention_heads: 4 }, heads: 4, size: 8 },
  { config: { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2 }, heads: 2, size: 8 },
  { config: { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 }, heads: 2, size: 16 },
  { config: {}, heads: undefined, size: undefined },
])('reads the shape of the cache from $config', ({ config, heads, size }) => {
  expect(read({ 'config.json': config })).toMatchObject({ cacheHeads: heads, cacheHeadSize: size });
});

describe('the tokenizer', () => {
  const idsOf = async (files: FolderFiles, text: string) => {
    const [tokens] = await createTokenizer(readTokenizer(read(files).tokenizer)).tokenize([text], undefined);
    return tokens?.ids;
  };

  it('loses truncation and padding from an earlier use', async () => {
    const truncation = { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 };
    const padding = {
      strategy: { Fixed: 8 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: 'w0',
    };
    expect(await idsOf({ 'tokenizer.json': { ...WORD_TOKENIZER, truncation, padding } }, 'w1 w2 w3')).toEqual([
      1, 2, 3,
    ]);
  });

  it('lower-cases where the model says so, before its own normalizer', async () => {
    expect(await idsOf({}, 'W1 w2')).toEqual([0, 2]);
    expect(await idsOf({ 'sentence_bert_config.json': { do_lower_case: true } }, 'W1 w2')).toEqual([1, 2]);
    const normalizer = { type: 'Replace', pattern: { String: 'w1' }, content: 'w9' };
    const files = {
      'sentence_bert_config.json': { do_lower_case: true },
      'tokenizer.json': { ...WORD_TOKENIZER, normalizer },
    };
    expect(await idsOf(files, 'W1 w2')).toEqual([9, 2]);
  });
});

describe('a folder is refused', () => {
  it.each<{ title: string; files: FolderFiles; message: string }>([
    {
      title: 'without config.json',
      files: { 'config.json': undefined },
      message: "m: config.json is missing; copy it from the model's repository",
    },
    {
      title: 'without tokenizer.json',
      files: { 'tokenizer.json': undefined },
      message:
        'm: tokenizer.json is missing; save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)',
    },
    {
      title: 'with a positive number that is none',
      files: { 'config.json': { max_position_embeddings: -1 } },
      message: 'm/config.json: "max_position_embeddings": Too small: expected number to be >0',
    },
    {
      title: 'with a list of modules that is none',
      files: { 'modules.json': {} },
      message: 'm/modules.json: Invalid input: expected array, received object',
    },
  ])('$title', ({ files, message }) => {
    expect(refusalOf(files)).toBe(message);
  });

  it('with a file that is not JSON', () => {
    expect(refusalOf({ 'config.json': '{"a":' })).toMatch(/^m\/config\.json: not valid JSON \(.+\)$/);
  });
});
