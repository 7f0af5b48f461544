import { setTimeout as sleep } from 'node:timers/promises';
import { HnMineError, rootReason } from '../errors.js';
import { readToken } from './hub-cache.js';

/** The hub as one model of it is asked for. */
export interface HubSite {
  readonly id: string;
  readonly revision: string;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly retryDelayMs: number;
  /** How long a question, and a transfer between two chunks, may stay without an answer. */
  readonly patienceMs: { readonly question: number; readonly transfer: number };
}

interface SiteOptions {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  retryDelayMs?: number;
}

/** @throws HnMineError `network` where HF_ENDPOINT is not a URL, `model` where the token cannot be one */
export async function openSite(id: string, revision: string, { env, ...options }: SiteOptions): Promise<HubSite> {
  return {
    id,
    revision,
    endpoint: parseEndpoint(env.HF_ENDPOINT || 'https://huggingface.co'),
    token: checkToken(await readToken(env)),
    signal: options.signal,
    retryDelayMs: options.retryDelayMs ?? 500,
    patienceMs: {
      question: 1000 * (Number(env.HF_HUB_ETAG_TIMEOUT) || 10),
      transfer: 1000 * (Number(env.HF_HUB_DOWNLOAD_TIMEOUT) || 30),
    },
  };
}

function parseEndpoint(text: string): string {
  if (URL.canParse(text) && /^https?:/i.test(text)) return text.replace(/\/+$/, '');
  throw new HnMineError(
    'network',
    `HF_ENDPOINT: expected a URL that begins with http:// or https:// (found "${text}"); write https://huggingface.co`,
  );
}

/** `fetch` would show a token that it cannot send. */
function checkToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new HnMineError(
    'model',
    'HF_TOKEN: expected ASCII letters, digits and signs (found another character); copy the token again',
  );
}

/** A `fetch` for the library's questions: with token and time limit, retried where the hub is busy, throwing lines. */
export function libraryFetch(site: HubSite): typeof fetch {
  return async (input, init) => {
    const watch = watchSilence(site.patienceMs.question, site.signal);
    try {
      return await retryBusy(site, () => ask(site, String(input), { ...init, signal: watch.signal }), watch.touch);
    } finally {
      watch.pause();
    }
  };
}

/** Reads the whole answer, so that the time limit covers its body. */
async function ask(site: HubSite, url: string, init: RequestInit): Promise<Response> {
  const response = await requestHub(site, url, init);
  const body = await response.arrayBuffer().catch((thrown: unknown) => {
    site.signal?.throwIfAborted();
    throw unreachable(site, url, thrown);
  });
  return new Response(body, response);
}

async function retryBusy(site: HubSite, ask: () => Promise<Response>, touch: () => void): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (thrown) {
      const busy = thrown instanceof HnMineError && thrown.cause instanceof BusyAnswer;
      if (!busy || attempt === 3) throw thrown;
      await backOff(site, attempt);
      touch();
    }
  }
}

/** Waits before the next try, longer each time. */
export async function backOff({ retryDelayMs, signal }: HubSite, failuresBefore: number): Promise<void> {
  await sleep(retryDelayMs * 2 ** failuresBefore, undefined, { signal }).catch(() => signal?.throwIfAborted());
}

/** Why a later try may succeed: the server answered, but not with what was asked for. */
class BusyAnswer extends Error {}

/**
 * @throws HnMineError `network` where another try may succeed (its root cause holds the bare reason), `model` where the
 * hub refuses
 */
export async function requestHub(site: HubSite, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  // `fetch` itself drops the header when a redirect leads to another origin.
  if (site.token !== undefined && isHub(site, url)) headers.set('authorization', `Bearer ${site.token}`);
  const response = await fetch(url, { ...init, headers }).catch((thrown: unknown) => {
    site.signal?.throwIfAborted();
    throw unreachable(site, url, thrown);
  });
  if (response.ok) return response;
  await response.body?.cancel();
  throw refusal(site, response);
}

function isHub(site: HubSite, url: string): boolean {
  return new URL(url).origin === new URL(site.endpoint).origin;
}

function unreachable(site: HubSite, url: string, thrown: unknown): HnMineError {
  const place = isHub(site, url) ? site.endpoint : new URL(url).origin;
  return new HnMineError(
    'network',
    `${place}: not reachable (${rootReason(thrown)}); check the connection, or set HF_ENDPOINT to a mirror`,
    { cause: thrown },
  );
}

function refusal(site: HubSite, response: Response): HnMineError {
  const { status } = response;
  // A storage server refuses links that have run out with 403, and the hub gives a new one.
  if (!isHub(site, response.url) || status === 408 || status === 429 || status >= 500) return busy(site, response);
  const line = refusalLine(site, status, response.headers);
  return new HnMineError('model', `${site.id}: ${line}`, { cause: new Error(`HTTP ${status} from ${response.url}`) });
}

function busy(site: HubSite, { status, url }: Response): HnMineError {
  const place = isHub(site, url) ? site.endpoint : new URL(url).origin;
  const hint = status === 429 && site.token === undefined ? 'try again later, or set HF_TOKEN' : 'try again later';
  return new HnMineError('network', `${place}: expected an answer (HTTP ${status}); ${hint}`, {
    cause: new BusyAnswer(`HTTP ${status} from ${place}`),
  });
}

function refusalLine({ endpoint, id, revision, token }: HubSite, status: number, headers: Headers): string {
  const page = `${endpoint}/${id}`;
  const code = headers.get('x-error-code');
  const said = headers.get('x-error-message');
  const found = `HTTP ${status}${said === null ? '' : `: ${said}`}`;
  const login = token === undefined ? 'set HF_TOKEN' : 'check that HF_TOKEN belongs to an account that may read it';
  if (code === 'GatedRepo') {
    const account = token === undefined ? 'and set HF_TOKEN' : 'with the account of HF_TOKEN';
    return `a gated model, whose terms are not accepted yet (HTTP ${status}); accept them at ${page} ${account}`;
  }
  if (code === 'RevisionNotFound')
    return `no revision "${revision}" (${found}); see ${page}/tree/main for those there are`;
  if (code === 'EntryNotFound') return `a file of the listing cannot be found (${found}); run again`;
  if (status === 401 && token !== undefined) {
    return `no such model for this token, or the token is not valid (${found}); check the spelling, and HF_TOKEN`;
  }
  if (status === 401) return `no such model, or a private one (${found}); check the spelling, or set HF_TOKEN`;
  if (status === 403) return `access refused (${found}); accept the terms at ${page}, and ${login}`;
  if (status === 404)
    return `no such model at ${endpoint} (${found}); check the spelling, or give a folder that exists`;
  return `the hub refused (${found}); see ${page}`;
}

export interface SilenceWatch {
  readonly signal: AbortSignal;
  touch(): void;
  pause(): void;
}

/** A signal that aborts with `signal`, or where nobody called `touch` for `ms`. */
export function watchSilence(ms: number, signal: AbortSignal | undefined): SilenceWatch {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new Error(`nothing arrived for ${ms / 1000} s`)), ms);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  return {
    signal: controller.signal,
    touch: () => timer.refresh(),
    pause: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
}
