import { join } from 'node:path';
import { HnMineError, reasonOf } from '../errors.js';
import {
  cacheFolder,
  findSnapshot,
  isFile,
  isInside,
  linkBlob,
  repositoryFolder,
  snapshotFolder,
  writeRef,
  writingCache,
} from './hub-cache.js';
import { downloadBlob, type HubFile, type HubProgress } from './hub-download.js';
import { type HubSite, libraryFetch, openSite } from './hub-request.js';

export interface HubModel {
  /** `name` or `org/name` */
  id: string;
  /** A branch, a tag or a commit; `main` where left out. */
  revision?: string;
  /** Use the cache alone, as with HF_HUB_OFFLINE. */
  offline?: boolean;
  /**
   * Which of the repository's files are needed, decided from its paths: all of them, or, where the hub cannot be asked,
   * those that the cache holds.
   */
  select: (paths: readonly string[]) => readonly string[];
}

export interface HubOptions {
  /** Where HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and their kin are looked up. */
  env: NodeJS.ProcessEnv;
  /** Called for each file that is downloaded, from the bytes that an earlier run left to its last one. */
  onProgress?: (progress: HubProgress) => void;
  signal?: AbortSignal;
  /** The wait before the first retry of a transfer that was cut; it doubles with every one that brings nothing (500). */
  retryDelayMs?: number;
}

interface Repository {
  readonly commit: string;
  readonly paths: readonly string[];
}

/**
 * Makes sure that the Hugging Face cache holds the model's files, downloading those that are missing.
 *
 * @returns the snapshot folder in the cache, laid out as Python's huggingface_hub lays it out
 * @throws HnMineError `network` where the hub cannot be reached (and the cache does not hold the model), or a transfer
 * breaks off again and again or brings damaged content; `model` where there is no such model or revision, it may not be
 * read, it is not in the cache and may not be downloaded, or the cache cannot be written; and whatever `select` throws.
 * An abort throws the signal's reason.
 */
export async function fetchHubModel(model: HubModel, options: HubOptions): Promise<string> {
  checkId(model.id);
  checkRevision(model);
  const cache = cacheFolder(options.env);
  const folder = repositoryFolder(cache, model.id);
  const barrier = offlineSwitch(model, options.env);
  if (barrier !== undefined) return readCache(model, cache, folder, barrier);

  const site = await openSite(model.id, model.revision ?? 'main', options);
  let repository: Repository;
  try {
    repository = await lookUp(site);
  } catch (thrown) {
    const { snapshot } = isNetworkError(thrown) ? await findInCache(model, folder) : {};
    if (snapshot === undefined) throw thrown;
    return snapshot;
  }
  return install(model, repository, { site, cache, folder, onProgress: options.onProgress });
}

function checkId(id: string): void {
  const parts = id.split('/');
  const valid = parts.length <= 2 && parts.every((part) => /^\w([\w.-]*\w)?$/.test(part)) && !/--|\.\./.test(id);
  if (valid) return;
  throw new HnMineError(
    'model',
    `${id}: expected a model folder or a Hugging Face id, name or org/name (found neither); ` +
      'check the path, or write an id such as BAAI/bge-base-en-v1.5',
  );
}

function checkRevision({ id, revision }: HubModel): void {
  if (revision === undefined || isInside(revision)) return;
  throw new HnMineError(
    'model',
    `${id}: expected a branch, a tag or a commit as revision (found "${revision}"); leave it out to use main`,
  );
}

/** What forbids downloading, if anything does. */
function offlineSwitch({ offline }: HubModel, env: NodeJS.ProcessEnv): string | undefined {
  if (offline) return '--offline';
  return ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].find((name) => /^(1|on|yes|true)$/i.test(env[name] ?? ''));
}

async function readCache(model: HubModel, cache: string, folder: string, barrier: string): Promise<string> {
  const { snapshot, gap } = await findInCache(model, folder);
  if (snapshot !== undefined) return snapshot;
  const name = model.revision === undefined ? model.id : `${model.id} at ${model.revision}`;
  const state = gap === undefined ? 'not in the Hugging Face cache' : 'not complete in the Hugging Face cache';
  throw new HnMineError(
    'model',
    `${name}: ${state} (looked in ${cache}${gap === undefined ? '' : `: ${gap}`}), ` +
      `and ${barrier} forbids downloading; run once without ${barrier}`,
  );
}

