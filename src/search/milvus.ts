import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Embeddings } from '../embed/encoder.js';
import { HnMineError, reasonOf } from '../errors.js';
import { closeBeforeEnd } from '../unclosed.js';
import { createEngineIndex, cutPieces, type SearchEngine } from './engine-index.js';
import { findPackage } from './optional-package.js';
import { openVectors, type PassageVectors, type VectorPlace, vectorsInMemory } from './passage-vectors.js';
import type { VectorIndex } from './vector-index.js';

/** Where Milvus is. */
export interface MilvusOptions {
  /** `HOST:PORT`, or a URL that begins with https:// for TLS. */
  readonly address: string;
  /** `USER:PASSWORD` or an API key. */
  readonly token?: string | undefined;
  /** Milvus' own default where there is none. */
  readonly database?: string | undefined;
  /** A folder whose `node_modules` is looked in first for the client; then come this package's place and the working directory. */
  readonly resolveFrom?: string;
}

const CLIENT = '@zilliz/milvus2-sdk-node';

/** A search of Milvus gives no more. */
const MOST_RANKED = 16_384;

const LIMITS = { queries: 128, results: 2 ** 17, lanes: 4 };

/** Of vectors a request: an end must not wait long for one. */
const INSERTED_BYTES = 2 ** 20;

const VECTOR = 'vector';
const POLL_MS = 200;

/** Longer than a busy cluster takes for a request. */
const PATIENCE_MS = 120_000;

/** What it may take until many vectors are written and loaded. */
const LOADING_MS = 3_600_000;

/** What the end of a run waits for its collection to be dropped. */
const END_MS = 10_000;

/** As much of the client as is used here. */
interface Client {
  readonly connectPromise: Promise<unknown>;
  createCollection(request: object): Promise<Status>;
  insert(request: object): Promise<{ readonly status: Status }>;
  flushSync(request: object): Promise<{ readonly status: Status }>;
  createIndex(request: object): Promise<Status>;
  describeIndex(request: object): Promise<{
    readonly status: Status;
    readonly index_descriptions: readonly { readonly state: string; readonly index_state_fail_reason: string }[];
  }>;
  loadCollectionSync(request: object): Promise<Status>;
  count(request: object): Promise<{ readonly status: Status; readonly data: number | string }>;
  search(request: object): Promise<{ readonly status: Status; readonly results: readonly Hit[] | readonly Hit[][] }>;
  showCollections(): Promise<{ readonly status: Status; readonly data: readonly { readonly name: string }[] }>;
  dropCollection(request: object): Promise<Status>;
  closeConnection(): Promise<unknown>;
}

interface Status {
  readonly code: number;
  readonly error_code: string | number;
  readonly reason: string;
}

interface Hit {
  readonly id: string;
  readonly score: number;
}

interface MilvusPackage {
  readonly MilvusClient: new (options: object) => Client;
  readonly DataType: { readonly Int64: number; readonly FloatVector: number };
}

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
  const milvus = loadPackage(options.resolveFrom);
  const ask = createAsk(options.address);
  const client = await connect(milvus, options, ask);
  const name = nameCollection();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= drop(client, name).then(forget);
    return closing;
  };
  const forget = closeBeforeEnd({ close });
  try {
    await dropLeftovers(client, ask);
    await fillCollection(client, ask, { milvus, name, passages });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async search(queries, k) {
      try {
        return await searchFlat(client, ask, name, queries, k);
      } catch (error) {
        throw closing && !(error instanceof TooDeep) ? failure('the index was closed during a search') : error;
      }
    },
    close,
  };
}

function loadPackage(resolveFrom: string | undefined): MilvusPackage {
  const path = findPackage(CLIENT, resolveFrom === undefined ? [] : [resolveFrom]);
  if (path === undefined) {
    throw failure(
      `the package ${CLIENT} is not installed; run "npm install ${CLIENT}" beside hn-mine, or use --index flat (exact as well)`,
    );
  }
  try {
    // It would tell people of lost pings in its own words.
    process.env.GRPC_VERBOSITY ??= 'NONE';
    return createRequire(import.meta.url)(path) as MilvusPackage;
  } catch (cause) {
    throw failure(`the package ${CLIENT} is installed but does not load (${reasonOf(cause)})`, cause);
  }
}

