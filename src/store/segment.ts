import { type FileHandle, open } from 'node:fs/promises';
import { HnMineError, reasonOfWriteFailure } from '../errors.js';
import { digestBytes } from '../memory/hash.js';

/** Bytes of a key: the head of a SHA-256. */
export const KEY_BYTES = 16;

const MAGIC = 'hn-mine vectors 1\n';
const HEADER_BYTES = 64;
const CHECKSUM_BYTES = 4;
const FLAG_BYTES = 4;
const INDEX_RECORD = KEY_BYTES + CHECKSUM_BYTES;
const READ_BYTES = 1 << 22;
/** Reading over so much that is not wanted costs less than another read. */
const WIDEST_GAP_BYTES = 1 << 16;

/** One vector of the store. */
export interface StoredVector {
  readonly vector: Float32Array;
  readonly isTruncated: boolean;
}

/**
 * A pair of files that are only ever appended to, by one process: `NAME.vectors` (a header, then a flag word and `dim` float32
 * a record) and `NAME.keys` (a key and a checksum over key and record). A record counts once both are there; a torn end is
 * not read, and a record that was damaged fails its checksum and counts as absent.
 */
export class SegmentWriter {
  #written = 0;
  #isDirty = false;

  private constructor(
    private readonly name: string,
    private readonly dim: number,
    private readonly vectors: FileHandle,
    private readonly keys: FileHandle,
  ) {}

  /** @throws HnMineError `output` where the disk is full or fails */
  static async create(name: string, dim: number): Promise<SegmentWriter> {
    const files: FileHandle[] = [];
    try {
      for (const ending of ['vectors', 'keys']) files.push(await open(`${name}.${ending}`, 'wx'));
      const [vectors, keys] = files as [FileHandle, FileHandle];
      await writeFully(vectors, makeHeader(dim), 0);
      return new SegmentWriter(name, dim, vectors, keys);
    } catch (cause) {
      for (const file of files) await file.close();
      throw cannotStore(name, cause);
    }
  }

  /**
   * @param keys `KEY_BYTES` each
   * @throws HnMineError `output` where the disk is full or fails; what was stored before stays
   */
  async append(keys: readonly Uint8Array[], vectors: readonly StoredVector[]): Promise<void> {
    const recordBytes = FLAG_BYTES + 4 * this.dim;
    const records = Buffer.alloc(keys.length * recordBytes);
    const index = Buffer.alloc(keys.length * INDEX_RECORD);
    keys.forEach((key, i) => {
      const { vector, isTruncated } = vectors[i] as StoredVector;
      const record = records.subarray(i * recordBytes, (i + 1) * recordBytes);
      record.writeUInt32LE(isTruncated ? 1 : 0);
      record.set(new Uint8Array(Float32Array.from(vector).buffer), FLAG_BYTES);
      index.set(key, i * INDEX_RECORD);
      index.write(checksumOf(Buffer.concat([key, record])), i * INDEX_RECORD + KEY_BYTES, 'latin1');
    });
    const position = this.#written;
    // Taken before waiting: calls may overlap.
    this.#written += keys.length;
    this.#isDirty = true;
    try {
      await writeFully(this.vectors, records, HEADER_BYTES + position * recordBytes);
      await writeFully(this.keys, index, position * INDEX_RECORD);
    } catch (cause) {
      throw cannotStore(this.name, cause);
    }
  }

  /** @throws HnMineError `output` where the disk is full or fails */
  async sync(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    try {
      await this.vectors.datasync();
      await this.keys.datasync();
    } catch (cause) {
      throw cannotStore(this.name, cause);
    }
  }

  async close(): Promise<void> {
    await this.vectors.close();
    await this.keys.close();
  }
}

function cannotStore(name: string, cause: unknown): HnMineError {
  const reason = reasonOfWriteFailure(cause);
  return new HnMineError(
    'output',
    `${name}.vectors: embeddings cannot be stored (${reason}); free space, give another --cache-dir, or use --no-cache`,
    { cause },
  );
}

/** What a segment holds: keys in order, and where their records are. */
export interface Segment {
  readonly name: string;
  readonly dim: number;
  readonly count: number;
  /** `INDEX_RECORD` bytes each: see `keyAt`. */
  readonly index: Buffer;
}

