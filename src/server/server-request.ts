import { z } from 'zod';
import { HnMineError, reasonOf, rootReason } from '../errors.js';
import { watchSilence } from '../model/hub-request.js';

/** A kind of model server, by what its users set. */
export interface ServerKind {
  /** The flag of its address; that of its model's name ends in `-model`. */
  readonly flag: '--embedder' | '--reranker';
  /** The environment's variable that holds its key. */
  readonly keyVariable: 'HN_MINE_EMBEDDER_KEY' | 'HN_MINE_RERANKER_KEY';
  /** What the path of its endpoint ends in. */
  readonly endpoint: 'embeddings' | 'rerank';
  /** Where the endpoint is looked for below an address without a path. */
  readonly paths: readonly string[];
}

/** Where a model is served, and what it is asked with. */
export interface Endpoint {
  readonly kind: ServerKind;
  /** The address that was given, for messages. */
  readonly address: string;
  readonly url: string;
  /** The model's name on the server; nothing where the server has but one and wants none. */
  readonly model: string | undefined;
  /** Sent as a bearer token. */
  readonly key: string | undefined;
}

export interface RequestLimits {
  readonly signal?: AbortSignal;
  /** How long an answer may take, in milliseconds. */
  readonly limit?: number | undefined;
}

/** A request of 32 long texts takes a slow server without a GPU about so long. */
const PATIENCE_MS = 120_000;

const LONGEST_EXCERPT = 200;

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });

/** @throws HnMineError `model` where a key cannot be sent in a header */
export function checkKey(key: string | undefined, { keyVariable }: ServerKind): void {
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return;
  const expected = 'expected ASCII letters, digits and signs (found another character)';
  throw new HnMineError('model', `${keyVariable}: ${expected}; copy the key again`);
}

/**
 * Finds the endpoint at an address, by asking it.
 *
 * @param model nothing to take the one model that the server lists
 * @param ask whose refusal as not found leads to the next place
 * @throws HnMineError `network` where nothing answers, `model` where the server refuses or has several models
 */
export async function findEndpoint<T>(
  kind: ServerKind,
  { address, model, key }: Pick<Endpoint, 'address' | 'model' | 'key'>,
  ask: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const urls = listUrls(address, kind);
  let refusal: unknown;
  for (const url of urls) {
    const endpoint = { kind, address, url, model, key };
    try {
      return await ask({ ...endpoint, model: model ?? (await findOnlyModel(endpoint)) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      refusal ??= error;
    }
  }
  if (urls.length === 1) throw refusal;
  const tried = kind.paths.join(' nor ');
  throw new HnMineError('model', `${address}: has neither ${tried} (${reasonOf(refusal)}); give the whole address`, {
    cause: refusal,
  });
}

function listUrls(address: string, { endpoint, paths }: ServerKind): string[] {
  const url = new URL(address);
  const path = url.pathname.replace(/\/+$/, '');
  const found = path === '' ? paths : [path.endsWith(`/${endpoint}`) ? path : `${path}/${endpoint}`];
  return found.map((one) => Object.assign(new URL(url), { pathname: one }).href);
}

/** The only model that a server lists; nothing where it lists none. @throws HnMineError `model` where there are several */
async function findOnlyModel(endpoint: Endpoint): Promise<string | undefined> {
  const { kind, address, url } = endpoint;
  const list = Object.assign(new URL(url), { pathname: new URL('models', url).pathname }).href;
  const { isOk, body } = await send({ ...endpoint, url: list }, { method: 'GET' });
  const listed = modelList.safeParse(isOk ? tryParse(body) : undefined);
  if (!listed.success) return undefined;
  const names = [...new Set(listed.data.data.map(({ id }) => id))];
  if (names.length <= 1) return names[0];
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  throw new HnMineError('model', `${address}: has several models; name one with ${kind.flag}-model (found ${shown})`);
}

/**
 * What a server answers to JSON.
 *
 * @throws HnMineError `network` where another try may succeed, else `model`
 */
export async function postJson(endpoint: Endpoint, asked: object, limits: RequestLimits = {}): Promise<unknown> {
  const answer = await send(endpoint, { method: 'POST', body: JSON.stringify(asked) }, limits);
  if (!answer.isOk) throw describeRefusal(endpoint, answer);
  const parsed = tryParse(answer.body);
  if (parsed !== undefined) return parsed;
  throw new HnMineError('model', `${endpoint.address}: expected JSON (found ${JSON.stringify(excerpt(answer.body))})`);
}

interface Answer {
  readonly isOk: boolean;
  readonly status: number;
  readonly body: string;
}

/** The whole answer, within the time limit. @throws HnMineError `network` where there is none, or what aborted `signal` */
async function send(
  { kind, address, url, key }: Endpoint,
  { method, body }: { method: string; body?: string },
  { signal, limit = PATIENCE_MS }: RequestLimits = {},
): Promise<Answer> {
  const watch = watchSilence(limit, signal);
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  let response: Response | undefined;
  try {
    response = await fetch(url, { method, headers, ...(body !== undefined && { body }), signal: watch.signal });
    return { isOk: response.ok, status: response.status, body: await response.text() };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    if (watch.signal.aborted)
      throw new HnMineError('network', `${address}: no answer for ${limit / 1000} s; lower --batch-size`, { cause });
    const [what, advice] = response
      ? ['the answer broke off', '']
      : ['not reachable', `; start the server, or correct ${kind.flag}`];
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

/** An answer of the server that says no. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly isElsewhere: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** The status of an answer of a server that would not do what it was asked; nothing for other errors. */
export function refusalStatus(error: unknown): number | undefined {
  return error instanceof HnMineError && error.cause instanceof Refusal ? error.cause.status : undefined;
}

/** Whether there is no such endpoint; a model that is not there is answered in the same way, but with a message. */
export function isNotFound(error: unknown): boolean {
  return error instanceof HnMineError && error.cause instanceof Refusal && error.cause.isElsewhere;
}

function describeRefusal({ kind, address, key }: Endpoint, { status, body }: Answer): HnMineError {
  const said = excerpt(body);
  const found = `HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  const isTooLong =
    /too (large|long)|context length|less than \d+ tokens|max(imum)?.{0,40}tokens|tokens.{0,40}max/i.test(said);
  const isBusy = status === 408 || status === 429 || (status >= 500 && status !== 501 && !isTooLong);
  if (isBusy) return new HnMineError('network', `${address}: cannot answer now (${found}); try again later`);
  const isElsewhere =
    status === 405 ||
    (status === 404 &&
      (said === '' || said.startsWith('<') || /^(404 )?((page|file) )?not found\.?$|^cannot post /i.test(said)));
  const cause = new Refusal(status, isElsewhere, found);
  if (status === 401 || status === 403) {
    const advice = `${key === undefined ? 'set' : 'check'} ${kind.keyVariable}`;
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
export function excerpt(body: string): string {
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
