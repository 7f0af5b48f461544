import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '#dist/config/config.js';
import type { Encoder } from '#dist/embed/encoder.js';
import { readModelSettings } from '#dist/embed/model-settings.js';
import { planEncoder, startEncoder } from '#dist/embed/onnx-encoder.js';
import { encodeTexts } from '#dist/embed/stored-encoder.js';
import { findModelFiles } from '#dist/model/model-files.js';
import { readTokenizer } from '#dist/model/token-settings.js';
import { createTokenizer } from '#dist/model/tokenizer.js';

interface GoldenCase {
  name?: string;
  text: string;
  prompt?: string;
  input_ids: number[];
  embedding: number[];
}

interface Golden {
  max_seq_length: number;
  cases: GoldenCase[];
}

const TINY = 'fixtures/models';
const BUILT_IN = 'models/all-MiniLM-L6-v2';
const SHARED = '../shared/models/all-MiniLM-L6-v2';

const readGolden = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Golden;

/** The vectors that the model's own modules give, without further normalization, prompt included in the text. */
async function withEncoder<T>(folder: string, dtype: string, use: (encoder: Encoder) => Promise<T>): Promise<T> {
  const config = parseConfig({ dtype, normalize: false, queryInstruction: '', passageInstruction: '', workers: 2 });
  const encoder = await startEncoder(
    await planEncoder(findModelFiles(folder, dtype), config, { cores: 2, memory: 8e9 }),
  );
  try {
    return await use(encoder);
  } finally {
    await encoder.close();
  }
}

const textOf = ({ prompt = '', text }: GoldenCase) => prompt + text;

async function encodeRows(encoder: Encoder, texts: string[]): Promise<Float32Array[]> {
  const { embeddings } = await encodeTexts(encoder, texts, 'passage');
  return texts.map((_, i) => embeddings.data.slice(i * embeddings.dim, (i + 1) * embeddings.dim));
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x, (v, i) => v * (y[i] as number)).reduce((s, v) => s + v);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const models = [
  { folder: `${TINY}/tiny-bert-cls`, dtype: 'fp32', tolerance: 1e-4 },
  { folder: `${TINY}/tiny-xlmr-mean`, dtype: 'fp32', tolerance: 1e-4 },
  { folder: `${TINY}/tiny-qwen-last`, dtype: 'fp32', tolerance: 1e-4 },
  { folder: `${TINY}/tiny-sentence-output`, dtype: 'fp32', tolerance: 1e-4 },
  { folder: `${TINY}/tiny-fp16`, dtype: 'fp32', tolerance: 1e-4 },
  { folder: `${TINY}/tiny-fp16`, dtype: 'fp16', tolerance: 1e-2 },
  ...(existsSync(SHARED) ? [{ folder: SHARED, dtype: 'fp32', tolerance: 1e-4 }] : []),
];

describe.each(models)('$folder, $dtype', ({ folder, dtype, tolerance }) => {
  const golden = readGolden(join(folder, 'golden.json'));

  it('cuts every text into the same tokens as sentence-transformers', async () => {
    const settings = readModelSettings(findModelFiles(folder, dtype));
    expect(settings.maxLength).toBe(golden.max_seq_length);
    const tokenizer = createTokenizer(readTokenizer(settings.tokenizer));
    const tokens = await tokenizer.tokenize(golden.cases.map(textOf), settings.maxLength);
    expect(tokens.map(({ ids }) => ids)).toEqual(golden.cases.map((one) => one.input_ids));
  });

  it(`gives its vectors to ${tolerance}, alone and in mixed batches`, async () => {
    await withEncoder(folder, dtype, async (encoder) => {
      const together = await encodeRows(encoder, golden.cases.map(textOf));
      for (const [i, one] of golden.cases.entries()) {
        const [alone] = await encodeRows(encoder, [textOf(one)]);
        expect(largestDifference(together[i] as Float32Array, one.embedding)).toBeLessThan(tolerance);
        expect(largestDifference(alone as Float32Array, one.embedding)).toBeLessThan(tolerance);
        expect(together[i]).toEqual(alone);
      }
    });
  });
});

it.skipIf(!existsSync(SHARED))('the built-in int8 model stays as near to fp32 as its golden says', async () => {
  const golden = readGolden(join(SHARED, 'golden.json'));
  const vectors = await withEncoder(BUILT_IN, 'q8', (encoder) => encodeRows(encoder, golden.cases.map(textOf)));
  const cosines = vectors.map((vector, i) => cosine(vector, (golden.cases[i] as GoldenCase).embedding));
  expect(Math.min(...cosines)).toBeGreaterThan(0.975);
  expect(cosines.reduce((sum, value) => sum + value) / cosines.length).toBeGreaterThan(0.99);
});