/** The key of record `i`. */
export function keyAt(segment: Segment, i: number): Uint8Array {
  return segment.index.subarray(i * INDEX_RECORD, i * INDEX_RECORD + KEY_BYTES);
}

/** Reads a segment's keys; nothing where it has just been begun. @throws Error where the files are not those of a segment */
export async function openSegment(name: string): Promise<Segment | undefined> {
  const vectors = await open(`${name}.vectors`, 'r');
  const keys = await open(`${name}.keys`, 'r').catch(() => undefined);
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await vectors.read(header, 0, HEADER_BYTES, 0);
    if (!keys || bytesRead < HEADER_BYTES) return undefined;
    const dim = header.readUInt32LE(MAGIC.length);
    if (!header.equals(makeHeader(dim)) || dim === 0) throw new Error('not a file of this store');
    const records = Math.floor(((await vectors.stat()).size - HEADER_BYTES) / (FLAG_BYTES + 4 * dim));
    const index = await keys.readFile();
    const count = Math.max(0, Math.min(records, Math.floor(index.length / INDEX_RECORD)));
    return { name, dim, count, index };
  } finally {
    await vectors.close();
    await keys?.close();
  }
}

/**
 * Reads records in ascending order, in large pieces.
 *
 * @param wanted record numbers, ascending
 * @param onVector called with the place in `wanted`; the vector is only valid during the call
 */
export async function readRecords(
  segment: Segment,
  wanted: ArrayLike<number>,
  onVector: (place: number, stored: StoredVector) => void,
): Promise<void> {
  if (wanted.length === 0) return;
  const recordBytes = FLAG_BYTES + 4 * segment.dim;
  const piece = Buffer.alloc(Math.max(READ_BYTES, recordBytes));
  const decode = createDecoder(segment);
  // It may have been removed since it was opened: its records are then absent.
  const file = await open(`${segment.name}.vectors`, 'r').catch(() => undefined);
  if (!file) return;
  try {
    for (let place = 0; place < wanted.length; ) {
      const first = wanted[place] as number;
      const bytes = recordBytes * (findRunEnd(wanted, place, recordBytes) - first);
      const { bytesRead } = await file.read(piece, 0, bytes, HEADER_BYTES + first * recordBytes);
      const end = first + Math.floor(bytesRead / recordBytes);
      if (end === first) return;
      for (; place < wanted.length && (wanted[place] as number) < end; place++) {
        const start = ((wanted[place] as number) - first) * recordBytes;
        const stored = decode(wanted[place] as number, piece.subarray(start, start + recordBytes));
        if (stored) onVector(place, stored);
      }
    }
  } finally {
    await file.close();
  }
}

/** Past the last record that is worth reading together with the one at `place`: no wide gaps, no more than a piece. */
function findRunEnd(wanted: ArrayLike<number>, place: number, recordBytes: number): number {
  const first = wanted[place] as number;
  let end = first + 1;
  for (let next = place + 1; next < wanted.length; next++) {
    const record = wanted[next] as number;
    if ((record - end) * recordBytes > WIDEST_GAP_BYTES || (record + 1 - first) * recordBytes > READ_BYTES) break;
    end = record + 1;
  }
  return end;
}

/** Returns what gives a record's vector, valid until the next call; nothing where the record is damaged. */
function createDecoder({ index, dim }: Segment): (number: number, record: Buffer) => StoredVector | undefined {
  const checked = Buffer.from(new ArrayBuffer(KEY_BYTES + FLAG_BYTES + 4 * dim));
  const vector = new Float32Array(checked.buffer, KEY_BYTES + FLAG_BYTES, dim);
  return (number, record) => {
    const at = number * INDEX_RECORD;
    index.copy(checked, 0, at, at + KEY_BYTES);
    record.copy(checked, KEY_BYTES);
    const checksum = index.toString('latin1', at + KEY_BYTES, at + INDEX_RECORD);
    if (checksum !== checksumOf(checked)) return undefined;
    return { vector, isTruncated: (record.readUInt32LE() & 1) === 1 };
  };
}

/** A character a byte. */
function checksumOf(bytes: Uint8Array): string {
  return digestBytes(bytes).slice(0, CHECKSUM_BYTES);
}

function makeHeader(dim: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC);
  const end = header.writeUInt32LE(dim, MAGIC.length);
  // A wrong length would misplace every record.
  header.write(checksumOf(header.subarray(0, end)), end, 'latin1');
  return header;
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
