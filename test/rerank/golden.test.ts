import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTokenizer } from '#dist/model/token-settings.js';
import { createTokenizer, type Pair } from '#dist/model/tokenizer.js';
import type { Activation } from '#dist/rerank/planned-reranker.js';
import { readRerankerSettings } from '#dist/rerank/reranker-settings.js';
import { findReranker, scorePairs, TINY_RERANKER } from './score-pairs.js';

interface GoldenPair {
  query: string;
  passage: string;
  input_ids: number[];
  token_type_ids: number[];
  logit: number;
  score: number;
  sigmoid: number;
  version_dependent?: boolean;
}

interface Golden {
  max_seq_length: number;
  pairs: GoldenPair[];
}

const SHARED = '../shared/models/tiny-cross-encoder';

/** All that `predict` gives is within this. */
const TOLERANCE = 1e-4;

describe.each([TINY_RERANKER, ...(existsSync(SHARED) ? [SHARED] : [])])('%s', (folder) => {
  const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Golden;
  // Of two texts that are too long alike: releases of tokenizers differ in which keeps the odd token.
  const cases = golden.pairs.filter((pair) => pair.version_dependent !== true);
  const pairs = cases.map(({ query, passage }): Pair => [query, passage]);

  it('cuts every pair into the tokens of sentence-transformers', async () => {
    const { tokenizer, maxLength } = readRerankerSettings(findReranker(folder));
    expect(maxLength).toBe(golden.max_seq_length);
    const tokens = await createTokenizer(readTokenizer(tokenizer)).tokenizePairs(pairs, maxLength);
    expect(tokens.map(({ ids }) => ids)).toEqual(cases.map(({ input_ids }) => input_ids));
    expect(tokens.map(({ typeIds }) => typeIds)).toEqual(cases.map(({ token_type_ids }) => token_type_ids));
  });

  it.each<[Activation, 'logit' | 'score' | 'sigmoid']>([
    ['none', 'logit'],
    ['model', 'score'],
    ['sigmoid', 'sigmoid'],
  ])(`gives its scores to ${TOLERANCE} with the activation %s`, async (activation, value) => {
    const scores = await scorePairs(folder, pairs, {}, activation);
    const differences = cases.map((one, i) => Math.abs(one[value] - (scores[i] as number)));
    expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
  });
});
