import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseConfig } from '#dist/config/config.js';
import { readModelSettings } from '#dist/embed/model-settings.js';
import { planEncoder, startEncoder } from '#dist/embed/onnx-encoder.js';
import { encodeTexts } from '#dist/embed/stored-encoder.js';
import { chooseEncoder, findLocalModel } from '#dist/model/locate-model.js';
import type { ModelFiles } from '#dist/model/model-files.js';
import { readTokenizer } from '#dist/model/token-settings.js';
import { createTokenizer } from '#dist/model/tokenizer.js';
import { expectWindowsOf } from './flagembedding.js';

it('raw windows are those of FlagEmbedding, row by row', async () => {
  await expectWindowsOf('fixtures/references/flagembedding-tiny-bert-cls.jsonl', 'fixtures', {
    model: 'fixtures/models/tiny-bert-cls',
    queryInstruction: '',
  });
});

interface Golden {
  max_seq_length: number;
  cases: { text: string; input_ids: number[]; embedding: number[] }[];
}

it('the built-in model reads texts as sentence-transformers does, and stays near its fp32 vectors', async () => {
  const golden = JSON.parse(readFileSync('fixtures/references/all-MiniLM-L6-v2-golden.json', 'utf8')) as Golden;
  const texts = golden.cases.map(({ text }) => text);
  const config = parseConfig({ workers: 1 });
  const files = findLocalModel(chooseEncoder(config)) as ModelFiles;
  const { tokenizer, maxLength } = readModelSettings(files);
  expect(maxLength).toBe(golden.max_seq_length);
  const tokens = await createTokenizer(readTokenizer(tokenizer)).tokenize(texts, maxLength);
  expect(tokens.map(({ ids }) => ids)).toEqual(golden.cases.map(({ input_ids }) => input_ids));

  const encoder = await startEncoder(await planEncoder(files, config, { cores: 1, memory: 8e9 }));
  const { embeddings } = await encodeTexts(encoder, texts, 'passage').finally(() => encoder.close());
  const cosines = golden.cases.map(({ embedding }, i) => {
    const vector = embeddings.data.subarray(i * embeddings.dim, (i + 1) * embeddings.dim);
    // Both have length 1.
    return embedding.reduce((sum, value, j) => sum + value * (vector[j] as number), 0);
  });
  expect(cosines).toHaveLength(25);
  expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.985);
  expect(cosines.reduce((sum, cosine) => sum + cosine) / cosines.length).toBeGreaterThanOrEqual(0.997);
});
