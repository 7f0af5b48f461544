import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import type { Pair } from '#dist/rerank/reranker.js';
import { makeModelFolder } from '../model/model-folder.js';
import { findReranker, plan, scoreCalls, scorePairs, TINY_RERANKER } from './score-pairs.js';

const CONFIG = JSON.parse(readFileSync(`${TINY_RERANKER}/config.json`, 'utf8')) as Record<string, unknown>;

const passages = readFileSync('fixtures/pool.jsonl', 'utf8')
  .split('\n', 60)
  .map((line) => (JSON.parse(line) as { text: string }).text);
const queries = ['a file archiver', 'which library parses XML with little memory?', '', 'x'];
const pairs = passages.map((passage, i): Pair => [queries[i % queries.length] as string, passage.slice(0, 20 * i)]);

/** A copy of the tiny reranker with other files. */
const variant = (files: Parameters<typeof makeModelFolder>[0]) => makeModelFolder(files, TINY_RERANKER);
const withConfig = (changes: object) => variant({ 'config.json': { ...CONFIG, ...changes } });

const refusalOf = (run: Promise<unknown>) =>
  run.then(
    () => 'no error',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe('a score', () => {
  it('does not depend on the batch, the number of workers or the other pairs, to the bit', async () => {
    const alone = await scoreCalls(
      TINY_RERANKER,
      pairs.map((pair) => [pair]),
    );
    const expected = alone.map(({ scores }) => scores[0]);
    const settings: MineSettings[] = [
      {},
      { batchTokens: 64 },
      { batchTokens: 100_000 },
      { batchSize: 7 },
      { workers: 2 },
    ];
    for (const one of settings) expect([...(await scorePairs(TINY_RERANKER, pairs, one))]).toEqual(expected);
    expect([...(await scorePairs(TINY_RERANKER, pairs.toReversed()))]).toEqual(expected.toReversed());
  });

  it('of a pair that is too long counts as truncated, at the model length or that of the flag', async () => {
    const [whole] = await scoreCalls(TINY_RERANKER, [pairs]);
    const [short] = await scoreCalls(TINY_RERANKER, [pairs], { rerankerMaxLength: 16 });
    expect(whole?.truncated).toBeGreaterThan(0);
    expect(short?.truncated).toBeGreaterThan(whole?.truncated as number);
    const [at64] = await scoreCalls(TINY_RERANKER, [pairs], { rerankerMaxLength: 64 });
    expect(at64).toEqual(whole);
  });

  it('is the logit through the activation that the folder names, in each place where the library keeps it', async () => {
    const logits = [...(await scorePairs(TINY_RERANKER, pairs, {}, 'none'))];
    const score = async (changes: object, file?: object) => {
      const files = file === undefined ? {} : { 'config_sentence_transformers.json': file };
      return [...(await scorePairs(variant({ 'config.json': { ...CONFIG, ...changes }, ...files }), pairs))];
    };
    const sigmoids = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    expect(await score({})).toEqual(logits);
    expect(await score({ sentence_transformers: undefined })).toEqual(sigmoids);
    expect(await score({ sentence_transformers: { activation_fn: 'my_code.Odd' } })).toEqual(sigmoids);
    const older = { sbert_ce_default_activation_function: 'torch.nn.modules.activation.Tanh' };
    expect(await score({ ...older, sentence_transformers: undefined })).toEqual(logits.map(Math.tanh));
    expect(await score({}, { activation_fn: 'torch.nn.modules.activation.Sigmoid' })).toEqual(sigmoids);
  });
});

describe('batches', () => {
  const batchesOf = async (folder: string) => (await plan(folder)).setups[0];

  it('are of one pair where the graph pools tokens, whose sums padding could reorder', async () => {
    expect((await batchesOf(withConfig({ classifier_pooling: 'mean' })))?.settings.poolsTokens).toBe(true);
    expect((await batchesOf(withConfig({ classifier_pooling: 'cls' })))?.settings.poolsTokens).toBe(false);
  });

  it.each([{ classifier_pooling: 'mean' }, { pad_token_id: null }])(
    'of $classifier_pooling $pad_token_id give the same scores',
    async (changes) => {
      expect(await scorePairs(withConfig(changes), pairs)).toEqual(await scorePairs(TINY_RERANKER, pairs));
    },
  );
});

describe('a folder that holds no reranker is refused with one line:', () => {
  const graphOf = (model: string) => readFileSync(`fixtures/models/${model}/onnx/model.onnx`);

  it.each([
    {
      what: 'two labels',
      folder: () => withConfig({ id2label: { 0: 'no', 1: 'yes' } }),
      message: (folder: string) =>
        `model: ${folder}/config.json: a reranker has one label (found id2label with 2: no, yes); take a model that was trained with num_labels=1`,
    },
    {
      what: 'three labels by number',
      folder: () => withConfig({ id2label: undefined, num_labels: 3 }),
      message: (folder: string) =>
        `model: ${folder}/config.json: a reranker has one label (found num_labels 3); take a model that was trained with num_labels=1`,
    },
    {
      what: "an encoder's graph",
      folder: () => variant({ 'onnx/model.onnx': graphOf('tiny-bert-cls') }),
      message: (folder: string) =>
        `model: ${folder}: a reranker's graph gives logits [batch, 1] (found last_hidden_state [batch_size, sequence_length, 32]); take a cross-encoder with one label, exported with --task text-classification`,
    },
    {
      what: 'an encoder of sentence-transformers',
      folder: () => 'fixtures/models/tiny-bert-cls',
      message: (folder: string) =>
        `model: ${folder}/modules.json: expected a Transformer module alone (found Pooling); is it a reranker?`,
    },
    {
      what: 'no tokenizer',
      folder: () => variant({ 'tokenizer.json': undefined }),
      message: (folder: string) =>
        `model: ${folder}: tokenizer.json is missing; save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)`,
    },
    {
      what: 'no config',
      folder: () => variant({ 'config.json': undefined }),
      message: (folder: string) => `model: ${folder}: config.json is missing; copy it from the model's repository`,
    },
    {
      what: 'no graph',
      folder: () => variant({ onnx: undefined }),
      message: (folder: string) =>
        `model: ${folder}: no ONNX graph (looked for onnx/*.onnx and *.onnx); export one with "optimum-cli export onnx --model ${folder} --task text-classification DIR"`,
    },
    {
      what: 'an activation that is not known',
      folder: () => withConfig({ sentence_transformers: { activation_fn: 'torch.nn.modules.activation.Softmax' } }),
      message: (folder: string) =>
        `model: ${folder}: the activation torch.nn.modules.activation.Softmax is not supported (expected one of Identity, Tanh, ReLU, Sigmoid, SiLU, GELU)`,
    },
    {
      what: 'no folder',
      folder: () => './no-such-model',
      message: () =>
        "model: --reranker ./no-such-model: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub",
    },
  ])('$what', async ({ folder, message }) => {
    const path = folder();
    expect(await refusalOf(scorePairs(path, [['a', 'b']]))).toBe(message(path));
  });

  it('a length beyond its positions', async () => {
    expect(await refusalOf(plan(TINY_RERANKER, { rerankerMaxLength: 129 }))).toBe(
      'model: --reranker-max-length 129: the model has positions for 128 tokens',
    );
  });

  it('a dtype that is not there', () => {
    expect(() => findReranker(TINY_RERANKER, 'q8')).toThrow(
      `${TINY_RERANKER}: --reranker-dtype q8: no model_quantized.onnx (found onnx/model.onnx)`,
    );
  });
});
