import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { ACTIVATIONS } from '../model/activations.js';
import { runJobs } from '../model/jobs.js';
import { checkKey, findEndpoint, refusalStatus } from '../server/server-request.js';
import { shareServers } from '../server/servers.js';
import { findStore } from '../store/find-store.js';
import type { Activation, PlannedReranker } from './planned-reranker.js';
import { findField, RERANKER, type RerankEndpoint, requestScores } from './rerank-server.js';
import type { Pair, PairReranker } from './reranker.js';

/** Passages a request, where nothing is said: the least limit of the servers that have one. */
const DEFAULT_PASSAGES = 32;

/** Its scores tell one reranker from another, and logits from what a server makes of them. */
const PROBE = {
  query: 'What is the capital of France?',
  passages: [
    'Paris is the capital and largest city of France.',
    'The capital of Germany is Berlin.',
    'To bake bread, mix flour, water, salt and yeast.',
    'France',
  ],
};

/** Longer than most models read. */
const LONG_PROBE = {
  query: 'Is it long?',
  passages: [Array.from({ length: 2000 }, (_, i) => `word${i % 97} and`).join(' ')],
};

/** The share of the largest score by which those of the same model differ at most, at another precision. */
const SAME_MODEL = 0.02;

/** The same for scores that were kept, which are of one model and one precision. */
const SAME_STORE = 1e-3;

/** Whether scores were logits would show in these digits. */
const SAME_SCORES = 1e-6;

interface Settings {
  readonly activation: Activation;
  /** Sent as a bearer token. */
  readonly key: string | undefined;
  /** Told where a server fails, and is asked again. */
  onWarning?(message: string): void;
}

/**
 * Finds the servers and their model, by asking each for the scores of four passages.
 *
 * @throws HnMineError `network` where a server is not there, `model` where one refuses, or gives other scores than the first
 */
export async function planServerReranker(
  { reranker: addresses = [], rerankerModel, batchSize = DEFAULT_PASSAGES }: MineConfig,
  { activation, key, onWarning }: Settings,
): Promise<PlannedReranker> {
  checkKey(key, RERANKER);
  const endpoints: RerankEndpoint[] = [];
  let first: Float64Array | undefined;
  for (const address of addresses) {
    const named = { address, model: rerankerModel, key };
    const { endpoint, scores } = await findEndpoint(RERANKER, named, (endpoint) => findField(endpoint, PROBE));
    if (first && !isSame(first, scores, SAME_MODEL)) {
      const rule = 'all --reranker must serve the same model';
      throw new HnMineError('model', `${address}: gives other scores than ${addresses[0]}; ${rule}`);
    }
    first ??= scores;
    endpoints.push(await findCut(endpoint));
  }
  const { model = 'reranker' } = endpoints[0] as RerankEndpoint;
  const name = `${model} at ${addresses.join(', ')}`;
  const isRaw = activation !== 'model' && (await giveLogits(endpoints, first as Float64Array));
  const cuts = endpoints.every(({ refusesLong }) => !refusesLong);
  const notes = [`${name}: ${cuts ? 'what the server cuts off is not counted' : 'refuses texts that are too long'}`];
  if (activation === 'none' && !isRaw) notes.push(`${name}: gives no logits, so its scores are taken as they are`);
  return {
    name,
    notes,
    isReproducible: true,
    countsTruncated: false,
    activate: ACTIVATIONS[isRaw && activation === 'sigmoid' ? 'Sigmoid' : 'Identity'] as (logit: number) => number,
    identify: (folder) => identify(folder, { reranks: model, isRaw }, first as Float64Array),
    check: async () => {},
    start: async () => createPairReranker(endpoints, { isRaw, batchSize, onWarning }),
  };
}

/** The store of a server's reranker is the one of its name whose scores of the probe are the model's; else there is none yet. */
function identify(folder: string, named: { reranks: string; isRaw: boolean }, scores: Float64Array) {
  const identity = { ...named, probe: [...scores] };
  return findStore(folder, identity, (known) => {
    const { reranks, isRaw, probe } = known;
    if (reranks !== named.reranks || isRaw !== named.isRaw || !Array.isArray(probe)) return false;
    return probe.length === scores.length && isSame(Float64Array.from(probe as number[]), scores, SAME_STORE);
  });
}

/** Has a server cut off what is too long, if it does so where it is asked, as vLLM does, and not by itself. */
async function findCut(endpoint: RerankEndpoint): Promise<RerankEndpoint> {
  for (const asked of [endpoint, { ...endpoint, more: { truncate_prompt_tokens: -1 } }]) {
    try {
      await requestScores(asked, LONG_PROBE, false);
      return asked;
    } catch (error) {
      if (refusalStatus(error) === undefined) throw error;
    }
  }
  return { ...endpoint, refusesLong: true };
}

/** Whether all of them do. */
async function giveLogits(endpoints: readonly RerankEndpoint[], own: Float64Array): Promise<boolean> {
  for (const endpoint of endpoints) if (!(await givesLogits(endpoint, own))) return false;
  return true;
}

/** Whether a server gives other scores where it is asked for logits; scores beyond 0 and 1 are logits anyway. */
async function givesLogits(endpoint: RerankEndpoint, own: Float64Array): Promise<boolean> {
  if (own.some((score) => score < 0 || score > 1)) return true;
  try {
    return !isSame(own, await requestScores(endpoint, PROBE, true), SAME_SCORES);
  } catch (error) {
    if (refusalStatus(error) === undefined) throw error;
    return false;
  }
}

function isSame(some: Float64Array, others: Float64Array, share: number): boolean {
  const most = Math.max(...Array.from([...some, ...others], Math.abs), Number.MIN_VALUE);
  return some.every((score, i) => Math.abs(score - (others[i] as number)) <= share * most);
}

interface Asking {
  readonly isRaw: boolean;
  readonly batchSize: number;
  readonly onWarning: ((message: string) => void) | undefined;
}

function createPairReranker(
  endpoints: readonly RerankEndpoint[],
  { isRaw, batchSize, onWarning }: Asking,
): PairReranker {
  const servers = shareServers(endpoints, onWarning);
  return {
    scorePairs(pairs, onScored) {
      return runJobs(cutRequests(pairs, batchSize), servers.requests / 2, async (places) => {
        const query = (pairs[places[0] as number] as Pair)[0];
        const passages = places.map((place) => (pairs[place] as Pair)[1]);
        const question = { query, passages };
        const found = await servers.ask((endpoint, limits) => requestScores(endpoint, question, isRaw, limits));
        // As they are kept.
        await onScored(
          places,
          Float32Array.from(found),
          places.map(() => false),
        );
      });
    },
    close: async () => servers.close(),
  };
}

/** The places of pairs with one query each. */
function* cutRequests(pairs: readonly Pair[], size: number): Generator<number[]> {
  const places = new Map<string, number[]>();
  for (const [place, [query]] of pairs.entries()) {
    const known = places.get(query);
    if (known) known.push(place);
    else places.set(query, [place]);
  }
  for (const all of places.values()) {
    for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
  }
}
