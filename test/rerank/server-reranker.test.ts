import { afterEach, describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { type MinedRecord, type MineOptions, mine, score } from '#dist/index.js';
import { startReranker } from '#dist/rerank/onnx-reranker.js';
import type { Activation } from '#dist/rerank/planned-reranker.js';
import type { Pair } from '#dist/rerank/reranker.js';
import { planServerReranker } from '#dist/rerank/server-reranker.js';
import { createStoredReranker } from '#dist/rerank/stored-reranker.js';
import { TINY_MODEL } from '../cli/run-cli.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';
import { plan, TINY_RERANKER } from './score-pairs.js';
import { serveScores } from './served-scores.js';

afterEach(removeTemporaryFolders);

const ROWS = Array.from({ length: 6 }, (_, i) => ({ query: `a question ${i}`, pos: [`passage ${i}`] }));
const POOL = Array.from({ length: 40 }, (_, i) => ({ text: `passage ${i}` }));
const MINED = ROWS.map((row, i) => ({ ...row, neg: [1, 2, 3].map((n) => `passage ${i + n}`) }));
const PAIRS: Pair[] = ['one', 'two'].flatMap((query) => POOL.slice(0, 5).map(({ text }): Pair => [query, text]));

/** Some number for a pair, between -3 and 3. */
const logitOf = (query: string, passage: string) =>
  3 * Math.sin([...`${query} ${passage}`].reduce((sum, character, i) => sum + (i + 1) * character.charCodeAt(0), 0));

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

type Serving = Partial<Parameters<typeof serveScores>[0]>;

async function open(address: string | string[], settings: MineSettings = {}, activation: Activation = 'model') {
  const config = parseConfig({ reranker: address, ...settings });
  const planned = await planServerReranker(config, { activation, key: undefined });
  return { notes: planned.notes, reranker: createStoredReranker(() => planned.start(), planned.activate) };
}

async function scoreBy(serving: Serving, activation: Activation = 'model', settings: MineSettings = {}) {
  const server = await serveScores({ logitOf, ...serving });
  const { reranker, notes } = await open(server.address, settings, activation);
  const { scores, truncated } = await reranker.score(PAIRS);
  expect(truncated).toBe(0);
  return { scores: [...scores], asked: server.asked, notes: notes.map((note) => note.replace(/.*\d+: /, '')) };
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: Error) => error.message.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST'),
  );

const expectNear = (found: readonly number[], expected: readonly number[]) => {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6);
};

const LOGITS = PAIRS.map((pair) => logitOf(...pair));

