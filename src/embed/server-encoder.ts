import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { cutJobs, runJobs } from '../model/jobs.js';
import { checkKey, type Endpoint, findEndpoint, refusalStatus } from '../server/server-request.js';
import { shareServers } from '../server/servers.js';
import { findStore } from '../store/find-store.js';
import { EMBEDDER, requestVectors } from './embedding-server.js';
import type { Role } from './encoder.js';
import type { PlannedEncoder } from './planned-encoder.js';
import { describeUnusable, normalizeVector, unusableEmbedding } from './pooling.js';
import { resolvePrompts } from './prompts.js';
import type { OnRows, RowEncoder } from './stored-encoder.js';

/** Texts a request, where nothing is said: the least limit of the servers that have one. */
const DEFAULT_TEXTS = 32;

/**
 * Their vectors tell one model from another: a name says little, and a server may have been given another model. The second is
 * longer than most models read, so that another maximal length shows; servers that refuse such texts have no vector for it.
 */
const PROBES = [
  'What tells one embedding model from another?',
  Array.from({ length: 2000 }, (_, i) => `word${i % 97} and`).join(' '),
] as const;

/** The vectors of the probes, of length 1; null for the long one where it was refused. */
type Probes = readonly [Float32Array, Float32Array | null];

/** As near as the same model comes to itself on another machine or at half precision; an int8 graph does not come so near. */
const SAME_MODEL = 1 - 1e-4;

/**
 * Finds the servers and their model, by asking each for two vectors.
 *
 * @param key sent as a bearer token
 * @param onWarning told where a server fails, and is asked again
 * @throws HnMineError `network` where a server is not there, `model` where one refuses, or gives other vectors than the first
 */
export async function planServerEncoder(
  config: MineConfig,
  { key, onWarning }: { key: string | undefined; onWarning?(message: string): void },
): Promise<PlannedEncoder> {
  checkKey(key, EMBEDDER);
  const addresses = config.embedder as readonly string[];
  const endpoints: Endpoint[] = [];
  let probes: Probes | undefined;
  for (const address of addresses) {
    const named = { address, model: config.embedderModel, key };
    const { endpoint, vector } = await findEndpoint(EMBEDDER, named, async (endpoint) => {
      const [vector] = await requestVectors(endpoint, [PROBES[0]]);
      return { endpoint, vector: vector as Float32Array };
    });
    const found: Probes = [toUnit(endpoint, vector), await probeLength(endpoint)];
    if (probes && !isSame(probes, found)) {
      const rule = 'all --embedder must serve the same model';
      throw new HnMineError('model', `${address}: gives other vectors than ${addresses[0]}; ${rule}`);
    }
    probes ??= found;
    endpoints.push(endpoint);
  }
  const prompts = resolvePrompts(config, { prompts: {}, defaultPrompt: undefined });
  const format = (text: string, role: Role) => prompts[role].before + text + prompts[role].after;
  const { model = 'embeddings' } = endpoints[0] as Endpoint;
  const [short, long] = probes as Probes;
  const dim = short.length;
  const name = `${model} at ${addresses.join(', ')}`;
  const cut = long === null ? 'refuses texts that are too long' : 'what the server cuts off is not counted';
  return {
    name,
    notes: [`${name}: vectors of ${dim} values; ${cut}`],
    isReproducible: true,
    keyOf: format,
    identify: (folder) => identify(folder, { server: model, normalize: config.normalize }, [short, long]),
    start: async () => createRowEncoder(endpoints, { config, dim, format, onWarning }),
  };
}

/** The vector of the long probe, if the server takes such texts. */
async function probeLength(endpoint: Endpoint): Promise<Float32Array | null> {
  try {
    const [vector] = await requestVectors(endpoint, [PROBES[1]]);
    return toUnit(endpoint, vector as Float32Array);
  } catch (error) {
    if (refusalStatus(error) !== undefined) return null;
    throw error;
  }
}

/** The store of a server's model is the one of its name whose vectors of the probes are the model's; else there is none yet. */
function identify(folder: string, named: { server: string; normalize: boolean }, probes: Probes) {
  const identity = { ...named, probes: probes.map((vector) => vector && [...vector]) };
  return findStore(folder, identity, (known) => {
    return (
      known.server === named.server && known.normalize === named.normalize && isSame(readProbes(known.probes), probes)
    );
  });
}

function readProbes(value: unknown): (Float32Array | null)[] {
  return Array.isArray(value)
    ? value.map((one) => (Array.isArray(one) ? Float32Array.from(one as number[]) : null))
    : [];
}

function isSame(some: readonly (Float32Array | null)[], others: Probes): boolean {
  const isNear = (a: Float32Array | null, b: Float32Array | null) => (a && b ? cosine(a, b) > SAME_MODEL : a === b);
  return some.length === others.length && some.every((vector, i) => isNear(vector, others[i] as Float32Array | null));
}

/** Of vectors of length 1; 0 where they have not as many values. */
function cosine(a: Float32Array, b: Float32Array): number {
  return a.length === b.length ? a.reduce((sum, value, i) => sum + value * (b[i] as number), 0) : 0;
}

function toUnit({ address }: Endpoint, vector: Float32Array): Float32Array {
  const unusable = describeUnusable(vector);
  if (unusable !== undefined) throw new HnMineError('model', `${address}: the embedding of a text ${unusable}`);
  const unit = Float32Array.from(vector);
  normalizeVector(unit);
  return unit;
}

interface RowSettings {
  readonly config: MineConfig;
  readonly dim: number;
  format(text: string, role: Role): string;
  readonly onWarning: ((message: string) => void) | undefined;
}

function createRowEncoder(endpoints: readonly Endpoint[], { config, dim, format, onWarning }: RowSettings): RowEncoder {
  const servers = shareServers(endpoints, onWarning);
  const { batchSize = DEFAULT_TEXTS } = config;
  const encodeSome = async (places: readonly number[], texts: readonly string[], role: Role, onRows: OnRows) => {
    const asked = places.map((place) => format(texts[place] as string, role));
    const vectors = new Float32Array(places.length * dim);
    await servers.ask(async (endpoint, limits) => {
      for (const [i, vector] of (await requestVectors(endpoint, asked, limits)).entries()) {
        if (config.normalize) normalizeVector(vector);
        refuseUnusable(vector, dim, endpoint, role, texts[places[i] as number] as string);
        vectors.set(vector, i * dim);
      }
    });
    await onRows(
      places,
      vectors,
      places.map(() => false),
    );
  };
  return {
    dim,
    encodeRows(texts, role, onRows) {
      const encodeNext = (places: number[]) => encodeSome(places, texts, role, onRows);
      return runJobs(cutRequests(texts, batchSize), servers.requests / 2, encodeNext);
    },
    close: async () => servers.close(),
  };
}

/** Texts of like length together, so that none is padded much; the longest first. */
function* cutRequests(texts: readonly string[], size: number): Generator<number[]> {
  let rest: number[] = [];
  for (const job of cutJobs(Int32Array.from(texts, (text) => text.length))) {
    rest.push(...job);
    for (; rest.length >= size; rest = rest.slice(size)) yield rest.slice(0, size);
  }
  if (rest.length > 0) yield rest;
}

function refuseUnusable(vector: Float32Array, dim: number, { address }: Endpoint, role: Role, text: string): void {
  const found = vector.length === dim ? describeUnusable(vector) : `has ${vector.length} values instead of ${dim}`;
  if (found !== undefined) throw unusableEmbedding(address, role, text, found);
}
