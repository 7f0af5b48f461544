import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import type { Encoder, Role } from '#dist/embed/encoder.js';
import { planEncoder, startEncoder } from '#dist/embed/onnx-encoder.js';
import { encodeTexts } from '#dist/embed/stored-encoder.js';
import { listTexts } from '#dist/memory/text-spool.js';
import { findModelFiles } from '#dist/model/model-files.js';
import { type FolderFiles, makeModelFolder, WORD_TOKENIZER } from '../model/model-folder.js';

const MODELS = 'fixtures/models';
const GRAPHS = 'fixtures/graphs';
const MACHINE = { cores: 2, memory: 8e9 };

const plan = (folder: string, settings: MineSettings = {}, machine = MACHINE) =>
  planEncoder(findModelFiles(folder, settings.dtype), parseConfig({ model: folder, workers: 2, ...settings }), machine);

async function withEncoder<T>(
  folder: string,
  settings: MineSettings,
  use: (encoder: Encoder) => Promise<T>,
): Promise<T> {
  const encoder = await startEncoder(await plan(folder, settings));
  try {
    return await use(encoder);
  } finally {
    await encoder.close();
  }
}

async function encodeRows(encoder: Encoder, texts: string[], role: Role = 'passage'): Promise<number[][]> {
  const { embeddings } = await encodeTexts(encoder, texts, role);
  const { data, dim } = embeddings;
  return texts.map((_, i) => [...data.slice(i * dim, (i + 1) * dim)]);
}

const encode = (folder: string, texts: string[], settings: MineSettings = {}, role: Role = 'passage') =>
  withEncoder(folder, settings, (encoder) => encodeRows(encoder, texts, role));

/** With one worker: what its failure says does not depend on which of several fails first. */
const refusalOfEncoding = (folder: string, texts: string[], settings: MineSettings = {}, role: Role = 'passage') =>
  refusalOf(encode(folder, texts, { workers: 1, ...settings }, role));

