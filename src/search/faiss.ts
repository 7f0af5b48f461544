import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Embeddings } from '../embed/encoder.js';
import { HnMineError, reasonOf } from '../errors.js';
import { createEngineIndex, cutPieces, type SearchEngine } from './engine-index.js';
import type { FaissReply, FaissRequest } from './faiss-process.js';
import { openVectors, type PassageVectors, type VectorPlace, vectorsInMemory } from './passage-vectors.js';
import type { VectorIndex } from './vector-index.js';

/** How FAISS is run; no choice changes a result. */
export interface FaissOptions {
  /** Threads of the FAISS process (all cores). */
  readonly threads?: number;
  /** A folder whose `node_modules` is looked in first; then come this package's place and the working directory. */
  readonly resolveFrom?: string;
  /** faiss-node never frees a query: after so many bytes of queries the process is replaced (256 MiB). */
  readonly recycleAfterBytes?: number;
}

/** Of results few at once: faiss-node returns them as arrays of numbers. */
const LIMITS = { queries: 256, results: 2 ** 20, lanes: 2 };

type Found = FaissReply & { type: 'found' };

/**
 * FAISS's `IndexFlatIP`, through the optional package faiss-node, rescored in float64. It runs in a process of its own,
 * which holds a copy of the vectors, because faiss-node blocks its thread and leaks.
 *
 * @throws HnMineError `search` with the next step where faiss-node is missing or does not load, where the vectors cannot
 * be handed over through a temporary file, and, from `search`, where the process dies
 */
export async function createFaissIndex(
  place: Embeddings | VectorPlace,
  options: FaissOptions = {},
): Promise<VectorIndex> {
  const passages = 'source' in place ? openVectors(place) : vectorsInMemory(place);
  const start = () => startProcess(passages, options);
  const open = async () => new FaissProcess(await start(), start, options.recycleAfterBytes ?? 2 ** 28);
  return createEngineIndex(passages, open, LIMITS);
}

