import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HnMineError, hasErrno, rootReason } from '../errors.js';
import { backOff, type HubSite, requestHub, watchSilence } from './hub-request.js';

export interface HubFile {
  readonly path: string;
  readonly commit: string;
  /** bytes */
  readonly size: number;
  /** The name of the blob: the sha256 of a large file, the git hash of a small one. */
  readonly etag: string;
}

export interface HubProgress {
  readonly file: string;
  /** Bytes of this file that are on the disk, those of earlier runs included. */
  readonly done: number;
  /** Bytes of this file. */
  readonly total: number;
}

export interface BlobTarget {
  readonly site: HubSite;
  readonly folder: string;
  readonly onProgress?: (progress: HubProgress) => void;
}

interface Transfer extends BlobTarget {
  readonly file: HubFile;
  readonly blob: string;
  readonly partial: string;
}

const MAX_FAILURES = 5;

/**
 * Puts a file into the folder under the name of its content, going on from the `.incomplete` file that an earlier run
 * left there.
 *
 * No lock is needed: two processes that download the same file write the same bytes to the same places, each from where
 * the file ended when it began, and the file is never shortened while its bytes may be good.
 *
 * @throws HnMineError `network` where the connection breaks again and again, or the content is not what was announced;
 * `model` where the hub refuses
 */
export async function downloadBlob(file: HubFile, target: BlobTarget): Promise<void> {
  const blob = join(target.folder, file.etag);
  const transfer: Transfer = { ...target, file, blob, partial: `${blob}.incomplete` };
  await mkdir(target.folder, { recursive: true });
  while (!(await isComplete(transfer))) {
    const resumed = await fillPartial(transfer);
    if (await putInPlace(transfer)) return;
    // What an earlier run left may be damaged; what came in one piece is damaged at its source.
    if (resumed === 0) throw damaged(transfer);
  }
}

async function isComplete({ blob, file }: Transfer): Promise<boolean> {
  return (await sizeOf(blob)) === file.size;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (hasErrno(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

/** @returns how many bytes were there before */
async function fillPartial(transfer: Transfer): Promise<number> {
  const handle = await open(transfer.partial, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    const { size: resumed } = await handle.stat();
    await receiveAll(handle, resumed, transfer);
    await handle.datasync();
    return resumed;
  } finally {
    await handle.close();
  }
}

async function receiveAll(handle: FileHandle, resumed: number, transfer: Transfer): Promise<void> {
  const { file, site } = transfer;
  let failures = 0;
  for (let have = resumed; have < file.size && !(await isComplete(transfer)); ) {
    const failure = await receive(handle, have, transfer);
    const { size } = await handle.stat();
    if (failure !== undefined) {
      // A transfer that gets on may break as often as it likes.
      failures = size > have ? 1 : failures + 1;
      if (failures === MAX_FAILURES) throw cutOff(transfer, size, failure);
      await backOff(site, failures - 1);
    }
    have = size;
  }
}

/** One request for what is missing. @returns why it broke off, where another may succeed */
async function receive(handle: FileHandle, have: number, transfer: Transfer): Promise<unknown> {
  const { file, site, onProgress } = transfer;
  const watch = watchSilence(site.patienceMs.transfer, site.signal);
  try {
    const response = await requestFrom(have, transfer, watch.signal);
    let position = startOf(response, have, file);
    onProgress?.({ file: file.path, done: position, total: file.size });
    for await (const chunk of readBody(response)) {
      watch.touch();
      if (position + chunk.length > file.size) throw interrupted(`more than ${file.size} bytes arrived`);
      // Once another process has put the file in place, this handle is that of the finished blob.
      if (await isComplete(transfer)) return undefined;
      await writeFully(handle, chunk, position);
      position += chunk.length;
      onProgress?.({ file: file.path, done: position, total: file.size });
    }
    return position < file.size ? interrupted('the connection was closed') : undefined;
  } catch (thrown) {
    site.signal?.throwIfAborted();
    if (thrown instanceof HnMineError && thrown.code === 'network') return thrown;
    throw thrown;
  } finally {
    watch.pause();
  }
}

function requestFrom(have: number, { file, site }: Transfer, signal: AbortSignal): Promise<Response> {
  const path = [...site.id.split('/'), 'resolve', file.commit, ...file.path.split('/')]
    .map(encodeURIComponent)
    .join('/');
  // A compressed answer has no length that could be checked, and cannot be continued.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (have > 0) headers.range = `bytes=${have}-`;
  return requestHub(site, `${site.endpoint}/${path}`, { headers, signal });
}

/** Where the first byte of the answer belongs: a server may give the whole file although a part was asked for. */
function startOf(response: Response, have: number, file: HubFile): number {
  const { headers, status } = response;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const partial = status === 206;
  const start = partial ? Number(range?.[1]) : 0;
  const total = (partial ? range?.[2] : headers.get('content-length')) ?? '*';
  if (partial && start !== have) throw interrupted(`byte ${have} was asked for and ${range?.[1] ?? 'none'} came`);
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  if (total === '*' || encoded || Number(total) === file.size) return start;
  throw interrupted(`the server has ${total} bytes of it`);
}

/** Tells a broken connection from a failure to write. */
async function* readBody(response: Response): AsyncGenerator<Uint8Array> {
  try {
    if (response.body !== null) yield* response.body;
  } catch (thrown) {
    throw interrupted(rootReason(thrown), thrown);
  }
}

function interrupted(reason: string, cause?: unknown): HnMineError {
  return new HnMineError('network', reason, { cause });
}

async function writeFully(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

function cutOff({ file, site }: Transfer, have: number, failure: unknown): HnMineError {
  return new HnMineError(
    'network',
    `${site.id}: the download of ${file.path} stopped at ${have} of ${file.size} bytes (${rootReason(failure)}); ` +
      'run again to continue from there',
    { cause: failure },
  );
}

/** @returns whether the blob is there, whole, from this process or another; if not, what there was of it is gone */
async function putInPlace(transfer: Transfer): Promise<boolean> {
  const { blob, partial } = transfer;
  if (await isIntact(transfer)) {
    try {
      await rename(partial, blob);
    } catch (thrown) {
      if (!hasErrno(thrown, 'ENOENT')) throw thrown;
    }
  } else {
    await rm(partial, { force: true });
  }
  return isComplete(transfer);
}

async function isIntact({ partial, file }: Transfer): Promise<boolean> {
  if ((await sizeOf(partial)) !== file.size) return false;
  if (file.etag.length !== 64) return true;
  return (await sha256Of(partial)) === file.etag;
}

async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (thrown) {
    if (hasErrno(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
  return hash.digest('hex');
}

function damaged({ file, site }: Transfer): HnMineError {
  return new HnMineError(
    'network',
    `${site.id}: expected ${file.path} with the sha256 ${file.etag} (the content that came has another); ` +
      `run again, and if it stays so, check HF_ENDPOINT (${site.endpoint})`,
  );
}