type Ask = <T extends Status | { readonly status: Status }>(request: Promise<T>, limit?: number) => Promise<T>;

/** Milvus answers that something failed, and the client throws where there is no answer. */
function createAsk(address: string): Ask {
  return async (request, limit = PATIENCE_MS) => {
    const answer = await within(limit, request).catch((cause: unknown) => {
      throw failure(
        `${address}: no answer (${describeCause(cause)}); see whether Milvus is well, and run again`,
        cause,
      );
    });
    const { code, error_code, reason } = 'status' in answer ? answer.status : answer;
    if (code === 0 && (error_code === 'Success' || error_code === 0)) return answer;
    throw failure(`${address}: Milvus refused (${oneLine(reason) || error_code})`);
  };
}

async function connect(
  { MilvusClient }: MilvusPackage,
  { address, token, database }: MilvusOptions,
  ask: Ask,
): Promise<Client> {
  const client = new MilvusClient({
    address,
    ...(token !== undefined && { token }),
    ...(database !== undefined && { database }),
    // Standard output is for data, and its logs would go there.
    logLevel: 'silent',
    telemetry: { enabled: false },
  });
  try {
    await client.connectPromise;
    await ask(client.showCollections());
    return client;
  } catch (cause) {
    await client.closeConnection().catch(() => {});
    if (cause instanceof HnMineError) throw cause;
    const advice = 'start Milvus there, correct --milvus-address, or use --index flat (exact as well)';
    throw failure(`${address}: cannot be reached (${describeCause(cause)}); ${advice}`, cause);
  }
}

/** What gRPC says of the last of its tries, without the tries. */
function describeCause(cause: unknown): string {
  const reason = oneLine(reasonOf(cause));
  return /Last error: (?:Error: )?(.*?)\. Resolution note/.exec(reason)?.[1] ?? reason;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
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
async function dropLeftovers(client: Client, ask: Ask): Promise<void> {
  const { data } = await ask(client.showCollections());
  for (const { name } of data) {
    const [, pid] = name.startsWith(OWN_HEAD) ? (/^(\d+)_[0-9a-f]{8}$/.exec(name.slice(OWN_HEAD.length)) ?? []) : [];
    // Another run may be first.
    if (pid !== undefined && !isRunning(Number(pid)))
      await client.dropCollection({ collection_name: name }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

interface Filling {
  readonly milvus: MilvusPackage;
  readonly name: string;
  readonly passages: PassageVectors;
}

/** Sealed before it is indexed: a segment that still grows is searched by an index that is not exact. */
async function fillCollection(client: Client, ask: Ask, { milvus: { DataType }, name, passages }: Filling) {
  const { dim, count } = passages;
  const collection = { collection_name: name };
  await ask(
    client.createCollection({
      ...collection,
      fields: [
        { name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: VECTOR, data_type: DataType.FloatVector, dim },
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
  await waitForIndex(client, ask, index);
  await ask(client.loadCollectionSync(collection), LOADING_MS);
  const { data: held } = await ask(client.count(collection));
  if (Number(held) !== count) throw failure(`Milvus holds ${held} of ${count} vectors`);
}

async function waitForIndex(client: Client, ask: Ask, index: object): Promise<void> {
  for (;;) {
    const { index_descriptions } = await ask(client.describeIndex(index));
    const [found] = index_descriptions;
    if (found === undefined) throw failure('Milvus knows nothing of the index that it was told to make');
    if (found.state === 'Finished') return;
    if (found.state === 'Failed') throw failure(`Milvus cannot index (${oneLine(found.index_state_fail_reason)})`);
    await sleep(POLL_MS);
  }
}

async function searchFlat(client: Client, ask: Ask, name: string, queries: Embeddings, k: number) {
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

/** The client's own limit does not end every request. @throws where there is no answer in time */
async function within<T>(milliseconds: number, request: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`nothing for ${milliseconds / 1000} s`);
  });
  try {
    return await Promise.race([request, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}

function failure(message: string, cause?: unknown): HnMineError {
  return new HnMineError('search', `--index milvus: ${message}`, { cause });
}
