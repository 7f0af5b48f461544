import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectScoresOf } from '../lexical/bm25s.js';

const DATA = '../shared/data/scifact-2k';

it.skipIf(!existsSync(DATA))('BM25 on SciFact scores as bm25s does', async () => {
  await expectScoresOf('fixtures/references/bm25s-scifact.jsonl', DATA);
  expect.hasAssertions();
});
