import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';
import { createPacer } from '../pacer.js';
import { KeyTable } from './key-table.js';
import { openSegment, readRecords, type Segment, SegmentWriter, type StoredVector } from './segment.js';

/** What the vectors of a store depend on besides their texts, for people and for the store's name. */
export type EncoderIdentity = Readonly<Record<string, unknown>>;

const SYNC_EVERY_MS = 3000;
/** The file that says whose vectors a folder holds; its time is that of the last use. */
export const DESCRIPTION = 'encoder.json';
const VECTORS = '.vectors';

/**
 * All vectors that one encoder ever made, in a folder of segments. Every process appends to a segment of its own, so any
 * number of them may work at once, and reads the others' as they were when it started.
 */
export class EmbeddingStore {
  readonly #folder: string;
  readonly #segments: readonly Segment[];
  readonly #table = new KeyTable();
  #writer: Promise<SegmentWriter> | undefined;
  #sync: NodeJS.Timeout | undefined;

  private constructor(folder: string, segments: readonly Segment[]) {
    this.#folder = folder;
    this.#segments = segments;
  }

  /**
   * @param onWarning told of files that are not a store's, which are set aside
   * @throws HnMineError `output` where the folder cannot be made or read
   */
  static async open(
    folder: string,
    identity: EncoderIdentity,
    onWarning: (message: string) => void,
  ): Promise<EmbeddingStore> {
    try {
      await mkdir(folder, { recursive: true });
      const description = join(folder, DESCRIPTION);
      // A full disk leaves an empty one.
      const isKnown = await readFile(description).then(
        ({ length }) => length > 0,
        () => false,
      );
      if (!isKnown) await writeFile(description, `${JSON.stringify(identity, null, 2)}\n`);
      // The time of the last use, for pruning.
      else await utimes(description, new Date(), new Date());
      const store = new EmbeddingStore(folder, await openSegments(folder, onWarning));
      const pause = createPacer();
      for (const segment of store.#segments) {
        store.#table.addSegment(segment);
        await pause();
      }
      return store;
    } catch (cause) {
      throw new HnMineError(
        'output',
        `${folder}: embeddings cannot be kept there (${reasonOf(cause)}); give another --cache-dir, or use --no-cache`,
        { cause },
      );
    }
  }

  /** The length of its vectors; nothing while it is empty. */
  get dim(): number | undefined {
    return this.#segments.find(({ count }) => count > 0)?.dim;
  }

  /**
   * Reads the vectors of those keys that are there.
   *
   * @param onVector called with the key's position; the vector is only valid during the call
   */
  async read(keys: readonly Uint8Array[], onVector: (position: number, stored: StoredVector) => void): Promise<void> {
    const pause = createPacer();
    const found = this.#segments.map((): { record: number; position: number }[] => []);
    for (const [position, key] of keys.entries()) {
      const place = this.#table.find(key);
      if (place) found[place.segment]?.push({ record: place.record, position });
      await pause();
    }
    for (const [i, places] of found.entries()) {
      places.sort((a, b) => a.record - b.record);
      const records = places.map(({ record }) => record);
      await readRecords(this.#segments[i] as Segment, records, (place, stored) =>
        onVector(places[place]?.position as number, stored),
      );
    }
  }

  /** @throws HnMineError `output` where the disk is full or fails */
  async append(keys: readonly Uint8Array[], vectors: readonly StoredVector[]): Promise<void> {
    const dim = vectors[0]?.vector.length ?? 0;
    const name = join(this.#folder, `${Date.now().toString(36)}-${randomBytes(6).toString('hex')}`);
    this.#writer ??= SegmentWriter.create(name, dim);
    const writer = await this.#writer;
    await writer.append(keys, vectors);
    this.#sync ??= setInterval(() => void writer.sync().catch(() => {}), SYNC_EVERY_MS).unref();
  }

  /** @throws HnMineError `output` where the disk is full or fails */
  async close(): Promise<void> {
    clearInterval(this.#sync);
    // Where there is none because it could not be made, `append` has said so.
    const writer = await this.#writer?.catch(() => undefined);
    this.#writer = undefined;
    try {
      await writer?.sync();
    } finally {
      await writer?.close();
    }
  }
}

async function openSegments(folder: string, onWarning: (message: string) => void): Promise<Segment[]> {
  const segments: Segment[] = [];
  const files = (await readdir(folder)).filter((file) => file.endsWith(VECTORS)).sort();
  for (const file of files) {
    const name = join(folder, file.slice(0, -VECTORS.length));
    try {
      const segment = await openSegment(name);
      if (segment && segment.dim !== (segments[0] ?? segment).dim) throw new Error('vectors of another length');
      if (segment) segments.push(segment);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) continue;
      // A file that cannot be read now may be whole.
      if (error instanceof Error && 'code' in error) {
        onWarning(`${name}${VECTORS}: cannot be read (${reasonOf(error)}); its vectors are computed again`);
        continue;
      }
      if (!(await setAside(`${name}${VECTORS}`))) continue;
      onWarning(`${name}${VECTORS}: ${reasonOf(error)}; set aside as ${file}.damaged`);
    }
  }
  return segments;
}

/** @returns whether it was there: another run may have been first */
async function setAside(path: string): Promise<boolean> {
  try {
    await rename(path, `${path}.damaged`);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
