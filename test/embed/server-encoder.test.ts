import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { requestPatiently } from '#dist/embed/embedding-server.js';
import type { Role } from '#dist/embed/encoder.js';
import { planEncoder, startEncoder } from '#dist/embed/onnx-encoder.js';
import { planServerEncoder } from '#dist/embed/server-encoder.js';
import { encodeTexts } from '#dist/embed/stored-encoder.js';
import { type MinedRecord, type MineOptions, mine } from '#dist/index.js';
import { describeMachine } from '#dist/machine.js';
import { chooseEncoder, findLocalModel } from '#dist/model/locate-model.js';
import type { ModelFiles } from '#dist/model/model-files.js';
import { TINY_MODEL } from '../cli/run-cli.js';
import { hashVector } from '../mine-in-memory.js';
import { serveEmbeddings } from './served-embeddings.js';

const ROWS = Array.from({ length: 6 }, (_, i) => ({ query: `a question ${i}`, pos: [`passage ${i}`] }));
const POOL = Array.from({ length: 40 }, (_, i) => ({ text: `passage ${i}` }));
const SETTINGS = { range: '0-20', neg: 5, scores: true, workers: 1 } as const;

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'server-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The tiny model in this process, behind a server. */
async function serveTinyModel() {
  const config = parseConfig({ model: TINY_MODEL, workers: 1, normalize: false });
  const files = findLocalModel(chooseEncoder(config)) as ModelFiles;
  const encoder = await startEncoder(await planEncoder(files, config, describeMachine()));
  onTestFinished(() => encoder.close());
  return serveEmbeddings({
    embed: async (text) => [...(await encodeTexts(encoder, [text], 'passage')).embeddings.data],
  });
}

async function collect(options: Partial<MineOptions>) {
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const rows: MinedRecord[] = [];
  const mined = mine({ input: ROWS, pool: POOL, ...SETTINGS, onNote: tell, onWarning: tell, ...options });
  for await (const row of mined) rows.push(row);
  return { rows, told, summary: mined.summary() };
}

/** Vectors of some texts from a server whose answers are as described. */
async function encode(
  serving: Partial<Parameters<typeof serveEmbeddings>[0]>,
  settings: MineSettings = {},
  role: Role = 'query',
) {
  const { address } = await serveEmbeddings({ embed: hashVector, ...serving });
  const texts = ['one', 'two', 'three'];
  const planned = await planServerEncoder(parseConfig({ embedder: address, ...settings }), undefined);
  const started = await planned.start();
  const found = new Array<number[]>(texts.length);
  await started.encodeRows(texts, role, async (places, vectors) => {
    for (const [i, place] of places.entries())
      found[place] = [...vectors.subarray(i * started.dim, (i + 1) * started.dim)];
  });
  return found;
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: Error) => error.message.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST'),
  );

