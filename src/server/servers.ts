import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { HnMineError } from '../errors.js';
import type { Endpoint, RequestLimits } from './server-request.js';

/** Asks one endpoint for something. */
export type Request<E, T> = (endpoint: E, limits: RequestLimits) => Promise<T>;

/** What a server needs to come back after a restart. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 16_000];

/** Requests under way to each server: it makes batches of its own of what has arrived. */
const REQUESTS_A_SERVER = 8;

interface Patience<E> {
  readonly signal: AbortSignal;
  /** Told of each failure that is not the last. */
  onRetry?(endpoint: E, reason: string): void;
  /** Between tries, in milliseconds. */
  readonly delays?: readonly number[];
  /** How long an answer may take, in milliseconds. */
  readonly limit?: number;
}

/**
 * Asks, and again after a while where the server is away or busy.
 *
 * @param endpoints the first is asked first, the others where it fails
 * @throws HnMineError `network` where none answers in the end, `model` where a server refuses or answers oddly
 */
export async function askPatiently<E extends Endpoint, T>(
  endpoints: readonly E[],
  request: Request<E, T>,
  { signal, onRetry, delays = RETRY_DELAYS_MS, limit }: Patience<E>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const endpoint = endpoints[attempt % endpoints.length] as E;
    try {
      return await request(endpoint, { signal, limit });
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

/** Servers of one model, which share the work. */
export interface Servers<E> {
  /** How many requests are worth having under way. */
  readonly requests: number;
  /** Asks the least busy one, and others where it fails; see `askPatiently`. What fails for good ends all that is under way. */
  ask<T>(request: Request<E, T>): Promise<T>;
  /** Ends what is under way. */
  close(): void;
}

/** @param onWarning told once of each server that fails and is asked again */
export function shareServers<E extends Endpoint>(
  endpoints: readonly E[],
  onWarning?: (message: string) => void,
): Servers<E> {
  const controller = new AbortController();
  // Each request under way listens.
  setMaxListeners(0, controller.signal);
  const failing = new Set<E>();
  const onRetry = (endpoint: E, reason: string) => {
    if (!failing.has(endpoint)) onWarning?.(`${reason}; asking again`);
    failing.add(endpoint);
  };
  let failure: unknown;
  const end = (error: unknown) => {
    failure ??= error;
    controller.abort();
  };
  /** Requests under way. */
  const loads = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  const loadOf = (endpoint: E) => loads.get(endpoint) ?? 0;
  return {
    requests: REQUESTS_A_SERVER * endpoints.length,
    async ask(request) {
      // Stable: of equally busy ones the first.
      const order = endpoints.toSorted((a, b) => loadOf(a) - loadOf(b));
      const endpoint = order[0] as E;
      loads.set(endpoint, loadOf(endpoint) + 1);
      try {
        return await askPatiently(order, request, { signal: controller.signal, onRetry });
      } catch (error) {
        end(error);
        throw failure;
      } finally {
        loads.set(endpoint, loadOf(endpoint) - 1);
      }
    },
    close: () => end(new HnMineError('aborted', 'closed while work was under way')),
  };
}
