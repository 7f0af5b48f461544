import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import { identifyReranker } from '#dist/rerank/identify-reranker.js';
import type { RerankSetup } from '#dist/rerank/rerank-worker.js';
import type { Pair, PairReranker } from '#dist/rerank/reranker.js';
import { createStoredReranker } from '#dist/rerank/stored-reranker.js';
import { EmbeddingStore } from '#dist/store/embedding-store.js';
import { nameIdentity } from '#dist/store/find-store.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';
import { findReranker, plan, TINY_RERANKER } from './score-pairs.js';

afterEach(removeTemporaryFolders);

const PAIRS = Array.from({ length: 30 }, (_, i): Pair => [`query ${i % 3}`, `passage ${i}`]);
const logitOf = ([query, passage]: Pair) =>
  Math.fround(query.length / 7 + passage.length * 0.3 + Number(passage.slice(8)) / 9);

const double = (logit: number) => 2 * logit;

/** Scores three pairs at a time, the last ones first, and notes which; it fails when it has scored so many. */
function scoring(asked: Pair[], most = Infinity): () => Promise<PairReranker> {
  return async () => ({
    async scorePairs(pairs, onScored) {
      for (let end = pairs.length; end > 0; end -= 3) {
        const places = [end - 1, end - 2, end - 3].filter((place) => place >= 0);
        if (asked.length + places.length > most) throw new Error('no more');
        asked.push(...places.map((place) => pairs[place] as Pair));
        const logits = Float32Array.from(places, (place) => logitOf(pairs[place] as Pair));
        await onScored(
          places,
          logits,
          places.map((place) => (pairs[place] as Pair)[1].endsWith('5')),
        );
      }
    },
    close: async () => {},
  });
}

const openStore = (folder: string) =>
  EmbeddingStore.open(join(folder, 'scores'), {}, (message) => expect(message).toBe(''));

describe('a reranker with a store', () => {
  const all = { scores: Float64Array.from(PAIRS, (pair) => double(logitOf(pair))), truncated: 3 };

  it('scores each pair once, over all runs, with or without one', async () => {
    const folder = makeTemporaryFolder();
    const asked: Pair[] = [];
    const first = createStoredReranker(scoring(asked), double, await openStore(folder));
    expect(await first.score(PAIRS.slice(0, 10))).toMatchObject({
      scores: all.scores.slice(0, 10),
      truncated: 1,
      reused: 0,
    });
    await first.close();
    expect(asked).toHaveLength(10);
    const second = createStoredReranker(scoring(asked), double, await openStore(folder));
    const done: number[] = [];
    expect(await second.score(PAIRS, (count) => done.push(count))).toEqual({ ...all, reused: 10 });
    expect([done[0], done.at(-1)]).toEqual([10, 30]);
    await second.close();
    expect(asked.toSorted()).toEqual(PAIRS.toSorted());
    const third = createStoredReranker(
      () => Promise.reject(new Error('is not needed')),
      double,
      await openStore(folder),
    );
    expect(await third.score(PAIRS.toReversed())).toEqual({
      scores: all.scores.toReversed(),
      truncated: 3,
      reused: 30,
    });
    await third.close();
    expect(await createStoredReranker(scoring([]), double).score(PAIRS)).toEqual({ ...all, reused: 0 });
  });

  it('keeps what was scored before it failed', async () => {
    const folder = makeTemporaryFolder();
    const asked: Pair[] = [];
    const first = createStoredReranker(scoring(asked, 20), double, await openStore(folder));
    await expect(first.score(PAIRS)).rejects.toThrow('no more');
    await first.close();
    expect(asked).toHaveLength(18);
    const second = createStoredReranker(scoring(asked), double, await openStore(folder));
    expect(await second.score(PAIRS)).toEqual({ ...all, reused: 18 });
    await second.close();
    expect(asked).toHaveLength(30);
  });

  it('tells pairs apart whose texts joined are the same', async () => {
    const folder = makeTemporaryFolder();
    const asked: Pair[] = [];
    const pairs: Pair[] = [
      ['a b', 'passage 1'],
      ['a', 'b passage 1'],
    ];
    const reranker = createStoredReranker(scoring(asked), double, await openStore(folder));
    for (const pair of pairs) await reranker.score([pair]);
    await reranker.close();
    expect(asked).toEqual(pairs);
  });
});

describe('what tells the scores of one reranker from those of another', () => {
  async function nameOf(folder: string, settings: MineSettings = {}): Promise<string> {
    const { setups } = await plan(folder, settings);
    return nameIdentity(await identifyReranker(findReranker(folder, settings.rerankerDtype), setups[0] as RerankSetup));
  }

  it('is the model, wherever it is, and how pairs are cut, but nothing else', async () => {
    const copy = join(makeTemporaryFolder(), 'copy');
    cpSync(TINY_RERANKER, copy, { recursive: true });
    const name = await nameOf(TINY_RERANKER);
    expect(await nameOf(copy)).toBe(name);
    expect(await nameOf(TINY_RERANKER, { workers: 1, batchSize: 3, rerankDepth: 5 })).toBe(name);
    expect(await nameOf(TINY_RERANKER, { rerankerMaxLength: 20 })).not.toBe(name);
    for (const file of ['onnx/model.onnx', 'tokenizer.json']) {
      const changed = join(makeTemporaryFolder(), 'changed');
      cpSync(TINY_RERANKER, changed, { recursive: true });
      writeFileSync(join(changed, file), Buffer.concat([readFileSync(join(changed, file)), Buffer.from('\n')]));
      expect(await nameOf(changed).catch(() => 'not a model')).not.toBe(name);
    }
  });
});
