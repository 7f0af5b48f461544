import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseGraph, findModelFiles, isModelFolder, measureGraph, selectModelFiles } from '#dist/model/model-files.js';
import { makeModelFolder } from './model-folder.js';

function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code: 'model' });
    return (error as Error).message;
  }
  return 'no error';
}

const MANY = [
  'config.json',
  'onnx/model.onnx',
  'onnx/model_fp16.onnx',
  'onnx/model_quantized.onnx',
  'onnx/model_int8.onnx',
];

describe('chooseGraph', () => {
  it.each<{ paths: string[]; dtype?: string; graph: string }>([
    { paths: MANY, graph: 'onnx/model.onnx' },
    { paths: MANY, dtype: 'fp32', graph: 'onnx/model.onnx' },
    { paths: MANY, dtype: 'fp16', graph: 'onnx/model_fp16.onnx' },
    { paths: MANY, dtype: 'q8', graph: 'onnx/model_quantized.onnx' },
    { paths: MANY, dtype: 'int8', graph: 'onnx/model_int8.onnx' },
    { paths: ['model.onnx'], graph: 'model.onnx' },
    { paths: ['model.onnx', 'onnx/model.onnx'], graph: 'onnx/model.onnx' },
    { paths: ['model_quantized.onnx', 'onnx/model.onnx'], dtype: 'q8', graph: 'model_quantized.onnx' },
    { paths: ['onnx/model_q4.onnx'], graph: 'onnx/model_q4.onnx' },
    { paths: ['onnx/model_q4.onnx', 'openvino/model.onnx'], graph: 'onnx/model_q4.onnx' },
    { paths: ['onnx/model.onnx', 'onnx/model.onnx_data'], graph: 'onnx/model.onnx' },
  ])('of $paths with dtype $dtype takes $graph', ({ paths, dtype, graph }) => {
    expect(chooseGraph(paths, dtype, { name: 'm' })).toBe(graph);
  });

  it.each<{ paths: string[]; dtype?: string; message: string }>([
    {
      paths: ['config.json', 'openvino/model.onnx'],
      message:
        'm: no ONNX graph (looked for onnx/*.onnx and *.onnx); export one with "optimum-cli export onnx --model m --task feature-extraction DIR"',
    },
    {
      paths: ['onnx/model_q4.onnx', 'onnx/model_fp16.onnx'],
      message: 'm: no model.onnx; choose with --dtype (found onnx/model_fp16.onnx, onnx/model_q4.onnx)',
    },
    {
      paths: ['onnx/model.onnx'],
      dtype: 'q8',
      message: 'm: --dtype q8: no model_quantized.onnx (found onnx/model.onnx)',
    },
    {
      paths: ['onnx/model_q4.onnx'],
      dtype: 'fp32',
      message: 'm: --dtype fp32: no model.onnx (found onnx/model_q4.onnx)',
    },
  ])('of $paths with dtype $dtype takes none', ({ paths, dtype, message }) => {
    expect(refusalOf(() => chooseGraph(paths, dtype, { name: 'm' }))).toBe(message);
  });
});

it('selects settings, tokenizer and one graph with its external data', () => {
  const wanted = [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'modules.json',
    'sentence_bert_config.json',
    'config_sentence_transformers.json',
    '0_Transformer/config.json',
    '0_Transformer/tokenizer.json',
    '1_Pooling/config.json',
    '2_Dense/config.json',
    '2_Dense/model.safetensors',
    'onnx/model.onnx',
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
  ];
  const unwanted = [
    'README.md',
    'model.safetensors',
    'pytorch_model.bin',
    'vocab.txt',
    'onnx/model_fp16.onnx',
    'onnx/model_fp16.onnx_data',
    'onnx/config.json',
    '2_Dense/pytorch_model.bin',
    'other/tokenizer.json',
  ];
  expect(selectModelFiles([...unwanted, ...wanted], undefined, { name: 'm' }).sort()).toEqual([...wanted].sort());
});

it.each([
  ['./model', true],
  ['../model', true],
  ['/models/m', true],
  ['~/m', true],
  ['C:\\models\\m', true],
  ['fixtures/models', true],
  ['BAAI/bge-base-en-v1.5', false],
  ['all-MiniLM-L6-v2', false],
])('%s is a folder: %s', (model, isFolder) => {
  expect(isModelFolder(model)).toBe(isFolder);
});

describe('findModelFiles', () => {
  it('finds the graph beside the settings or in onnx', () => {
    const folder = makeModelFolder({ 'onnx/model.onnx': 'g', 'onnx/model_fp16.onnx': 'h', 'model.onnx': 'i' });
    expect(findModelFiles(folder, undefined)).toEqual({ name: folder, folder, graph: 'onnx/model.onnx' });
    expect(findModelFiles(folder, 'fp16').graph).toBe('onnx/model_fp16.onnx');
  });

  it('says where there is no folder', () => {
    const folder = join(makeModelFolder({}), 'absent');
    expect(refusalOf(() => findModelFiles(folder, undefined))).toBe(
      `--model ${folder}: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub`,
    );
  });
});

it('measures a graph with its external data', () => {
  const folder = makeModelFolder({
    'onnx/model.onnx': 'x'.repeat(10),
    'onnx/model.onnx_data': 'x'.repeat(200),
    'onnx/model.onnx_data_1': 'x'.repeat(3000),
    'onnx/model_fp16.onnx': 'x'.repeat(40_000),
    'onnx/model_fp16.onnx.data': 'x'.repeat(500_000),
  });
  expect(measureGraph(findModelFiles(folder, undefined))).toBe(3210);
  expect(measureGraph(findModelFiles(folder, 'fp16'))).toBe(540_000);
});