/** One child after the other, each replaced when it has leaked enough; searches wait in line. */
class FaissProcess implements SearchEngine {
  readonly #start: () => Promise<ChildProcess>;
  readonly #recycleAfterBytes: number;
  #child: ChildProcess;
  #leaked = 0;
  #line: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(child: ChildProcess, start: () => Promise<ChildProcess>, recycleAfterBytes: number) {
    this.#child = child;
    this.#start = start;
    this.#recycleAfterBytes = recycleAfterBytes;
  }

  search({ data }: Embeddings, k: number): Promise<Found> {
    const found = this.#line.then(() => this.#searchNow(data, k));
    this.#line = found.catch(() => {});
    return found;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await endProcess(this.#child);
    // The line may be waiting for another child, which `#recycle` ends.
    await this.#line;
  }

  async #searchNow(queries: Float32Array, k: number): Promise<Found> {
    try {
      if (this.#leaked >= this.#recycleAfterBytes && !this.#isClosed) await this.#recycle();
      this.#leaked += queries.byteLength;
      return expectFound(await ask(this.#child, { type: 'search', queries, k }));
    } catch (thrown) {
      throw this.#isClosed ? failure('the index was closed during a search') : thrown;
    }
  }

  async #recycle(): Promise<void> {
    await endProcess(this.#child);
    this.#child = await this.#start();
    this.#leaked = 0;
    if (this.#isClosed) await endProcess(this.#child);
  }
}

/** The vectors go through a file, which FAISS reads into its own memory; every other way in makes more copies. */
async function startProcess(passages: PassageVectors, options: FaissOptions): Promise<ChildProcess> {
  const temporaryFolder = await mkdtemp(join(tmpdir(), 'hn-mine-faiss-')).catch(throwWriteFailure);
  try {
    return await loadProcess(temporaryFolder, passages, options);
  } finally {
    await rm(temporaryFolder, { recursive: true, force: true });
  }
}

async function loadProcess(temporaryFolder: string, passages: PassageVectors, options: FaissOptions) {
  const child = forkProcess(options);
  try {
    const resolveFrom = options.resolveFrom === undefined ? [] : [options.resolveFrom];
    expectDone(await ask(child, { type: 'start', temporaryFolder, resolveFrom }));
    const file = join(temporaryFolder, 'vectors.faiss');
    await writeFlatIndex(file, passages).catch(throwWriteFailure);
    expectDone(await ask(child, { type: 'load', file }));
    return child;
  } catch (thrown) {
    await endProcess(child);
    throw thrown;
  }
}

function forkProcess({ threads }: FaissOptions): ChildProcess {
  const limit = threads === undefined ? {} : { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}` };
  return fork(new URL('./faiss-process.js', import.meta.url), {
    execArgv: [],
    // FAISS's threads otherwise spin while they wait, and take the rescoring's cores: four times slower on two.
    env: { OMP_WAIT_POLICY: 'passive', ...process.env, ...limit },
    serialization: 'advanced',
    // stdout is for data: nothing that FAISS or its BLAS might print belongs there.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  }).on('error', () => {});
}

function throwWriteFailure(cause: unknown): never {
  throw failure(
    `cannot write the vectors to a temporary file (${reasonOf(cause)}); set TMPDIR or use --index flat`,
    cause,
  );
}

async function writeFlatIndex(path: string, passages: PassageVectors): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await writeFully(file, flatIndexHeader(passages.dim, passages.count));
    for await (const { data } of cutPieces(passages)) {
      await writeFully(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  } finally {
    await file.close();
  }
}

/** As FAISS's `index_write.cpp` writes an `IndexFlatIP`, up to the vectors. */
function flatIndexHeader(dim: number, count: number): Buffer {
  const header = Buffer.alloc(45);
  header.write('IxFI', 0, 'latin1');
  header.writeInt32LE(dim, 4);
  header.writeBigInt64LE(BigInt(count), 8);
  // Two fields that FAISS no longer uses.
  header.writeBigInt64LE(1n << 20n, 16);
  header.writeBigInt64LE(1n << 20n, 24);
  header.writeUInt8(1, 32); // trained
  header.writeInt32LE(0, 33); // METRIC_INNER_PRODUCT
  header.writeBigUInt64LE(BigInt(count) * BigInt(dim), 37);
  return header;
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length; ) start += (await file.write(bytes.subarray(start))).bytesWritten;
}

/** The child's next message, or a rejection when it ends. */
function ask(child: ChildProcess, request: FaissRequest): Promise<FaissReply> {
  return new Promise((resolve, reject) => {
    const onEnd = () => reject(deathOf(child));
    if (hasEnded(child)) return onEnd();
    child.once('exit', onEnd).once('error', onEnd);
    child.once('message', (reply: FaissReply) => {
      child.off('exit', onEnd).off('error', onEnd);
      resolve(reply);
    });
    // A failure to send means that the child is about to end, or has.
    child.send(request, () => {});
  });
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exit = once(child, 'exit');
  // It may be deep in a search, and has nothing to save.
  child.kill('SIGKILL');
  await exit;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function expectDone(reply: FaissReply): void {
  if (reply.type !== 'done') throw replyFailure(reply);
}

function expectFound(reply: FaissReply): Found {
  if (reply.type !== 'found') throw replyFailure(reply);
  // FAISS pads with -1 where sums overflowed float32.
  if (reply.passages.includes(-1)) throw failure('some scores are too large for FAISS; use --index flat');
  return reply;
}

function replyFailure(reply: FaissReply): HnMineError {
  switch (reply.type) {
    case 'missing':
      return failure(
        'the package faiss-node is not installed; run "npm install faiss-node" beside hn-mine, ' +
          'or use --index flat (exact as well)',
      );
    case 'broken':
      return failure(
        `the package faiss-node is installed but does not load (${reply.reason}); its install script downloads a ` +
          'binary from GitHub: run "npm rebuild faiss-node" where it may, or use --index flat (exact as well)',
      );
    default:
      return failure(`FAISS failed (${'reason' in reply ? reply.reason : reply.type})`);
  }
}

function deathOf(child: ChildProcess): HnMineError {
  const end = child.signalCode ?? `exit code ${child.exitCode}`;
  return failure(`the FAISS process died (${end}); it may have run out of memory, --index flat needs less`);
}

function failure(message: string, cause?: unknown): HnMineError {
  return new HnMineError('search', `--index faiss: ${message}`, { cause });
}
