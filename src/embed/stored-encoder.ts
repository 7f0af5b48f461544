import { createHash } from 'node:crypto';
import { createPacer } from '../pacer.js';
import type { EmbeddingStore } from '../store/embedding-store.js';
import { KEY_BYTES, type StoredVector } from '../store/segment.js';
import type { Encoder, Role } from './encoder.js';

/** Encodes some texts into given rows of shared memory, and tells of them as they are done. */
export interface RowEncoder {
  readonly dim: number;
  /** @throws HnMineError `model`, `device`, or what `onRows` throws */
  encodeRows(work: RowWork, onRows: OnRows): Promise<void>;
  close(): Promise<void>;
}

/** Texts and where their vectors go. */
export interface RowWork {
  readonly texts: readonly string[];
  /** The row of each text in `target`. */
  readonly rows: readonly number[];
  readonly role: Role;
  readonly target: SharedArrayBuffer;
}

/** @param places positions in the work's texts */
export type OnRows = (places: readonly number[], isTruncated: readonly boolean[]) => Promise<void>;

/** A store and what its keys are made from: all that a text's vector depends on beside the encoder itself. */
export interface KeyedStore {
  readonly store: EmbeddingStore;
  keyOf(text: string, role: Role): string;
}

/**
 * An encoder that takes from the store what is there, encodes the rest, and stores it as it goes. The model is loaded when
 * the first text is missing, so a run whose texts are all known never loads it.
 *
 * @param start loads the model
 */
export function createStoredEncoder(start: () => Promise<RowEncoder>, keyed: KeyedStore | undefined): Encoder {
  let started: Promise<RowEncoder> | undefined;
  const startOnce = () => {
    started ??= start();
    return started;
  };
  return {
    async encode(texts, role, onProgress = () => {}) {
      const dim = keyed?.store.dim ?? (await startOnce()).dim;
      const keys = keyed ? await hashTexts(texts, (text) => keyed.keyOf(text, role)) : [];
      const result = createResult(texts.length, dim);
      await keyed?.store.read(keys, (row, stored) => result.add(row, stored));
      onProgress(result.done);
      const missing = result.listMissing();
      if (missing.length > 0) {
        const work = { texts: missing.map((row) => texts[row] as string), rows: missing, role, target: result.target };
        await (await startOnce()).encodeRows(work, async (places, isTruncated) => {
          const rows = places.map((place) => missing[place] as number);
          const vectors = rows.map((row, i) => result.take(row, isTruncated[i] === true));
          await keyed?.store.append(
            rows.map((row) => keys[row] as Uint8Array),
            vectors,
          );
          onProgress(result.done);
        });
      }
      const embeddings = { data: result.data, dim, count: texts.length };
      return { embeddings, truncated: result.truncated, reused: texts.length - missing.length };
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

/** Vectors as they arrive, from the store or from the workers. */
function createResult(count: number, dim: number) {
  const target = new SharedArrayBuffer(count * dim * Float32Array.BYTES_PER_ELEMENT);
  const data = new Float32Array(target);
  const isKnown = new Uint8Array(count);
  const counts = { done: 0, truncated: 0 };
  const note = (isTruncated: boolean) => {
    counts.done++;
    if (isTruncated) counts.truncated++;
  };
  return {
    target,
    data,
    get done() {
      return counts.done;
    },
    get truncated() {
      return counts.truncated;
    },
    add(row: number, { vector, isTruncated }: StoredVector) {
      data.set(vector, row * dim);
      isKnown[row] = 1;
      note(isTruncated);
    },
    /** A row that a worker has written. */
    take(row: number, isTruncated: boolean): StoredVector {
      note(isTruncated);
      return { vector: data.subarray(row * dim, (row + 1) * dim), isTruncated };
    },
    listMissing() {
      const missing: number[] = [];
      for (let row = 0; row < count; row++) if (isKnown[row] === 0) missing.push(row);
      return missing;
    },
  };
}

async function hashTexts(texts: readonly string[], keyOf: (text: string) => string): Promise<Uint8Array[]> {
  const pause = createPacer();
  const keys: Uint8Array[] = [];
  for (const text of texts) {
    // A copy: the digest's buffer is shared with others.
    keys.push(Uint8Array.from(createHash('sha256').update(keyOf(text)).digest().subarray(0, KEY_BYTES)));
    await pause();
  }
  return keys;
}