describe('a server of a reranker', () => {
  it('gives the rows that its model gives here', async () => {
    const model = await startReranker(await plan(TINY_RERANKER, { workers: 1 }, 'none'));
    const known = new Map<string, number>();
    const texts = [...ROWS.flatMap(({ pos }) => pos), ...POOL.map(({ text }) => text)];
    const all = ROWS.flatMap(({ query }) => texts.map((text): Pair => [query, text]));
    const { scores } = await model.score(all);
    await model.close();
    for (const [i, pair] of all.entries()) known.set(JSON.stringify(pair), scores[i] as number);
    // The tiny model's own function is none, so its server gives logits.
    const { address } = await serveScores({
      logitOf: (...pair) => known.get(JSON.stringify(pair)) ?? logitOf(...pair),
      gives: 'logits',
    });
    const collect = async (options: Partial<MineOptions>) => {
      const rows: MinedRecord[] = [];
      const settings = { range: '0-20', neg: 5, scores: true, workers: 1, model: TINY_MODEL } as const;
      const mined = mine({ input: ROWS, pool: POOL, ...settings, ...options });
      for await (const row of mined) rows.push(row);
      return { rows, summary: mined.summary() };
    };
    const there = await collect({ reranker: address });
    const here = await collect({ reranker: TINY_RERANKER });
    expect(there.rows).toEqual(here.rows);
    expect(there.summary.reranker).toEqual({ model: `tiny at ${address}`, pairs: 126, truncated: null, reused: 0 });
  });

  it.each(['jina', 'tei'] as const)('gives what it makes of logits, in the style of %s', async (style) => {
    const { scores, asked } = await scoreBy({ style });
    expectNear(scores, LOGITS.map(sigmoid));
    expect(asked.map(({ raw_scores }) => raw_scores)).toEqual(Array(4).fill(undefined));
  });

  it.each(['jina', 'tei'] as const)('gives logits where they are wanted, in the style of %s', async (style) => {
    expectNear((await scoreBy({ style }, 'none')).scores, LOGITS);
    expectNear((await scoreBy({ style }, 'sigmoid')).scores, LOGITS.map(sigmoid));
    expectNear((await scoreBy({ style, gives: 'logits' }, 'none')).scores, LOGITS);
    expectNear((await scoreBy({ style, gives: 'logits' }, 'sigmoid')).scores, LOGITS.map(sigmoid));
  });

  it.each<{ title: string; serving: Serving }>([
    { title: 'gives no others', serving: { gives: 'sigmoid' } },
    {
      title: 'refuses to give others',
      serving: {
        faultOf: (_, { raw_scores }) =>
          raw_scores ? { status: 400, body: 'unknown parameter: raw_scores' } : undefined,
      },
    },
  ])('has its scores taken as they are where it $title', async ({ serving }) => {
    const { scores, notes } = await scoreBy(serving, 'none');
    expectNear(scores, LOGITS.map(sigmoid));
    expect(notes).toEqual([
      'what the server cuts off is not counted',
      'gives no logits, so its scores are taken as they are',
    ]);
    expectNear((await scoreBy(serving, 'sigmoid')).scores, LOGITS.map(sigmoid));
  });

  it('gives logits only where all servers of the model do', async () => {
    const [either, sigmoids] = [await serveScores({ logitOf }), await serveScores({ logitOf, gives: 'sigmoid' })];
    for (const addresses of [
      [either.address, sigmoids.address],
      [sigmoids.address, either.address],
    ]) {
      const { reranker } = await open(addresses, { batchSize: 1 }, 'none');
      expectNear([...(await reranker.score(PAIRS)).scores], LOGITS.map(sigmoid));
    }
    expect(sigmoids.asked.length).toBeGreaterThan(4);
  });

  it('is asked to cut off what is too long, where it does not by itself', async () => {
    const refuse = { status: 400, body: '{"message":"This model\'s maximum context length is 512 tokens."}' };
    const isLong = ({ documents = [] }: { documents?: readonly string[] }) =>
      documents.some((text) => text.length > 2000);
    const strict = await scoreBy({ faultOf: (_, asked) => (isLong(asked) ? refuse : undefined) });
    expect(strict.notes).toEqual(['refuses texts that are too long']);
    const able = await scoreBy({
      faultOf: (_, asked) => (isLong(asked) && asked.truncate_prompt_tokens === undefined ? refuse : undefined),
    });
    expect(able.notes).toEqual(['what the server cuts off is not counted']);
    expectNear(able.scores, LOGITS.map(sigmoid));
    expect(able.asked.slice(-2).map(({ truncate_prompt_tokens }) => truncate_prompt_tokens)).toEqual([-1, -1]);
  });

  it('is asked with its model and key, for one query at a time, no more passages than told', async () => {
    const server = await serveScores({ logitOf, path: '/v1/rerank', models: ['a', 'b'] });
    const config = parseConfig({ reranker: server.address, rerankerModel: 'b', batchSize: 2 });
    const planned = await planServerReranker(config, { activation: 'model', key: 'secret' });
    const done: number[] = [];
    const reranker = createStoredReranker(() => planned.start(), planned.activate);
    await reranker.score(PAIRS.toReversed(), (count) => done.push(count));
    const [, , ...rest] = server.asked;
    const pairs = rest.flatMap(({ query, documents = [] }) => documents.map((passage) => `${query} ${passage}`));
    expect(pairs.toSorted()).toEqual(PAIRS.map(([query, passage]) => `${query} ${passage}`).toSorted());
    expect(rest.map(({ documents }) => documents?.length).toSorted()).toEqual([1, 1, 2, 2, 2, 2]);
    expect(new Set(server.asked.map(({ model, key }) => `${model} ${key}`))).toEqual(new Set(['b Bearer secret']));
    expect(done.at(-1)).toBe(PAIRS.length);
  });

  it('shares the work with others, and has its own done by them when it goes', async () => {
    const [first, second] = [await serveScores({ logitOf }), await serveScores({ logitOf })];
    const { reranker } = await open([first.address, second.address], { batchSize: 1 });
    const pairs = Array.from({ length: 200 }, (_, i): Pair => ['q', `text ${i}`]);
    const { scores } = await reranker.score(pairs, (done) => {
      if (done === 60) void first.close();
    });
    expectNear(
      [...scores],
      pairs.map((pair) => sigmoid(logitOf(...pair))),
    );
    expect(first.asked.length).toBeGreaterThan(20);
    expect(first.asked.length + second.asked.length).toBeGreaterThanOrEqual(202);
  });

  it('has its refusal told by all that was under way', async () => {
    const { address } = await serveScores({
      logitOf,
      faultOf: (request) => (request === 20 ? { status: 400, body: '{"message":"no more"}' } : undefined),
    });
    const { reranker } = await open(address, { batchSize: 1 });
    const pairs = Array.from({ length: 40 }, (_, i): Pair => ['q', `text ${i}`]);
    const both = await Promise.all([pairs, pairs].map((some) => refusalOf(reranker.score(some))));
    expect(new Set(both)).toEqual(new Set(['http://HOST: the server refused (HTTP 400: no more)']));
    expect(await refusalOf(reranker.score(pairs))).toBe('http://HOST: the server refused (HTTP 400: no more)');
  });

  it('has its scores kept, wherever it is, apart from those of another model of its name and from its logits', async () => {
    const cacheDir = makeTemporaryFolder();
    const server = await serveScores({ logitOf });
    const moved = await serveScores({ logitOf });
    const other = await serveScores({ logitOf: (query, passage) => logitOf(query, `${passage}!`) });
    const rescore = async ({ address, asked }: typeof server, activation: Activation = 'model') => {
      const before = asked.length;
      const scored = score({ input: MINED, reranker: address, activation, cacheDir });
      const rows: unknown[] = [];
      for await (const { neg_scores } of scored) rows.push(neg_scores);
      const pairs = asked.slice(before).flatMap(({ query, documents = [] }) => (query.includes('?') ? [] : documents));
      return { rows, pairs: pairs.length };
    };
    const first = await rescore(server);
    expect(first.pairs).toBe(24);
    expect(await rescore(server)).toEqual({ rows: first.rows, pairs: 0 });
    expect(await rescore(moved)).toEqual({ rows: first.rows, pairs: 0 });
    const changed = await rescore(other);
    expect(changed.pairs).toBe(24);
    expect(changed.rows).not.toEqual(first.rows);
    expect((await rescore(server, 'none')).pairs).toBe(24);
  });

  it.each<{ title: string; serving: Serving; settings?: MineSettings; says: string }>([
    {
      title: 'several models',
      serving: { models: ['a', 'b'] },
      says: 'http://HOST: has several models; name one with --reranker-model (found a, b)',
    },
    {
      title: 'what it does not have',
      serving: {
        faultOf: () => ({ status: 501, body: '{"error":{"message":"This server does not support reranking"}}' }),
      },
      says: 'http://HOST: the server refused (HTTP 501: This server does not support reranking)',
    },
    {
      title: 'another path',
      serving: { path: '/api/rerank' },
      says: 'http://HOST: has neither /v1/rerank nor /rerank (http://HOST: the server refused (HTTP 404: Not Found)); give the whole address',
    },
    {
      title: 'a key that is missing',
      serving: { faultOf: () => ({ status: 401, body: '{"error":"no key"}' }) },
      says: 'http://HOST: access refused (HTTP 401: no key); set HN_MINE_RERANKER_KEY',
    },
    {
      title: 'a model that is no reranker',
      serving: {
        style: 'tei',
        faultOf: () => ({ status: 424, body: '{"error":"model is not a re-ranker model","error_type":"Backend"}' }),
      },
      says: 'http://HOST: the server refused (HTTP 424: model is not a re-ranker model)',
    },
    {
      title: 'another kind of answer',
      serving: { answer: () => ({ scores: [] }) },
      says: 'http://HOST: expected {"results": [{"index", "relevance_score"}]} or [{"index", "score"}] (found {"scores":[]})',
    },
    {
      title: 'too few scores',
      serving: { answer: (scores) => scores.slice(1).map((score, index) => ({ index, score })) },
      says: 'http://HOST: expected a score for each of 4 passages, with its index from 0 (found 3 in 3)',
    },
    {
      title: 'the same place twice',
      serving: { answer: (scores) => scores.map((score) => ({ index: 0, score })) },
      says: 'http://HOST: expected a score for each of 4 passages, with its index from 0 (found 1 in 4)',
    },
    {
      title: 'too many passages',
      serving: {
        faultOf: (_, { documents = [] }) =>
          documents.length > 4 ? { status: 413, body: '{"message":"batch size 5 > maximum 4"}' } : undefined,
      },
      says: 'http://HOST: the server refused (HTTP 413: batch size 5 > maximum 4); lower --batch-size',
    },
  ])('is refused for $title', async ({ serving, settings, says }) => {
    expect(await refusalOf(scoreBy(serving, 'model', settings))).toBe(says);
  });

  it('is refused where it is not there, or gives other scores than the first', async () => {
    const { address } = await serveScores({ logitOf });
    const other = await serveScores({ logitOf: (query, passage) => logitOf(query, `${passage}!`) });
    const gone = await serveScores({ logitOf });
    await gone.close();
    expect(await refusalOf(open([address, other.address]))).toBe(
      'http://HOST: gives other scores than http://HOST; all --reranker must serve the same model',
    );
    expect(await refusalOf(open([address, gone.address]))).toBe(
      'http://HOST: not reachable (connect ECONNREFUSED HOST); start the server, or correct --reranker',
    );
  });
});