describe('an embedding server', () => {
  it('gives the rows that its model gives here', async () => {
    const { address } = await serveTinyModel();
    const here = await collect({ model: TINY_MODEL, queryInstruction: 'find: ' });
    const there = await collect({ embedder: address, queryInstruction: 'find: ' });
    expect(there.rows.map(({ neg }) => neg)).toEqual(here.rows.map(({ neg }) => neg));
    for (const [i, { pos_scores }] of there.rows.entries()) {
      expect(pos_scores?.[0]).toBeCloseTo(here.rows[i]?.pos_scores?.[0] as number, 5);
    }
    expect(there.summary).toMatchObject({ model: `tiny at ${address}`, texts: { distinct: 46 } });
    expect(there.told).toContain(`tiny at ${address}: vectors of 32 values; what the server cuts off is not counted`);
  });

  it('is asked for each text once, with prompts, model and key, no more texts at once than told', async () => {
    const server = await serveEmbeddings({ embed: hashVector, models: ['a', 'b'], path: '/embeddings' });
    const settings = { embedder: server.address, embedderModel: 'b', batchSize: 4, passageInstruction: 'p: ' };
    const planned = await planServerEncoder(parseConfig(settings), 'secret');
    const started = await planned.start();
    const texts = POOL.map(({ text }) => text);
    const done: number[] = [];
    await started.encodeRows(texts, 'passage', async (places) => void done.push(...places));
    await started.close();
    const [probe, ...rest] = server.asked;
    expect(probe?.input).toHaveLength(2);
    expect(rest.flatMap(({ input }) => input).toSorted()).toEqual(texts.map((text) => `p: ${text}`).toSorted());
    expect(Math.max(...rest.map(({ input }) => input.length))).toBe(4);
    expect(new Set(server.asked.map(({ model, key }) => `${model} ${key}`))).toEqual(new Set(['b Bearer secret']));
    expect(done.toSorted((a, b) => a - b)).toEqual(texts.map((_, i) => i));
  });

  it('is asked again where it is busy, restarts or breaks off', async () => {
    const faults = [
      undefined,
      { status: 503, body: 'loading' },
      'hang up',
      'break off',
      { status: 429, body: '' },
    ] as const;
    const endpoint = {
      ...(await serveEmbeddings({ embed: hashVector, faultOf: (request) => faults[request + 1] })),
      model: 'tiny',
    };
    const url = `${endpoint.address}/v1/embeddings`;
    const signal = new AbortController().signal;
    const vectors = await requestPatiently([{ ...endpoint, url, key: undefined }], ['one'], signal, [1, 1, 1, 1]);
    expect(vectors).toEqual([Float32Array.from(hashVector('one'))]);
    expect(endpoint.asked).toHaveLength(5);
  });

  it('is given up after some tries', async () => {
    const server = await serveEmbeddings({
      embed: hashVector,
      faultOf: () => ({ status: 500, body: '{"error":{"message":"out of\\nmemory"}}' }),
    });
    const endpoint = {
      address: server.address,
      url: `${server.address}/v1/embeddings`,
      model: undefined,
      key: undefined,
    };
    const work = requestPatiently([endpoint], ['one'], new AbortController().signal, [1, 1]);
    expect(await refusalOf(work)).toBe('http://HOST: cannot answer now (HTTP 500: out of memory); try again later');
    expect(server.asked).toHaveLength(3);
  });

  it('shares the work with others, and has its own done by them when it goes', async () => {
    const [first, second] = [
      await serveEmbeddings({ embed: hashVector }),
      await serveEmbeddings({ embed: hashVector }),
    ];
    const config = parseConfig({ embedder: [first.address, second.address], batchSize: 1 });
    const started = await (await planServerEncoder(config, undefined)).start();
    const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`);
    let done = 0;
    await started.encodeRows(texts, 'query', async () => {
      if (++done === 60) await first.close();
    });
    expect(done).toBe(200);
    expect(first.asked.length).toBeGreaterThan(20);
    expect(first.asked.length + second.asked.length).toBeGreaterThanOrEqual(202);
  });

  it('normalizes unless told otherwise', async () => {
    const lengths = (vectors: number[][]) => vectors.map((vector) => Math.hypot(...vector));
    for (const length of lengths(await encode({}))) expect(length).toBeCloseTo(1, 6);
    expect(await encode({}, { normalize: false })).toEqual(
      ['one', 'two', 'three'].map((text) => [...Float32Array.from(hashVector(text))]),
    );
  });

  it.each<{
    title: string;
    serving: Partial<Parameters<typeof serveEmbeddings>[0]>;
    settings?: MineSettings;
    says: string;
  }>([
    {
      title: 'several models',
      serving: { models: ['a', 'b', 'a'] },
      says: 'http://HOST: has several models; name one with --embedder-model (found a, b)',
    },
    {
      title: 'another path',
      serving: { path: '/api/embeddings' },
      says: 'http://HOST: has neither /v1/embeddings nor /embeddings (http://HOST: the server refused (HTTP 404: Not Found)); give the whole address',
    },
    {
      title: 'a key that is missing',
      serving: { faultOf: () => ({ status: 401, body: '{"error":"no key"}' }) },
      says: 'http://HOST: access refused (HTTP 401: no key); set HN_MINE_EMBEDDER_KEY',
    },
    {
      title: 'too many texts',
      serving: {
        faultOf: (_, { input }) =>
          input.length > 2 ? { status: 422, body: '{"message":"batch size 3 > maximum 2"}' } : undefined,
      },
      says: 'http://HOST: the server refused (HTTP 422: batch size 3 > maximum 2); lower --batch-size',
    },
    {
      title: 'another kind of answer',
      serving: { answer: (vectors) => ({ embeddings: vectors }) },
      says: 'http://HOST: expected {"data": [{"index", "embedding"}]} (found another "data")',
    },
    {
      title: 'too few vectors',
      serving: { answer: (vectors) => ({ data: vectors.slice(1).map((embedding, index) => ({ index, embedding })) }) },
      says: 'http://HOST: expected 2 vectors of numbers (found 1)',
    },
    {
      title: 'the same place twice',
      serving: { answer: (vectors) => ({ data: vectors.map((embedding) => ({ index: 0, embedding })) }) },
      says: 'http://HOST: expected 2 vectors of numbers (found 1)',
    },
    {
      title: 'what is no number',
      serving: { embed: (text) => (text === 'two' ? [1, null, 0] : hashVector(text)) },
      says: 'http://HOST: expected 3 vectors of numbers (found 2)',
    },
    {
      title: 'a zero vector',
      serving: { embed: (text) => (text === 'two' ? [0, 0, 0] : hashVector(text)) },
      says: 'http://HOST: the embedding of the query "two" is all zeros',
    },
    {
      title: 'a vector of another length',
      serving: { embed: (text) => (text === 'two' ? [1, 2] : hashVector(text)) },
      says: 'http://HOST: the embedding of the query "two" has 2 values instead of 3',
    },
  ])('is refused for $title', async ({ serving, settings, says }) => {
    expect(await refusalOf(encode(serving, settings))).toBe(says);
  });

  it('is refused where it is not there, or gives other vectors than the first', async () => {
    const { address } = await serveEmbeddings({ embed: hashVector });
    const other = await serveEmbeddings({ embed: (text) => hashVector(`${text}!`) });
    const gone = await serveEmbeddings({ embed: hashVector });
    await gone.close();
    const plan = (...embedder: string[]) => refusalOf(planServerEncoder(parseConfig({ embedder }), undefined));
    expect(await plan(address, other.address)).toBe(
      'http://HOST: gives other vectors than http://HOST; all --embedder must serve the same model',
    );
    expect(await plan(address, gone.address)).toBe(
      'http://HOST: not reachable (connect ECONNREFUSED HOST); start the server, or correct --embedder',
    );
  });
});

describe('the vectors of a server', () => {
  /** Counts the texts that a run asks a server for, the two that tell its model apart. */
  async function countAsked(server: Awaited<ReturnType<typeof serveEmbeddings>>, options: Partial<MineOptions>) {
    const before = server.asked.length;
    const { rows, summary } = await collect({ embedder: server.address, ...options });
    return {
      rows,
      asked: server.asked.slice(before).flatMap(({ input }) => input).length - 2,
      reused: summary.texts.reused,
    };
  }

  it('are kept by the name of the model and by what it answers, wherever it is', async () => {
    const cacheDir = makeFolder();
    const near = (text: string) => hashVector(text).map((value) => value * (1 + 1e-4 * Math.sin(text.length)));
    const [server, moved] = [await serveEmbeddings({ embed: hashVector }), await serveEmbeddings({ embed: near })];
    const changed = await serveEmbeddings({ embed: (text) => hashVector(`${text}!`) });
    const named = await serveEmbeddings({ embed: hashVector, models: ['another'] });
    const first = await countAsked(server, { cacheDir });
    expect(first).toMatchObject({ asked: 46, reused: 0 });
    expect(await countAsked(server, { cacheDir })).toEqual({ rows: first.rows, asked: 0, reused: 46 });
    expect(await countAsked(moved, { cacheDir })).toEqual({ rows: first.rows, asked: 0, reused: 46 });
    for (const other of [changed, named]) expect(await countAsked(other, { cacheDir })).toMatchObject({ asked: 46 });
    expect(await countAsked(changed, { cacheDir })).toMatchObject({ asked: 0, reused: 46 });
    for (const settings of [{ normalize: false }, { queryInstruction: 'q: ' }]) {
      const { asked, reused } = await countAsked(server, { cacheDir, ...settings });
      expect(asked + reused).toBe(46);
      expect(asked).toBeGreaterThanOrEqual(6);
    }
  });
});