const refusalOf = (run: Promise<unknown>) =>
  run.then(
    () => 'no error',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

/** A model of ten words with one of the small graphs. */
function wordModel(graph: string, files: FolderFiles = {}): string {
  return makeModelFolder({
    'config.json': { vocab_size: 10, max_position_embeddings: 16, hidden_size: 4, num_attention_heads: 2 },
    'tokenizer.json': WORD_TOKENIZER,
    'onnx/model.onnx': readFileSync(join(GRAPHS, `${graph}.onnx`)),
    ...files,
  });
}

/** The row of the graphs' table for a word. */
const rowOf = (word: number) => [0, 1, 2, 3].map((i) => (8 * word + i - 3) / 8);

const pooledBy = (mode: string, files: FolderFiles = {}): FolderFiles => ({
  'modules.json': [{ idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' }],
  '1_Pooling/config.json': { pooling_mode: mode },
  ...files,
});

const sum = (...rows: number[][]) => rows.reduce((total, row) => total.map((value, i) => value + (row[i] as number)));

describe('a model with several poolings, its prompt left out of them, and a Dense layer', () => {
  interface Case {
    text: string;
    prompt: string;
    input_ids: number[];
    embedding: number[];
  }
  const { cases } = JSON.parse(readFileSync(`${MODELS}/tiny-dense/golden.json`, 'utf8')) as { cases: Case[] };
  const of = (role: Role) => cases.filter(({ prompt }) => (prompt === '') === (role === 'passage'));
  // The folder of its own holds what the other does not.
  const folder = makeModelFolder(
    { 'special_tokens_map.json': undefined },
    `${MODELS}/tiny-bert-cls`,
    `${MODELS}/tiny-dense`,
  );

  function expectGolden(vectors: number[][], golden: Case[]) {
    expect(vectors).toHaveLength(golden.length);
    vectors.forEach((vector, i) => {
      const { embedding } = golden[i] as Case;
      expect(vector).toHaveLength(embedding.length);
      expect(Math.max(...vector.map((value, j) => Math.abs(value - (embedding[j] as number))))).toBeLessThan(1e-4);
    });
  }

  it.each<Role>(['query', 'passage'])('gives the vectors of sentence-transformers for each %s', async (role) => {
    const golden = of(role);
    expect(golden).toHaveLength(6);
    const texts = golden.map(({ text }) => text);
    await withEncoder(folder, {}, async (encoder) => {
      const together = await encodeRows(encoder, texts, role);
      expectGolden(together, golden);
      for (const [i, text] of texts.entries()) expect(await encodeRows(encoder, [text], role)).toEqual([together[i]]);
    });
  });

  it('gives them for the older layout of the same files', async () => {
    const older = (kind: string, path: string) => ({
      idx: 0,
      name: '0',
      path,
      type: `sentence_transformers.models.${kind}`,
    });
    const legacy = makeModelFolder(
      {
        'modules.json': [
          older('Transformer', ''),
          older('Pooling', '1_Pooling'),
          older('Dense', '2_Dense'),
          older('Normalize', '3_Normalize'),
        ],
        '1_Pooling/config.json': {
          word_embedding_dimension: 32,
          pooling_mode_weightedmean_tokens: true,
          pooling_mode_cls_token: true,
          pooling_mode_max_tokens: false,
          pooling_mode_mean_tokens: true,
          include_prompt: false,
        },
        'sentence_bert_config.json': { max_seq_length: 64, do_lower_case: false },
      },
      folder,
    );
    const golden = of('query');
    expectGolden(
      await encode(
        legacy,
        golden.map(({ text }) => text),
        {},
        'query',
      ),
      golden,
    );
  });

  it('differs where the prompt is pooled', async () => {
    const pooling = {
      ...JSON.parse(readFileSync(`${MODELS}/tiny-dense/1_Pooling/config.json`, 'utf8')),
      include_prompt: true,
    };
    const pooled = makeModelFolder({ '1_Pooling/config.json': pooling }, folder);
    const [golden] = of('query') as [Case];
    const [vector = []] = await encode(pooled, [golden.text], {}, 'query');
    expect(Math.max(...vector.map((value, i) => Math.abs(value - (golden.embedding[i] as number))))).toBeGreaterThan(
      1e-3,
    );
  });

  it('refuses another pooling than its Dense layer was made for', async () => {
    expect(await refusalOfEncoding(folder, ['a'], { pooling: 'cls' })).toBe(
      `model: ${join(folder, '2_Dense/model.safetensors')}: the layer takes 96 values (found 32 from pooling); choose the model's own --pooling`,
    );
  });
});

describe('prompts', () => {
  // Prompt and text are words of the same table, so a vector tells which words were read.
  const folder = wordModel(
    'lookup',
    pooledBy('mean', { 'config_sentence_transformers.json': { prompts: { query: 'w9 ' } } }),
  );
  const mean = (...words: number[]) => sum(...words.map(rowOf)).map((value) => Math.fround(value / words.length));
  const plain = { normalize: false };

  it.each<{ settings: MineSettings; role: Role; words: number[] }>([
    { settings: {}, role: 'query', words: [9, 1] },
    { settings: {}, role: 'passage', words: [1] },
    { settings: { queryInstruction: '' }, role: 'query', words: [1] },
    { settings: { queryInstruction: 'w8 ' }, role: 'query', words: [8, 1] },
    { settings: { queryInstruction: 'w8 ' }, role: 'passage', words: [1] },
    { settings: { passageInstruction: 'w4 w3 ' }, role: 'passage', words: [4, 3, 1] },
    { settings: { passageInstruction: 'w4 w3 ' }, role: 'query', words: [9, 1] },
    {
      settings: { queryInstruction: 'w8', queryInstructionFormat: 'w2 {} w3 {} w4' },
      role: 'query',
      words: [2, 8, 3, 1, 4],
    },
  ])('of $settings put words $words before the model for a $role', async ({ settings, role, words }) => {
    expect(await encode(folder, ['w1'], { ...plain, ...settings }, role)).toEqual([mean(...words)]);
  });

  it('are told of where they are the model’s own', async () => {
    expect((await plan(folder)).notes).toEqual(['query prompt "query" of the model: "w9 "']);
    expect((await plan(folder, { queryInstruction: '' })).notes).toEqual([]);
  });
});

describe('a decoder', () => {
  it('gets places and an empty cache, and its last token is taken', async () => {
    const folder = wordModel('decoder', pooledBy('lasttoken'));
    const texts = ['w1', 'w3 w1 w2', 'w9 w8 w7 w6 w5', 'w4 w4'];
    const expected = [
      rowOf(1),
      sum(rowOf(3), rowOf(1), rowOf(2), [2, 2, 2, 2]),
      sum(...[9, 8, 7, 6, 5].map(rowOf), [4, 4, 4, 4]),
      sum(rowOf(4), rowOf(4), [1, 1, 1, 1]),
    ];
    expect(await encode(folder, texts, { normalize: false })).toEqual(expected);
    expect(await encode(folder, texts, { normalize: false, batchSize: 1 })).toEqual(expected);
  });
});

describe('a graph that pools', () => {
  it('is taken at its word where no file says how to pool', async () => {
    const folder = wordModel('pooled');
    const expected = [rowOf(2), sum(rowOf(1), rowOf(2)).map((value) => value / 2)];
    expect(await encode(folder, ['w2', 'w1 w2'], { normalize: false })).toEqual(expected);
    const [unit = []] = await encode(folder, ['w2']);
    expect(unit.reduce((total, value) => total + value * value, 0)).toBeCloseTo(1, 6);
  });

  it('gives the same bits alone and together', async () => {
    const files = { 'modules.json': undefined, '1_Pooling': undefined, 'config_sentence_transformers.json': undefined };
    const folder = makeModelFolder(files, `${MODELS}/tiny-sentence-output`);
    const { cases } = JSON.parse(readFileSync(`${MODELS}/tiny-sentence-output/golden.json`, 'utf8')) as {
      cases: { text: string; prompt: string; embedding: number[] }[];
    };
    const texts = cases.map(({ text, prompt }) => prompt + text);
    await withEncoder(folder, { normalize: false }, async (encoder) => {
      const together = await encodeRows(encoder, texts);
      for (const [i, text] of texts.entries()) {
        expect(await encodeRows(encoder, [text])).toEqual([together[i]]);
        const { embedding } = cases[i] as (typeof cases)[number];
        const differences = embedding.map((value, j) => Math.abs(value - (together[i]?.[j] as number)));
        expect(Math.max(...differences)).toBeLessThan(1e-4);
      }
    });
  });
});

describe('a graph that quantizes activations over a whole tensor', () => {
  const onnx = {
    'onnx/model_quantized.onnx': readFileSync(`${GRAPHS}/tiny-bert-q8.onnx`),
    'onnx/model.onnx': undefined,
  };
  const folder = makeModelFolder(onnx, `${MODELS}/tiny-bert-cls`);
  const texts = ['a', 'a file archiver', 'compression '.repeat(40), 'high ratio', ''];

  it('runs one text at a time, so a vector never depends on its company', async () => {
    await withEncoder(folder, { dtype: 'q8' }, async (encoder) => {
      const together = await encodeRows(encoder, texts);
      for (const [i, text] of texts.entries()) expect(await encodeRows(encoder, [text])).toEqual([together[i]]);
    });
  });

  it('does depend on it where the user insists on a batch, and is announced', async () => {
    const settings = { dtype: 'q8', batchSize: 4, queryInstruction: '' };
    const { notes } = await plan(folder, settings);
    expect(notes).toEqual([
      `--batch-size 4: what the graph of ${folder} gives depends on the batch, so the output is not reproducible`,
    ]);
    const together = await encode(folder, texts, settings);
    const alone = await encode(folder, texts, { ...settings, batchSize: 1 });
    expect(together).not.toEqual(alone);
    expect((await plan(folder, { ...settings, batchSize: 1 })).notes).toEqual([]);
  });

  it('is not taken for one that can be batched, nor the other way round', async () => {
    expect((await plan(folder, { dtype: 'q8' })).setups[0]?.quantizesBatch).toBe(true);
    expect((await plan(`${MODELS}/tiny-bert-cls`)).setups[0]?.quantizesBatch).toBe(false);
    expect((await plan('models/all-MiniLM-L6-v2', { dtype: 'q8' })).setups[0]?.quantizesBatch).toBe(false);
  });
});

describe('vectors that are none', () => {
  const folder = wordModel('lookup', pooledBy('mean'));
  const place = `model: ${folder}: the embedding of the`;

  it.each<{ texts: string[]; role: Role; message: string }>([
    { texts: ['w1', 'w5 w5'], role: 'passage', message: `${place} passage "w5 w5" is all zeros` },
    { texts: ['w6'], role: 'query', message: `${place} query "w6" holds a value that is no number` },
    { texts: ['w1 w7'], role: 'query', message: `${place} query "w1 w7" holds a value that is no number` },
    {
      texts: [`w6 ${'w1 '.repeat(40)}`],
      role: 'passage',
      message: `${place} passage "w6 ${'w1 '.repeat(19)}…" holds a value that is no number`,
    },
  ])('are refused: $texts', async ({ texts, role, message }) => {
    expect(await refusalOfEncoding(folder, texts, {}, role)).toBe(message);
  });
});

describe('lengths', () => {
  // Each text begins with w0, which counts.
  const start = { id: 'w0', ids: [0], tokens: ['w0'] };
  const single = [{ SpecialToken: { id: 'w0', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
  const post_processor = { type: 'TemplateProcessing', single, pair: single, special_tokens: { w0: start } };
  const folder = wordModel('lookup', {
    ...pooledBy('lasttoken'),
    'sentence_bert_config.json': { max_seq_length: 4 },
    'tokenizer.json': { ...WORD_TOKENIZER, post_processor },
  });
  const plain = { normalize: false };
  const texts = ['w1 w2 w3 w4', 'w1', 'w4 w3 w2'];

  it('cut texts to the limit of the model, and count those that were longer', async () => {
    await withEncoder(folder, plain, async (encoder) => {
      expect(await encodeRows(encoder, texts)).toEqual([rowOf(3), rowOf(1), rowOf(2)]);
      expect((await encodeTexts(encoder, texts, 'passage')).truncated).toBe(1);
    });
  });

  it('may be set for queries and passages apart', async () => {
    await withEncoder(folder, { ...plain, queryMaxLength: 2, passageMaxLength: 5 }, async (encoder) => {
      expect(await encodeRows(encoder, texts, 'query')).toEqual([rowOf(1), rowOf(1), rowOf(4)]);
      expect(await encodeRows(encoder, texts, 'passage')).toEqual([rowOf(4), rowOf(1), rowOf(2)]);
      expect((await encodeTexts(encoder, texts, 'query')).truncated).toBe(2);
      expect((await encodeTexts(encoder, texts, 'passage')).truncated).toBe(0);
    });
  });

  it.each<{ settings: MineSettings; flag: string }>([
    { settings: { queryMaxLength: 17 }, flag: '--query-max-length 17' },
    { settings: { passageMaxLength: 512 }, flag: '--passage-max-length 512' },
  ])('beyond the positions of the model are refused: $settings', async ({ settings, flag }) => {
    expect(await refusalOf(plan(folder, settings))).toBe(`model: ${flag}: the model has positions for 16 tokens`);
  });

  it('that the positions hold are taken', async () => {
    const { setups } = await plan(folder, { queryMaxLength: 16 });
    expect(setups[0]?.roles.query.maxLength).toBe(16);
    expect(setups[0]?.roles.passage.maxLength).toBe(4);
  });
});

describe('the places where a model runs', () => {
  const folder = wordModel('lookup');
  const threadsOn = async (memory: number, settings: MineSettings = {}, cores = 8) => {
    const { setups } = await plan(folder, { workers: undefined, ...settings } as MineSettings, { cores, memory });
    return setups.map(({ place }) => place.threads);
  };

  it('are one worker a core where memory allows', async () => {
    expect(await threadsOn(64e9)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(await threadsOn(64e9, { workers: 3 })).toEqual([1, 1, 1]);
  });

  it('are fewer workers with more threads where it does not', async () => {
    expect(await threadsOn(1.21e9)).toEqual([2, 2, 2, 2]);
    expect(await threadsOn(0.95e9)).toEqual([2, 3, 3]);
    expect(await threadsOn(0.95e9, { workers: 5 })).toEqual([1, 2, 2]);
    expect(await threadsOn(1e6)).toEqual([8]);
  });

  it('count the weights of external data', async () => {
    const heavy = wordModel('lookup', { 'onnx/model.onnx_data': Buffer.alloc(1e8) });
    // (100 MB x 1.25 + 150 MB) a copy, in half of the memory.
    const { setups } = await plan(heavy, { workers: 8 }, { cores: 8, memory: 2 * 3 * 275.1e6 });
    expect(setups.map(({ place }) => place.threads)).toEqual([2, 3, 3]);
  });

  it('are the devices that were named', async () => {
    const { setups } = await plan(folder, { gpu: '0,2' });
    expect(setups.map(({ place }) => place)).toEqual([
      { gpu: 0, threads: 1 },
      { gpu: 2, threads: 1 },
    ]);
  });

  it('do not change a bit', async () => {
    const texts = Array.from({ length: 40 }, (_, i) => `file archiver ${'ratio '.repeat(i % 7)}${i}`);
    const alone = await encode(`${MODELS}/tiny-bert-cls`, texts, { workers: 1, batchTokens: 1 });
    expect(await encode(`${MODELS}/tiny-bert-cls`, texts, { workers: 4 })).toEqual(alone);
    expect(await encode(`${MODELS}/tiny-bert-cls`, texts, { workers: 1, batchSize: 16 })).toEqual(alone);
  });
});

describe('a model that cannot run is refused', () => {
  it('where tokenizer and config.json differ', async () => {
    const folder = wordModel('lookup', { 'config.json': { vocab_size: 9 } });
    expect(await refusalOfEncoding(folder, ['w1'])).toBe(
      `model: ${folder}: tokenizer.json has 10 tokens and config.json 9; take both from the same model`,
    );
  });

  it('where the graph is none', async () => {
    const folder = wordModel('lookup', { 'onnx/model.onnx': 'not a graph' });
    expect(await refusalOfEncoding(folder, ['w1'])).toMatch(
      /^model: .*onnx[/\\]model\.onnx: not a graph that ONNX Runtime can load \(.+\)$/,
    );
  });

  it('where the graph has no token vectors and pooling was asked for', async () => {
    const folder = wordModel('pooled');
    expect(await refusalOfEncoding(folder, ['w1'], { pooling: 'cls' })).toBe(
      `model: ${folder}: the graph has no token vectors to pool (found sentence_embedding [batch, 4]); is it an embedding model?`,
    );
  });

  it('where the graph wants what a text encoder does not have', async () => {
    const folder = makeModelFolder(
      { 'onnx/model.onnx': readFileSync('models/search.onnx') },
      `${MODELS}/tiny-bert-cls`,
    );
    expect(await refusalOfEncoding(folder, ['a'])).toBe(
      `model: ${folder}: the graph wants queries, which a text encoder does not have; export it with --task feature-extraction`,
    );
  });

  it('where the tokenizer is none', async () => {
    const folder = wordModel('lookup', { 'tokenizer.json': { model: 'none', normalizer: null } });
    expect(await refusalOfEncoding(folder, ['w1'])).toMatch(
      /^model: .*tokenizer\.json: not a tokenizer that can be read \(.+\)$/,
    );
  });
});

it('gives no vectors for no texts', async () => {
  await withEncoder(wordModel('lookup'), {}, async (encoder) => {
    const { embeddings, truncated } = await encodeTexts(encoder, [], 'query');
    expect({ ...embeddings, data: [...embeddings.data], truncated }).toEqual({
      data: [],
      dim: 4,
      count: 0,
      truncated: 0,
    });
  });
});

it('tells how far it is, up to all texts', async () => {
  const texts = Array.from({ length: 700 }, (_, i) => `w1 w${i % 5} ${i}`);
  const seen: number[] = [];
  await withEncoder(wordModel('lookup'), {}, (encoder) =>
    encoder.encode(
      listTexts(texts),
      'passage',
      () => {},
      (done) => seen.push(done),
    ),
  );
  expect(seen.length).toBeGreaterThan(1);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(700);
});
