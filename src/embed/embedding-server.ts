import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { HnMineError, reasonOf, rootReason } from '../errors.js';

/** An embeddings endpoint in OpenAI's style, and what it is asked with. */
export interface Endpoint {
  /** The address that was given, for messages. */
  readonly address: string;
  /** Of `…/embeddings`. */
  readonly url: string;
  /** The model's name on the server; nothing where the server has but one and wants none. */
  readonly model: string | undefined;
  /** Sent as a bearer token. */
  readonly key: string | undefined;
}

/** An endpoint that answers, and the vectors of the texts that it was asked with. */
export interface FoundEndpoint {
  readonly endpoint: Endpoint;
  readonly vectors: readonly Float32Array[];
}

/** Where an endpoint is looked for below an address without a path. */
const USUAL_PATHS = ['/v1/embeddings', '/embeddings'];
const EMBEDDINGS = /\/embeddings\/*$/;

/** What a server needs to come back after a restart. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 16_000];

const LONGEST_EXCERPT = 200;

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });
const embeddingList = z.object({ data: z.array(z.object({ index: z.number(), embedding: z.array(z.unknown()) })) });

/**
 * Finds the endpoint at an address, by asking for the vectors of some texts.
 *
 * @param model nothing to take the one model that the server lists
 * @throws HnMineError `network` where nothing answers, `model` where the server refuses or has several models
 */
export async function findEndpoint(
  address: string,
  { model, key }: Pick<Endpoint, 'model' | 'key'>,
  texts: readonly string[],
): Promise<FoundEndpoint> {
  const urls = listUrls(address);
  let refusal: unknown;
  for (const url of urls) {
    const endpoint = { address, url, model: model ?? (await findOnlyModel(address, url, key)), key };
    try {
      return { endpoint, vectors: await requestVectors(endpoint, texts) };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      refusal ??= error;
    }
  }
  if (urls.length === 1) throw refusal;
  const tried = USUAL_PATHS.join(' nor ');
  throw new HnMineError('model', `${address}: has neither ${tried} (${reasonOf(refusal)}); give the whole address`, {
    cause: refusal,
  });
}

function listUrls(address: string): string[] {
  const url = new URL(address);
  const path = url.pathname.replace(/\/+$/, '');
  const paths = path === '' ? USUAL_PATHS : [EMBEDDINGS.test(path) ? path : `${path}/embeddings`];
  return paths.map((one) => Object.assign(new URL(url), { pathname: one }).href);
}

/** The only model that a server lists; nothing where it lists none. @throws HnMineError `model` where there are several */
async function findOnlyModel(address: string, url: string, key: string | undefined): Promise<string | undefined> {
  const response = await ask(address, url.replace(EMBEDDINGS, '/models'), { headers: headersFor(key) });
  const listed = modelList.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !listed.success) return undefined;
  const names = [...new Set(listed.data.data.map(({ id }) => id))];
  if (names.length <= 1) return names[0];
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  throw new HnMineError('model', `${address}: has several models; name one with --embedder-model (found ${shown})`);
}

/**
 * Asks for vectors, and again after a while where the server is away or busy.
 *
 * @param endpoints the first is asked first, the others where it fails
 * @throws HnMineError `network` where none answers in the end, `model` where a server refuses or answers oddly
 */
export async function requestPatiently(
  endpoints: readonly Endpoint[],
  texts: readonly string[],
  signal: AbortSignal,
  delays: readonly number[] = RETRY_DELAYS_MS,
): Promise<Float32Array[]> {
  for (let attempt = 0; ; attempt++) {
    const endpoint = endpoints[attempt % endpoints.length] as Endpoint;
    try {
      return await requestVectors(endpoint, texts, signal);
    } catch (error) {
      const isFinal = attempt >= delays.length + endpoints.length - 1;
      if (signal.aborted || isFinal || !(error instanceof HnMineError) || error.code !== 'network') throw error;
      // The others may be there at once.
      const delay = attempt < endpoints.length - 1 ? 0 : (delays[attempt - endpoints.length + 1] as number);
      await sleep(delay, undefined, { signal });
    }
  }
}

/** @returns a vector for each text @throws HnMineError `network` where another try may succeed, else `model` */
async function requestVectors(
  endpoint: Endpoint,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const { address, url, model, key } = endpoint;
  const response = await ask(address, url, {
    method: 'POST',
    headers: { ...headersFor(key), 'content-type': 'application/json' },
    body: JSON.stringify({ ...(model === undefined ? {} : { model }), input: texts, encoding_format: 'float' }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw await describeRefusal(endpoint, response);
  const body: unknown = await response.json().catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new HnMineError('network', `${address}: the answer broke off (${rootReason(cause)})`, { cause });
  });
  return readVectors(address, body, texts.length);
}

async function ask(address: string, url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init).catch((cause: unknown) => {
    if (init.signal?.aborted) throw cause;
    const advice = 'start the server, or correct --embedder';
    throw new HnMineError('network', `${address}: not reachable (${rootReason(cause)}); ${advice}`, { cause });
  });
}

function headersFor(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** The status that tells that an endpoint is elsewhere. */
class NotFound extends Error {}

function isNotFound(error: unknown): boolean {
  return error instanceof HnMineError && error.cause instanceof NotFound;
}

async function describeRefusal({ address, key }: Endpoint, response: Response): Promise<HnMineError> {
  const { status } = response;
  const said = excerpt(await response.text().catch(() => ''));
  const found = `HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 408 || status === 429 || status >= 500)
    return new HnMineError('network', `${address}: cannot answer now (${found}); try again later`);
  const cause = status === 404 ? new NotFound(found) : new Error(found);
  if (status === 401 || status === 403) {
    const advice = key === undefined ? 'set HN_MINE_EMBEDDER_KEY' : 'check HN_MINE_EMBEDDER_KEY';
    return new HnMineError('model', `${address}: access refused (${found}); ${advice}`, { cause });
  }
  const advice = status === 413 || /batch/i.test(said) ? '; lower --batch-size' : '';
  return new HnMineError('model', `${address}: the server refused (${found})${advice}`, { cause });
}

/** What a server says of its refusal, as one line. */
function excerpt(body: string): string {
  const text = findMessage(body).replaceAll(/\s+/g, ' ').trim();
  return text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text;
}

const refusalBody = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);

function findMessage(body: string): string {
  try {
    return refusalBody.parse(JSON.parse(body));
  } catch {
    return body;
  }
}

function readVectors(address: string, body: unknown, count: number): Float32Array[] {
  const parsed = embeddingList.safeParse(body);
  if (!parsed.success) {
    const place = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new HnMineError(
      'model',
      `${address}: expected {"data": [{"index", "embedding"}]} (found another "${place}")`,
    );
  }
  const vectors = new Array<Float32Array | undefined>(count);
  for (const { index, embedding } of parsed.data.data) {
    if (embedding.every((value) => typeof value === 'number')) vectors[index] = Float32Array.from(embedding);
  }
  const given = vectors.filter((vector) => vector !== undefined);
  if (given.length === count && vectors.length === count) return given;
  throw new HnMineError('model', `${address}: expected ${count} vectors of numbers (found ${given.length})`);
}
