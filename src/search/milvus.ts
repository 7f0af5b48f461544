import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Embeddings } from '../embed/encoder.js';
import { isAlive } from '../is-alive.js';
import { closeBeforeEnd } from '../unclosed.js';
import { createEngineIndex, cutPieces, type SearchEngine } from './engine-index.js';
import {
  type Client,
  type Connection,
  connect,
  failure,
  type Hit,
  type MilvusOptions,
  oneLine,
  within,
} from './milvus-client.js';
import { openVectors, type PassageVectors, type VectorPlace, vectorsInMemory } from './passage-vectors.js';
import type { VectorIndex } from './vector-index.js';

/** A search of Milvus gives no more. */
const MOST_RANKED = 16_384;

const LIMITS = { queries: 128, results: 2 ** 17, lanes: 4 };

/** Of vectors a request: an end must not wait long for one. */
const INSERTED_BYTES = 2 ** 20;

const VECTOR = 'vector';
const POLL_MS = 200;

/** What it may take until many vectors are written and loaded. */
const LOADING_MS = 3_600_000;

/** What the end of a run waits for its collection to be dropped. */
const END_MS = 10_000;

/**
 * A FLAT inner-product index of Milvus, rescored in float64. The vectors go to a collection of their own, which is dropped when
 * the index is closed, or by the next run on this machine where this one is killed.
 *
 * @param openOther opens what searches where Milvus cannot: below ceilings, and deeper than it ranks
 * @throws HnMineError `search` with the next step where the client is missing, Milvus is not there or refuses; from `search` where it
 * fails
 */
export async function createMilvusIndex(
  place: Embeddings | VectorPlace,
  options: MilvusOptions,
  openOther: () => Promise<VectorIndex>,
): Promise<VectorIndex> {
  const passages = 'source' in place ? openVectors(place) : vectorsInMemory(place);
  const index = await createEngineIndex(passages, () => openMilvus(passages, options), LIMITS);
  let other: Promise<VectorIndex> | undefined;
  const searchOther: VectorIndex['search'] = async (...search) => {
    other ??= openOther();
    return (await other).search(...search);
  };
  return {
    size: index.size,
    async search(queries, k, below) {
      if (below) return searchOther(queries, k, below);
      try {
        return await index.search(queries, k);
      } catch (error) {
        if (error instanceof TooDeep) return searchOther(queries, k);
        throw error;
      }
    },
    async close() {
      await Promise.all([index.close(), other?.then((one) => one.close())]);
    },
  };
}

/** More is asked for than Milvus ranks. */
class TooDeep extends Error {}

async function openMilvus(passages: PassageVectors, options: MilvusOptions): Promise<SearchEngine> {
  const connection = await connect(options);
  const name = nameCollection();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= drop(connection.client, name).then(forget);
    return closing;
  };
  const forget = closeBeforeEnd({ close });
  try {
    await dropLeftovers(connection);
    await fillCollection(connection, name, passages);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async search(queries, k) {
      try {
        return await searchFlat(connection, name, queries, k);
      } catch (error) {
        throw closing && !(error instanceof TooDeep) ? failure('the index was closed during a search') : error;
      }
    },
    close,
  };
}

/** Of processes that see each other: those of this machine since it was started, and of this container. Milvus takes letters, digits and underscores. */
const OWN_HEAD = `hn_mine_${nameProcessSpace()}_`;

function nameProcessSpace(): string {
  const read = (work: () => string) => {
    try {
      return work();
    } catch {
      // Only Linux has these.
      return '';
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const space = read(() => readlinkSync('/proc/self/ns/pid'));
  return createHash('sha256').update([hostname(), boot, space].join(' ')).digest('hex').slice(0, 12);
}

function nameCollection(): string {
  return `${OWN_HEAD}${process.pid}_${randomBytes(4).toString('hex')}`;
}

/** Those of processes that this one would see, and that are gone. */
async function dropLeftovers({ client, ask }: Connection): Promise<void> {
  const { data } = await ask(client.showCollections());
  for (const { name } of data) {
    const [, pid] = name.startsWith(OWN_HEAD) ? (/^(\d+)_[0-9a-f]{8}$/.exec(name.slice(OWN_HEAD.length)) ?? []) : [];
    // Another run may be first.
    if (pid !== undefined && !isAlive(Number(pid)))
      await client.dropCollection({ collection_name: name }).catch(() => {});
  }
}

/** Sealed before it is indexed: a segment that still grows is searched by an index that is not exact. */
async function fillCollection(connection: Connection, name: string, passages: PassageVectors): Promise<void> {
  const { client, ask, types } = connection;
  const { dim, count } = passages;
  const collection = { collection_name: name };
  await ask(
    client.createCollection({
      ...collection,
      fields: [
        { name: 'id', data_type: types.Int64, is_primary_key: true, autoID: false },
        { name: VECTOR, data_type: types.FloatVector, dim },
      ],
    }),
  );
  let first = 0;
  for await (const piece of cutPieces(passages, INSERTED_BYTES)) {
    const data = Array.from({ length: piece.count }, (_, i) => ({ id: first + i, [VECTOR]: toArray(piece, i) }));
    await ask(client.insert({ ...collection, data }));
    first += piece.count;
  }
  await ask(client.flushSync({ collection_names: [name] }), LOADING_MS);
  const index = { ...collection, field_name: VECTOR };
  await ask(client.createIndex({ ...index, index_type: 'FLAT', metric_type: 'IP' }));
  await waitForIndex(connection, index);
  await ask(client.loadCollectionSync(collection), LOADING_MS);
  const { data: held } = await ask(client.count(collection));
  if (Number(held) !== count) throw failure(`Milvus holds ${held} of ${count} vectors`);
}

async function waitForIndex({ client, ask }: Connection, index: object): Promise<void> {
  for (;;) {
    const { index_descriptions } = await ask(client.describeIndex(index));
    const [found] = index_descriptions;
    if (found === undefined) throw failure('Milvus knows nothing of the index that it was told to make');
    if (found.state === 'Finished') return;
    if (found.state === 'Failed') throw failure(`Milvus cannot index (${oneLine(found.index_state_fail_reason)})`);
    await sleep(POLL_MS);
  }
}

async function searchFlat({ client, ask }: Connection, name: string, queries: Embeddings, k: number) {
  if (k > MOST_RANKED) throw new TooDeep();
  const { results } = await ask(
    client.search({
      collection_name: name,
      anns_field: VECTOR,
      data: Array.from({ length: queries.count }, (_, i) => toArray(queries, i)),
      limit: k,
      metric_type: 'IP',
      output_fields: ['id'],
      consistency_level: 'Strong',
    }),
  );
  // Those of a single query are no list of lists.
  const lists = queries.count === 1 ? [results as readonly Hit[]] : (results as readonly Hit[][]);
  const passages = new Int32Array(queries.count * k);
  const scores = new Float32Array(queries.count * k);
  for (const [query, hits] of lists.entries()) {
    if (hits.length !== k) throw failure(`Milvus gave ${hits.length} of the ${k} best passages`);
    for (const [i, { id, score }] of hits.entries()) {
      passages[query * k + i] = Number(id);
      scores[query * k + i] = score;
    }
  }
  return { passages, scores };
}

function toArray({ data, dim }: Embeddings, row: number): number[] {
  return Array.from(data.subarray(row * dim, (row + 1) * dim));
}

/** What cannot be dropped any more is dropped by the next run. */
async function drop(client: Client, name: string): Promise<void> {
  await within(END_MS, client.dropCollection({ collection_name: name })).catch(() => {});
  await within(END_MS, client.closeConnection()).catch(() => {});
}
