import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { HnMineError, reasonOf, rootReason } from '../errors.js';
import { watchSilence } from '../model/hub-request.js';

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

/** Where an endpoint is looked for below an address without a path. */
const USUAL_PATHS = ['/v1/embeddings', '/embeddings'];
const EMBEDDINGS = /\/embeddings\/*$/;

/** A request of 32 long texts takes a slow server without a GPU about so long. */
const PATIENCE_MS = 120_000;

/** What a server needs to come back after a restart. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 16_000];

const LONGEST_EXCERPT = 200;

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });
const embeddingList = z.object({
  data: z.array(z.object({ index: z.number().optional(), embedding: z.array(z.unknown()) })),
});

/**
 * Finds the endpoint at an address, by asking for the vector of a text.
 *
 * @param model nothing to take the one model that the server lists
 * @throws HnMineError `network` where nothing answers, `model` where the server refuses or has several models
 */
export async function findEndpoint(
  address: string,
  { model, key }: Pick<Endpoint, 'model' | 'key'>,
  text: string,
): Promise<{ endpoint: Endpoint; vector: Float32Array }> {
  const urls = listUrls(address);
  let refusal: unknown;
  for (const url of urls) {
    const endpoint = { address, url, model: model ?? (await findOnlyModel(address, url, key)), key };
    try {
      const [vector] = await requestVectors(endpoint, [text]);
      return { endpoint, vector: vector as Float32Array };
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
  const { isOk, body } = await ask(address, url.replace(EMBEDDINGS, '/models'), { headers: headersFor(key) });
  const listed = modelList.safeParse(isOk ? tryParse(body) : undefined);
  if (!listed.success) return undefined;
  const names = [...new Set(listed.data.data.map(({ id }) => id))];
  if (names.length <= 1) return names[0];
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  throw new HnMineError('model', `${address}: has several models; name one with --embedder-model (found ${shown})`);
}

interface Patience {
  readonly signal: AbortSignal;
  /** Told of each failure that is not the last. */
  onRetry?(endpoint: Endpoint, reason: string): void;
  /** Between tries, in milliseconds. */
  readonly delays?: readonly number[];
  /** How long an answer may take, in milliseconds. */
  readonly limit?: number;
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
  { signal, onRetry, delays = RETRY_DELAYS_MS, limit }: Patience,
): Promise<Float32Array[]> {
  for (let attempt = 0; ; attempt++) {
    const endpoint = endpoints[attempt % endpoints.length] as Endpoint;
    try {
      return await requestVectors(endpoint, texts, { signal, limit });
    } catch (error) {
      const isFinal = attempt >= delays.length + endpoints.length - 1;
      if (signal.aborted || isFinal || !(error instanceof HnMineError) || error.code !== 'network') throw error;
      onRetry?.(endpoint, error.message);
      // The others may be there at once.
      const delay = attempt < endpoints.length - 1 ? 0 : (delays[attempt - endpoints.length + 1] as number);
      await sleep(delay, undefined, { signal });
    }
  }
}

/** @returns a vector for each text @throws HnMineError `network` where another try may succeed, else `model` */
export async function requestVectors(
  endpoint: Endpoint,
  texts: readonly string[],
  limits: Limits = {},
): Promise<Float32Array[]> {
  const { address, url, model, key } = endpoint;
  const headers = { ...headersFor(key), 'content-type': 'application/json' };
  const asked = { ...(model === undefined ? {} : { model }), input: texts, encoding_format: 'float' };
  const answer = await ask(address, url, { method: 'POST', headers, body: JSON.stringify(asked) }, limits);
  if (!answer.isOk) throw describeRefusal(endpoint, answer);
  const parsed = tryParse(answer.body);
  if (parsed !== undefined) return readVectors(address, parsed, texts.length);
  throw new HnMineError('model', `${address}: expected JSON (found ${JSON.stringify(excerpt(answer.body))})`);
}

interface Limits {
  readonly signal?: AbortSignal;
  readonly limit?: number | undefined;
}

interface Answer {
  readonly isOk: boolean;
  readonly status: number;
  readonly body: string;
}

/** The whole answer, within the time limit. @throws HnMineError `network` where there is none, or what aborted `signal` */
async function ask(
  address: string,
  url: string,
  init: RequestInit,
  { signal, limit = PATIENCE_MS }: Limits = {},
): Promise<Answer> {
  const watch = watchSilence(limit, signal);
  let response: Response | undefined;
  try {
    response = await fetch(url, { ...init, signal: watch.signal });
    return { isOk: response.ok, status: response.status, body: await response.text() };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    if (watch.signal.aborted)
      throw new HnMineError('network', `${address}: no answer for ${limit / 1000} s; lower --batch-size`, { cause });
    const [what, advice] = response
      ? ['the answer broke off', '']
      : ['not reachable', '; start the server, or correct --embedder'];
    throw new HnMineError('network', `${address}: ${what} (${rootReason(cause)})${advice}`, { cause });
  } finally {
    watch.pause();
  }
}

/** Nothing where it is no JSON. */
function tryParse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function headersFor(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** An answer of the server that says no. */
class Refusal extends Error {
  constructor(
    readonly isElsewhere: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** Whether a server answered, and would not give the vectors. */
export function isRefusal(error: unknown): boolean {
  return error instanceof HnMineError && error.cause instanceof Refusal;
}

/** Whether there is no such endpoint; a model that is not there is answered in the same way, but with a message. */
function isNotFound(error: unknown): boolean {
  return error instanceof HnMineError && error.cause instanceof Refusal && error.cause.isElsewhere;
}

function describeRefusal({ address, key }: Endpoint, { status, body }: Answer): HnMineError {
  const said = excerpt(body);
  const found = `HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  const isTooLong =
    /too (large|long)|context length|less than \d+ tokens|max(imum)?.{0,40}tokens|tokens.{0,40}max/i.test(said);
  const isBusy = status === 408 || status === 429 || (status >= 500 && !isTooLong);
  if (isBusy) return new HnMineError('network', `${address}: cannot answer now (${found}); try again later`);
  const isElsewhere =
    status === 404 && (said === '' || said.startsWith('<') || /^(404 )?(page )?not found$/i.test(said));
  const cause = new Refusal(isElsewhere, found);
  if (status === 401 || status === 403) {
    const advice = key === undefined ? 'set HN_MINE_EMBEDDER_KEY' : 'check HN_MINE_EMBEDDER_KEY';
    return new HnMineError('model', `${address}: access refused (${found}); ${advice}`, { cause });
  }
  const isOfBatch = status === 413 || /batch/i.test(said);
  const advice = isTooLong
    ? '; shorten the texts, or have the server cut them off'
    : isOfBatch
      ? '; lower --batch-size'
      : '';
  return new HnMineError('model', `${address}: the server refused (${found})${advice}`, { cause });
}

/** What a server says of its refusal, as one line. */
function excerpt(body: string): string {
  const text = findMessage(body).replaceAll(/\s+/g, ' ').trim();
  return text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text;
}

/** What servers call their message. */
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
    const expected = 'expected {"data": [{"index", "embedding"}]}';
    throw new HnMineError('model', `${address}: ${expected} (found ${excerpt(JSON.stringify(body))})`);
  }
  const vectors = new Map<number, Float32Array>();
  for (const [place, { index = place, embedding }] of parsed.data.data.entries()) {
    const isWhole = embedding.every((value) => typeof value === 'number');
    if (isWhole && index >= 0 && index < count) vectors.set(index, Float32Array.from(embedding as number[]));
  }
  if (vectors.size === count && parsed.data.data.length === count) {
    return Array.from({ length: count }, (_, index) => vectors.get(index) as Float32Array);
  }
  const found = `${vectors.size} of ${parsed.data.data.length}`;
  throw new HnMineError(
    'model',
    `${address}: expected a vector of numbers for each of ${count === 1 ? 'one text' : `${count} texts`}, with its index (found ${found})`,
  );
}
