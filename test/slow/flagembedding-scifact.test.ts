import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectWindowsOf } from '../flagembedding.js';

const DATA = '../shared/data/scifact-2k';
const MODEL = '../shared/models/all-MiniLM-L6-v2';

it.skipIf(!existsSync(DATA) || !existsSync(MODEL))('raw windows on SciFact are those of FlagEmbedding', async () => {
  await expectWindowsOf('fixtures/references/flagembedding-minilm-scifact.jsonl', DATA, {
    model: MODEL,
    dtype: 'fp32',
  });
  expect.hasAssertions();
});
