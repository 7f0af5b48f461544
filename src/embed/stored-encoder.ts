import { takeFitting } from '../memory/take-fitting.js';
import { listTexts } from '../memory/text-spool.js';
import { createPacer } from '../pacer.js';
import type { EmbeddingStore } from '../store/embedding-store.js';
import { makeKeys } from '../store/keys.js';
import type { StoredVector } from '../store/segment.js';
import type { Encoder, OnVectors, Role } from './encoder.js';

/** Encodes some texts, and hands over their vectors as they are done, in any order. */
export interface RowEncoder {
  readonly dim: number;
  /** @throws HnMineError `model`, `device`, or what `onRows` throws */
  encodeRows(texts: readonly string[], role: Role, onRows: OnRows): Promise<void>;
  close(): Promise<void>;
}

/** @param places positions in the texts, one for each of the vectors */
export type OnRows = (
  places: readonly number[],
  vectors: Float32Array,
  isTruncated: readonly boolean[],
) => Promise<void>;

/** A store and what its keys are made from: all that a text's vector depends on beside the encoder itself. */
export interface KeyedStore {
  readonly store: EmbeddingStore;
  keyOf(text: string, role: Role): string;
}

/** Texts encoded at once, at most: enough to sort them by length, few enough to hold. */
const CHUNK_TEXTS = 1 << 16;

/** Vectors of a chunk handed over at once. */
const PIECE_VECTORS = 1 << 12;

/** What a chunk's texts, keys and vectors may take where nobody says so. */
const CHUNK_BYTES = 1 << 28;

/** A text of a chunk costs its bytes about so many times: as read, for its key, and on its way to a worker. */
const TEXT_COPIES = 4;

/**
 * Encodes each text only if the store does not have it, and stores what it encodes as it goes.
 *
 * @param start called when a vector has to be computed: it loads the model
 * @param chunkBytes what the texts and vectors under way may take
 */
export function createStoredEncoder(
  start: () => Promise<RowEncoder>,
  keyed: KeyedStore | undefined,
  chunkBytes = CHUNK_BYTES,
): Encoder {
  let started: Promise<RowEncoder> | undefined;
  const startOnce = () => {
    started ??= start();
    return started;
  };
  return {
    async encode(texts, role, onVectors, onProgress = () => {}) {
      const counts = { done: 0, truncated: 0, reused: 0 };
      const dim = keyed?.store.dim ?? (await startOnce()).dim;
      const costOf = (size: number) => TEXT_COPIES * size + dim * Float32Array.BYTES_PER_ELEMENT;
      const fitting = { items: CHUNK_TEXTS, bytes: chunkBytes, costOf };
      // Without any text there is still one chunk: it tells how long vectors are.
      do {
        const first = counts.done;
        const some = await takeFitting(texts, first, fitting);
        onVectors(first, { data: new Float32Array(0), dim, count: 0 });
        const chunk = onVectors.takesAnyOrder ? passOn(some, dim, first, onVectors) : createChunk(some, dim);
        await encodeChunk(chunk, role, keyed, startOnce, () => onProgress(first + chunk.done));
        await handOver(chunk, first, onVectors);
        counts.done += chunk.texts.length;
        counts.truncated += chunk.truncated;
        counts.reused += chunk.reused;
      } while (counts.done < texts.length);
      return counts;
    },
    async close() {
      try {
        await keyed?.store.close();
      } finally {
        // Workers that are left would keep the process alive.
        await (await started?.catch(() => undefined))?.close();
      }
    },
  };
}

/** In pieces, since they may go to a disk. */
async function handOver({ data, dim, texts }: Chunk, first: number, onVectors: OnVectors): Promise<void> {
  if (data === undefined) return;
  const pause = createPacer();
  for (let start = 0; start < texts.length; start += PIECE_VECTORS) {
    const end = Math.min(start + PIECE_VECTORS, texts.length);
    onVectors(first + start, { data: data.subarray(start * dim, end * dim), dim, count: end - start });
    await pause();
  }
}

async function encodeChunk(
  chunk: Chunk,
  role: Role,
  keyed: KeyedStore | undefined,
  startEncoder: () => Promise<RowEncoder>,
  onProgress: () => void,
): Promise<void> {
  const keys = keyed ? await makeKeys(chunk.texts, (text) => keyed.keyOf(text, role)) : [];
  await keyed?.store.read(keys, chunk.put);
  chunk.reused = chunk.done;
  onProgress();
  const missing = chunk.listMissing();
  if (missing.length === 0) return;
  const texts = missing.map((place) => chunk.texts[place] as string);
  await (await startEncoder()).encodeRows(texts, role, async (found, vectors, isTruncated) => {
    const places = found.map((i) => missing[i] as number);
    const stored = places.map((_, i) => {
      const vector = vectors.subarray(i * chunk.dim, (i + 1) * chunk.dim);
      return { vector, isTruncated: isTruncated[i] === true };
    });
    for (const [i, place] of places.entries()) chunk.put(place, stored[i] as StoredVector);
    await keyed?.store.append(
      places.map((place) => keys[place] as Uint8Array),
      stored,
    );
    onProgress();
  });
}

/** Some texts, and their vectors as they arrive, from the store or from the workers. */
function createChunk(texts: readonly string[], dim: number): Chunk {
  const data = new Float32Array(texts.length * dim);
  return collectChunk(texts, dim, (place, vector) => data.set(vector, place * dim), data);
}

/** The same, with vectors that are handed over as they arrive. */
function passOn(texts: readonly string[], dim: number, first: number, onVectors: OnVectors): Chunk {
  return collectChunk(texts, dim, (place, data) => onVectors(first + place, { data, dim, count: 1 }));
}

type Chunk = ReturnType<typeof collectChunk>;

function collectChunk(
  texts: readonly string[],
  dim: number,
  keep: (place: number, vector: Float32Array) => void,
  data?: Float32Array,
) {
  const isKnown = new Uint8Array(texts.length);
  const chunk = {
    texts,
    dim,
    /** Where vectors are gathered, if they are. */
    data,
    done: 0,
    reused: 0,
    truncated: 0,
    put(place: number, { vector, isTruncated }: StoredVector) {
      keep(place, vector);
      isKnown[place] = 1;
      chunk.done++;
      if (isTruncated) chunk.truncated++;
    },
    listMissing: () => texts.flatMap((_, place) => (isKnown[place] === 0 ? [place] : [])),
  };
  return chunk;
}

/**
 * Encodes a few texts at once.
 *
 * @returns row i is the vector of text i
 */
export async function encodeTexts(encoder: Encoder, texts: readonly string[], role: Role) {
  let data = new Float32Array(0);
  let dim = 0;
  const counts = await encoder.encode(listTexts(texts), role, (first, vectors) => {
    dim = vectors.dim;
    if (data.length === 0) data = new Float32Array(texts.length * dim);
    data.set(vectors.data, first * dim);
  });
  return { embeddings: { data, dim, count: texts.length }, ...counts };
}
