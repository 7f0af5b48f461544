import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { createMilvusIndex } from '#dist/search/milvus.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';
import { randomVectors } from './brute-force.js';

const ADDRESS = 'localhost:19530';

afterEach(removeTemporaryFolders);

const noOther = () => Promise.reject(new Error('is not needed'));

/** A folder with a client that consists of this one module. */
function installClient(source: string): string {
  const folder = makeTemporaryFolder();
  mkdirSync(join(folder, 'node_modules/@zilliz/milvus2-sdk-node'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/@zilliz/milvus2-sdk-node/index.js'), source);
  return folder;
}

/** A client whose answers are all well, but for those given. */
const answering = (answers: string) => `
  const ok = { code: 0, error_code: 'Success', reason: '' };
  exports.DataType = { Int64: 5, FloatVector: 101 };
  exports.MilvusClient = class {
    constructor(options) { this.options = options; this.connectPromise = Promise.resolve(); this.rows = []; }
    async showCollections() { return { status: ok, data: [] }; }
    async createCollection() { return ok; }
    async insert({ data }) { this.rows.push(...data); return { status: ok }; }
    async flushSync() { return { status: ok }; }
    async createIndex() { return ok; }
    async describeIndex() { return { status: ok, index_descriptions: [{ state: 'Finished' }] }; }
    async loadCollectionSync() { return ok; }
    async count() { return { status: ok, data: this.rows.length }; }
    async dropCollection() { return ok; }
    async closeConnection() {}
    async search({ data, limit }) {
      const hits = Array.from({ length: limit }, (_, i) => ({ id: String(i), score: 0 }));
      return { status: ok, results: data.length === 1 ? hits : data.map(() => hits) };
    }
    ${answers}
  };`;

const passages = randomVectors(3, 4, 1);
const queries = randomVectors(2, 4, 2);

async function refusalOf(work: Promise<unknown>): Promise<object> {
  const error = await work.then(
    () => new Error('no error'),
    (error: Error) => error,
  );
  return { ...error, message: error.message };
}

const refusal = (message: string) => expect.objectContaining({ code: 'search', message: `--index milvus: ${message}` });

describe('an index of Milvus', () => {
  it('asks for its client with the line that installs it', async () => {
    expect(await refusalOf(createMilvusIndex(passages, { address: ADDRESS }, noOther))).toEqual(
      refusal(
        'the package @zilliz/milvus2-sdk-node is not installed; run "npm install @zilliz/milvus2-sdk-node" beside hn-mine, or use --index flat (exact as well)',
      ),
    );
  });

  it.each([
    {
      what: 'a client that does not load',
      source: 'throw new Error("no protobuf\\nat all")',
      message: 'the package @zilliz/milvus2-sdk-node is installed but does not load (no protobuf)',
    },
    {
      what: 'a server that is not there',
      source: answering(
        'async showCollections() { throw new Error("14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ") }',
      ),
      message: `${ADDRESS}: no answer (connect ECONNREFUSED 127.0.0.1:1); see whether Milvus is well, and run again`,
    },
    {
      what: 'a database that does not exist',
      source: answering(
        `async showCollections() { return { status: { ...ok, code: 1, reason: "database 'x' does not exist" }, data: [] } }`,
      ),
      message: `${ADDRESS}: Milvus refused (database 'x' does not exist)`,
    },
    {
      what: 'an index that fails',
      source: answering(
        `async describeIndex() { return { status: ok, index_descriptions: [{ state: 'Failed', index_state_fail_reason: 'no space' }] } }`,
      ),
      message: 'Milvus cannot index (no space)',
    },
    {
      what: 'vectors that are lost',
      source: answering('async count() { return { status: ok, data: 2 } }'),
      message: 'Milvus holds 2 of 3 vectors',
    },
  ])('is refused for $what', async ({ source, message }) => {
    const resolveFrom = installClient(source);
    expect(await refusalOf(createMilvusIndex(passages, { address: ADDRESS, resolveFrom }, noOther))).toEqual(
      refusal(message),
    );
  });

  it.each([
    {
      what: 'gives too few',
      source: 'async search() { return { status: ok, results: [[], []] } }',
      message: 'Milvus gave 0 of the 3 best passages',
    },
    {
      what: 'fails',
      source: `async search() { return { status: { code: 65535, error_code: 'UnexpectedError', reason: 'out\\nof memory' }, results: [] } }`,
      message: `${ADDRESS}: Milvus refused (out of memory)`,
    },
  ])('fails where a search $what', async ({ source, message }) => {
    const index = await createMilvusIndex(
      passages,
      {
        address: ADDRESS,
        resolveFrom: installClient(answering(source)),
      },
      noOther,
    );
    expect(await refusalOf(index.search(queries, 3))).toEqual(refusal(message));
    await index.close();
  });

  it('has another one search below ceilings, and deeper than Milvus ranks', async () => {
    const equal = { data: new Float32Array(2 * 20_000).fill(0.5), dim: 2, count: 20_000 };
    const resolveFrom = installClient(
      answering(`async search({ limit }) {
        return { status: ok, results: Array.from({ length: limit }, (_, i) => ({ id: String(i), score: 0.5 })) };
      }`),
    );
    const asked: unknown[] = [];
    const other = {
      size: 20_000,
      search: async (some: Embeddings, k: number, below?: Float64Array) => {
        asked.push([some.count, k, below?.[0]]);
        return [];
      },
      close: async () => void asked.push('closed'),
    };
    const index = await createMilvusIndex(equal, { address: ADDRESS, resolveFrom }, async () => other);
    // All scores are equal, so that only the whole pool decides.
    await index.search({ ...equal, count: 1 }, 5000);
    await index.search({ ...equal, count: 1 }, 3, Float64Array.of(0.4));
    await index.close();
    expect(asked).toEqual([[1, 5000, undefined], [1, 3, 0.4], 'closed']);
  });

  it('that is closed ends its searches', async () => {
    const resolveFrom = installClient(
      answering(
        'search() { return new Promise((_, reject) => { this.end = reject }) } async closeConnection() { this.end(new Error("closed")) }',
      ),
    );
    const index = await createMilvusIndex(passages, { address: ADDRESS, resolveFrom }, noOther);
    const search = refusalOf(index.search(queries, 3));
    await index.close();
    await index.close();
    expect(await search).toEqual(refusal('the index was closed during a search'));
  });
});
