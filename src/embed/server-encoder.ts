import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { cutJobs, runJobs } from '../model/jobs.js';
import { DESCRIPTION } from '../store/embedding-store.js';
import { type Endpoint, type FoundEndpoint, findEndpoint, requestPatiently } from './embedding-server.js';
import type { Role } from './encoder.js';
import { nameIdentity } from './encoder-identity.js';
import type { PlannedEncoder } from './planned-encoder.js';
import { describeUnusable, normalizeVector } from './pooling.js';
import { resolvePrompts } from './prompts.js';
import type { OnRows, RowEncoder } from './stored-encoder.js';

/** Requests under way to each server: it makes batches of its own of what has arrived. */
const REQUESTS_A_SERVER = 8;

/** Texts a request, where nothing is said: the least limit of the servers that have one. */
const DEFAULT_TEXTS = 32;

/**
 * Their vectors tell one model from another: a name says little, and a server may have been given another model. The second is
 * longer than most models read, so that another maximal length shows.
 */
const PROBES = [
  'What tells one embedding model from another?',
  Array.from({ length: 2000 }, (_, i) => `word${i % 97} and`).join(' '),
];

/** As near as the same model comes to itself on another machine or at half precision; an int8 graph does not come so near. */
const SAME_MODEL = 1 - 1e-4;

/** The number of models that have had one name, at most. */
const MOST_GENERATIONS = 100;

/**
 * Finds the servers and their model, by asking each for two vectors.
 *
 * @param key sent as a bearer token
 * @throws HnMineError `network` where a server is not there, `model` where one refuses, or gives other vectors than the first
 */
export async function planServerEncoder(config: MineConfig, key: string | undefined): Promise<PlannedEncoder> {
  const addresses = config.embedder as readonly string[];
  const found: FoundEndpoint[] = [];
  for (const address of addresses) {
    found.push(await findEndpoint(address, { model: config.embedderModel, key }, PROBES));
  }
  const { endpoint, vectors } = found[0] as FoundEndpoint;
  const probes = vectors.map(toUnit);
  for (const other of found) refuseOther(endpoint, probes, other.endpoint, other.vectors.map(toUnit));
  const prompts = resolvePrompts(config, { prompts: {}, defaultPrompt: undefined });
  const format = (text: string, role: Role) => prompts[role].before + text + prompts[role].after;
  const { model = 'embeddings' } = endpoint;
  const dim = (probes[0] as Float32Array).length;
  return {
    name: `${model} at ${addresses.join(', ')}`,
    notes: [`${model} at ${addresses.join(', ')}: vectors of ${dim} values; what the server cuts off is not counted`],
    isReproducible: true,
    keyOf: format,
    identify: (folder) => findGeneration(folder, { server: model, normalize: config.normalize }, probes),
    start: async () =>
      createRowEncoder(
        found.map((one) => one.endpoint),
        { config, dim, format },
      ),
  };
}

function refuseOther(
  first: Endpoint,
  probes: readonly Float32Array[],
  other: Endpoint,
  others: readonly Float32Array[],
) {
  if (isSame(probes, others)) return;
  throw new HnMineError(
    'model',
    `${other.address}: gives other vectors than ${first.address}; all --embedder must serve the same model`,
  );
}

/**
 * The identity under which a model's vectors are kept: the first of those of this name whose vectors of the probes are the model's,
 * or a new one.
 *
 * @param folder where the stores are
 */
async function findGeneration(folder: string, named: object, probes: readonly Float32Array[]) {
  for (let generation = 1; generation <= MOST_GENERATIONS; generation++) {
    const name = nameIdentity({ ...named, generation });
    const known = await readProbes(join(folder, name, DESCRIPTION));
    if (known === undefined || isSame(known, probes)) {
      return { name, identity: { ...named, generation, probes: probes.map((vector) => [...vector]) } };
    }
  }
  throw new HnMineError(
    'output',
    `${folder}: has vectors of ${MOST_GENERATIONS} models of one name; use hn-mine cache rm`,
  );
}

/** Nothing where there is no store yet. */
async function readProbes(file: string): Promise<Float32Array[] | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text === '') return undefined;
  try {
    const { probes } = JSON.parse(text) as { probes: number[][] };
    return probes.map((vector) => Float32Array.from(vector));
  } catch {
    return [];
  }
}

function isSame(some: readonly Float32Array[], others: readonly Float32Array[]): boolean {
  return (
    some.length === others.length && some.every((vector, i) => cosine(vector, others[i] as Float32Array) > SAME_MODEL)
  );
}

/** Of vectors of length 1; 0 where they have not as many values. */
function cosine(a: Float32Array, b: Float32Array): number {
  return a.length === b.length ? a.reduce((sum, value, i) => sum + value * (b[i] as number), 0) : 0;
}

function toUnit(vector: Float32Array): Float32Array {
  const unit = Float32Array.from(vector);
  normalizeVector(unit);
  return unit;
}

interface RowSettings {
  readonly config: MineConfig;
  readonly dim: number;
  format(text: string, role: Role): string;
}

function createRowEncoder(endpoints: readonly Endpoint[], { config, dim, format }: RowSettings): RowEncoder {
  const controller = new AbortController();
  const { batchSize = DEFAULT_TEXTS } = config;
  /** Requests under way. */
  const loads = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  const addLoad = (endpoint: Endpoint, count: number) => loads.set(endpoint, (loads.get(endpoint) ?? 0) + count);
  const encodeSome = async (places: readonly number[], texts: readonly string[], role: Role, onRows: OnRows) => {
    // Stable: of equally busy ones the first.
    const order = endpoints.toSorted((a, b) => (loads.get(a) ?? 0) - (loads.get(b) ?? 0));
    const endpoint = order[0] as Endpoint;
    addLoad(endpoint, 1);
    try {
      const asked = places.map((place) => format(texts[place] as string, role));
      const found = await requestPatiently(order, asked, controller.signal);
      const vectors = new Float32Array(places.length * dim);
      for (const [i, vector] of found.entries()) {
        if (config.normalize) normalizeVector(vector);
        refuseUnusable(vector, dim, endpoint, role, texts[places[i] as number] as string);
        vectors.set(vector, i * dim);
      }
      await onRows(
        places,
        vectors,
        places.map(() => false),
      );
    } finally {
      addLoad(endpoint, -1);
    }
  };
  return {
    dim,
    async encodeRows(texts, role, onRows) {
      const encodeNext = (places: number[]) => encodeSome(places, texts, role, onRows);
      try {
        await runJobs(cutRequests(texts, batchSize), (REQUESTS_A_SERVER / 2) * endpoints.length, encodeNext);
      } catch (error) {
        controller.abort();
        throw error;
      }
    },
    close: async () => controller.abort(),
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
  if (found === undefined) return;
  const start = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  throw new HnMineError('model', `${address}: the embedding of the ${role} ${start} ${found}`);
}
