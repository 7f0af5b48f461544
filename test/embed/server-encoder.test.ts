import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { EMBEDDER, requestVectors } from '#dist/embed/embedding-server.js';
import type { Role } from '#dist/embed/encoder.js';
import { planEncoder, startEncoder } from '#dist/embed/onnx-encoder.js';
import { planServerEncoder } from '#dist/embed/server-encoder.js';
import { encodeTexts } from '#dist/embed/stored-encoder.js';
import { type MinedRecord, type MineOptions, mine } from '#dist/index.js';
import { describeMachine } from '#dist/machine.js';
import { chooseEncoder, findLocalModel } from '#dist/model/locate-model.js';
import type { ModelFiles } from '#dist/model/model-files.js';
import { askPatiently } from '#dist/server/servers.js';
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
  const planned = await planServerEncoder(parseConfig({ embedder: address, ...settings }), { key: undefined });
  const started = await planned.start();
  const found = new Array<number[]>(texts.length);
  await started.encodeRows(texts, role, async (places, vectors) => {
    for (const [i, place] of places.entries())
      found[place] = [...vectors.subarray(i * started.dim, (i + 1) * started.dim)];
  });
  return found;
}

type Patience = Partial<Parameters<typeof askPatiently>[2]>;

/** The vector of a text, asked for until it comes. */
function askFor(text: string, { address }: { address: string }, patience: Patience) {
  const endpoint = { kind: EMBEDDER, address, url: `${address}/v1/embeddings`, model: undefined, key: undefined };
  const { signal } = new AbortController();
  return askPatiently([endpoint], (one, limits) => requestVectors(one, [text], limits), { signal, ...patience });
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
    const planned = await planServerEncoder(parseConfig(settings), { key: 'secret' });
    const started = await planned.start();
    const texts = POOL.map(({ text }) => text);
    const done: number[] = [];
    await started.encodeRows(texts, 'passage', async (places) => void done.push(...places));
    await started.close();
    const [short, long, ...rest] = server.asked;
    for (const probe of [short, long]) expect(probe?.input).toHaveLength(1);
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
    const server = await serveEmbeddings({ embed: hashVector, faultOf: (request) => faults[request + 1] });
    expect(await askFor('one', server, { delays: [1, 1, 1, 1] })).toEqual([Float32Array.from(hashVector('one'))]);
    expect(server.asked).toHaveLength(5);
  });

  it('is not waited for without end', async () => {
    const server = await serveEmbeddings({ embed: () => new Promise<never>(() => {}) });
    const told: string[] = [];
    const onRetry = (_: unknown, reason: string) => void told.push(reason.replace(/:\d+:/, ':'));
    const limits = { delays: [1], limit: 100, onRetry };
    const says = 'http://127.0.0.1: no answer for 0.1 s; lower --batch-size';
    await expect(askFor('one', server, limits)).rejects.toThrow('no answer for 0.1 s');
    expect(told).toEqual([says]);
    expect(server.asked).toHaveLength(2);
  });

  it('has its failures told once, while it is asked again', async () => {
    const server = await serveEmbeddings({
      embed: hashVector,
      faultOf: (request) => (request === 2 || request === 3 ? { status: 503, body: 'loading' } : undefined),
    });
    const { told, rows } = await collect({ embedder: server.address });
    expect(rows).toHaveLength(6);
    const says = `${server.address}: cannot answer now (HTTP 503: loading); try again later; asking again`;
    expect(told.filter((line) => line.includes('HTTP 503'))).toEqual([says]);
  });

  it('may refuse texts that are too long for it, where none of the data is', async () => {
    const refuse = { status: 400, body: '{"message":"This model\'s maximum context length is 512 tokens."}' };
    const server = await serveEmbeddings({
      embed: hashVector,
      faultOf: (_, { input }) => ((input[0] ?? '').length > 2000 ? refuse : undefined),
    });
    const { rows, told } = await collect({ embedder: server.address });
    expect(rows).toHaveLength(6);
    expect(told).toContain(`tiny at ${server.address}: vectors of 3 values; refuses texts that are too long`);
  });

  it('is never shown a key that cannot be one', async () => {
    const server = await serveEmbeddings({ embed: hashVector });
    for (const key of ['sk-a\nsk-b', 'sécret']) {
      expect(await refusalOf(planServerEncoder(parseConfig({ embedder: server.address }), { key }))).toBe(
        'HN_MINE_EMBEDDER_KEY: expected ASCII letters, digits and signs (found another character); copy the key again',
      );
    }
    expect(server.asked).toEqual([]);
  });

  it('is given up after some tries', async () => {
    const server = await serveEmbeddings({
      embed: hashVector,
      faultOf: () => ({ status: 500, body: '{"error":{"message":"out of\\nmemory"}}' }),
    });
    expect(await refusalOf(askFor('one', server, { delays: [1, 1] }))).toBe(
      'http://HOST: cannot answer now (HTTP 500: out of memory); try again later',
    );
    expect(server.asked).toHaveLength(3);
  });

  it('shares the work with others, and has its own done by them when it goes', async () => {
    const [first, second] = [
      await serveEmbeddings({ embed: hashVector }),
      await serveEmbeddings({ embed: hashVector }),
    ];
    const config = parseConfig({ embedder: [first.address, second.address], batchSize: 1 });
    const started = await (await planServerEncoder(config, { key: undefined })).start();
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
          input.length > 1 ? { status: 422, body: '{"message":"batch size 3 > maximum 2"}' } : undefined,
      },
      says: 'http://HOST: the server refused (HTTP 422: batch size 3 > maximum 2); lower --batch-size',
    },
    {
      title: 'another kind of answer',
      serving: { answer: () => ({ embeddings: [] }) },
      says: 'http://HOST: expected {"data": [{"index", "embedding"}]} (found {"embeddings":[]})',
    },
    {
      title: 'too few vectors',
      serving: { answer: (vectors) => ({ data: vectors.slice(1).map((embedding, index) => ({ index, embedding })) }) },
      says: 'http://HOST: expected a vector of numbers for each of one text, with its index (found 0 of 0)',
    },
    {
      title: 'the same place twice',
      serving: { answer: (vectors) => ({ data: vectors.map((embedding) => ({ index: 0, embedding })) }) },
      says: 'http://HOST: expected a vector of numbers for each of 3 texts, with its index (found 1 of 3)',
    },
    {
      title: 'what is no number',
      serving: { embed: (text) => (text === 'two' ? [1, null, 0] : hashVector(text)) },
      says: 'http://HOST: expected a vector of numbers for each of 3 texts, with its index (found 2 of 3)',
    },
    {
      title: 'a page in place of an answer',
      serving: { faultOf: () => ({ status: 200, body: '<html>\n<h1>Welcome</h1>' }) },
      says: 'http://HOST: expected JSON (found "<html> <h1>Welcome</h1>")',
    },
    {
      title: 'a model that is not there',
      serving: { faultOf: () => ({ status: 404, body: '{"error":{"message":"The model `b` does not exist"}}' }) },
      settings: { embedderModel: 'b' },
      says: 'http://HOST: the server refused (HTTP 404: The model `b` does not exist)',
    },
    {
      title: 'a text that is too long',
      serving: {
        faultOf: (request) =>
          request < 2 ? undefined : { status: 413, body: '{"error":"inputs must have less than 512 tokens"}' },
      },
      says: 'http://HOST: the server refused (HTTP 413: inputs must have less than 512 tokens); shorten the texts, or have the server cut them off',
    },
    {
      title: 'zero vectors alone',
      serving: { embed: () => [0, 0, 0] },
      says: 'http://HOST: the embedding of a text is all zeros',
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
    const plan = (...embedder: string[]) => refusalOf(planServerEncoder(parseConfig({ embedder }), { key: undefined }));
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

  it('never mix where two models of one name begin at once, and are found again when another is gone', async () => {
    const cacheDir = makeFolder();
    const [one, two] = [hashVector, (text: string) => hashVector(`${text}!`)].map((embed) =>
      serveEmbeddings({ embed }),
    );
    const servers = [await (one as typeof one & object), await (two as typeof two & object)];
    const alone = await Promise.all(servers.map((server) => collect({ embedder: server.address })));
    expect(alone[0]?.rows).not.toEqual(alone[1]?.rows);
    await Promise.all(servers.map((server) => countAsked(server, { cacheDir })));
    for (const [i, server] of servers.entries()) {
      expect(await countAsked(server, { cacheDir })).toMatchObject({ rows: alone[i]?.rows, asked: 0 });
    }
    const stores = join(cacheDir, 'embeddings');
    const [first, second] = readdirSync(stores) as [string, string];
    // A description that cannot be read is nobody's.
    writeFileSync(join(stores, first, 'encoder.json'), '');
    rmSync(join(stores, second), { recursive: true });
    for (const [i, server] of servers.entries()) {
      expect((await countAsked(server, { cacheDir })).rows).toEqual(alone[i]?.rows);
      expect(await countAsked(server, { cacheDir })).toMatchObject({ rows: alone[i]?.rows, asked: 0 });
    }
  });
});
