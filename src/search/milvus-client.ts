import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { HnMineError, reasonOf } from '../errors.js';
import { findPackage } from './optional-package.js';

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

/** Longer than a busy cluster takes for a request. */
const PATIENCE_MS = 120_000;

/** As much of the client as is used here. */
export interface Client {
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

export interface Hit {
  readonly id: string;
  readonly score: number;
}

interface MilvusPackage {
  readonly MilvusClient: new (options: object) => Client;
  readonly DataType: { readonly Int64: number; readonly FloatVector: number };
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

export type Ask = <T extends Status | { readonly status: Status }>(request: Promise<T>, limit?: number) => Promise<T>;

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

/** A client that Milvus has answered. */
export interface Connection {
  readonly client: Client;
  readonly ask: Ask;
  /** What columns can hold, by the client's numbers. */
  readonly types: MilvusPackage['DataType'];
}

/** @throws HnMineError `search` with the next step where the client is missing, Milvus is not there or refuses */
export async function connect({ address, token, database, resolveFrom }: MilvusOptions): Promise<Connection> {
  const { MilvusClient, DataType } = loadPackage(resolveFrom);
  const ask = createAsk(address);
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
    return { client, ask, types: DataType };
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

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** The client's own limit does not end every request. @throws where there is no answer in time */
export async function within<T>(milliseconds: number, request: Promise<T>): Promise<T> {
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

export function failure(message: string, cause?: unknown): HnMineError {
  return new HnMineError('search', `--index milvus: ${message}`, { cause });
}