async function findInCache(model: HubModel, folder: string): Promise<{ snapshot?: string; gap?: string }> {
  const found = await findSnapshot(folder, model.revision ?? 'main');
  if (found === undefined) return {};
  try {
    const missing = model.select(found.paths).find((path) => !found.paths.includes(path));
    return missing === undefined ? { snapshot: found.folder } : { gap: `${missing} is missing` };
  } catch (thrown) {
    // What `select` misses may only be what nobody has downloaded yet.
    if (thrown instanceof HnMineError) return { gap: reasonOf(thrown) };
    throw thrown;
  }
}

/** The commit that the revision stands for, with the paths in it. */
async function lookUp(site: HubSite): Promise<Repository> {
  return readingHub(site, async () => {
    const { modelInfo } = await import('@huggingface/hub');
    const { sha, filePaths } = await modelInfo({
      ...libraryParameters(site),
      name: site.id,
      revision: site.revision,
      additionalFields: ['sha', 'filePaths'],
    });
    // The commit names a folder: nothing but a hash may do so.
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new Error(`the commit is ${JSON.stringify(sha)}`);
    return { commit: sha, paths: filePaths };
  });
}

/**
 * The token is left to `libraryFetch`: the library refuses tokens that do not begin with `hf_`, which mirrors give out,
 * and would send the token wherever the link to the next page of a listing points.
 */
function libraryParameters(site: HubSite) {
  return { hubUrl: site.endpoint, fetch: libraryFetch(site) };
}

async function readingHub<T>(site: HubSite, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    site.signal?.throwIfAborted();
    if (thrown instanceof HnMineError) throw thrown;
    throw new HnMineError(
      'network',
      `${site.endpoint}: expected the answer of a Hugging Face hub (${reasonOf(thrown)}); check HF_ENDPOINT`,
      { cause: thrown },
    );
  }
}

function isNetworkError(thrown: unknown): boolean {
  return thrown instanceof HnMineError && thrown.code === 'network';
}

interface Target {
  readonly site: HubSite;
  readonly cache: string;
  readonly folder: string;
  readonly onProgress: HubOptions['onProgress'];
}

/**
 * A snapshot gets its links after the last download, and the ref after the links, so that what the cache shows to an
 * offline run is whole even where an update was interrupted.
 */
async function install(model: HubModel, { commit, paths }: Repository, target: Target): Promise<string> {
  const { site, cache, folder, onProgress } = target;
  const blobs = join(folder, 'blobs');
  const snapshot = snapshotFolder(folder, commit);
  const missing: string[] = [];
  for (const path of model.select(paths)) {
    checkPath(model.id, path);
    if (!(await isFile(join(snapshot, path)))) missing.push(path);
  }
  const files = missing.length === 0 ? [] : await describeFiles(site, commit, missing);
  await writingCache(cache, async () => {
    for (const file of files) await downloadBlob(file, { site, folder: blobs, onProgress });
    for (const file of files) await linkBlob(join(blobs, file.etag), join(snapshot, file.path));
    if (site.revision !== commit) await writeRef(folder, site.revision, commit);
  });
  return snapshot;
}

function checkPath(id: string, path: string): void {
  if (isInside(path)) return;
  throw new HnMineError(
    'model',
    `${id}: expected file paths inside the repository (found ${JSON.stringify(path)}); do not use this model`,
  );
}

async function describeFiles(site: HubSite, commit: string, paths: readonly string[]): Promise<HubFile[]> {
  const found = await readingHub(site, async () => {
    const { listFiles } = await import('@huggingface/hub');
    const repo = { type: 'model', name: site.id } as const;
    const entries = new Map<string, { size: number; etag: string }>();
    for await (const entry of listFiles({ ...libraryParameters(site), repo, revision: commit, recursive: true })) {
      entries.set(entry.path, { size: entry.lfs?.size ?? entry.size, etag: entry.lfs?.oid ?? entry.oid ?? '' });
    }
    return entries;
  });
  return paths.map((path) => {
    const { size, etag } = found.get(path) ?? { size: -1, etag: '' };
    // The checksum names a file of the cache: nothing but a hash may do so.
    if (size >= 0 && /^[0-9a-f]{40,64}$/.test(etag)) return { path, commit, size, etag };
    throw new HnMineError(
      'model',
      `${site.id}: expected ${path} with its size and checksum in the listing (found ${JSON.stringify(etag)}); ` +
        `check HF_ENDPOINT (${site.endpoint})`,
    );
  });
}
