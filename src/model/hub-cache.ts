import { randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { HnMineError, reasonOf } from '../errors.js';

export interface Snapshot {
  readonly folder: string;
  /** Of the files it holds, relative to the folder, with `/`. */
  readonly paths: readonly string[];
}

/** The folder that every tool of Hugging Face keeps its downloads in. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return expandHome(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hubHome(env), 'hub'));
}

/** The token that HF_TOKEN or `hf auth login` gives. */
export async function readToken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const given = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || '').trim();
  if (given !== '') return given;
  const file = expandHome(env.HF_TOKEN_PATH || join(hubHome(env), 'token'));
  const stored = await readFile(file, 'utf8').catch(() => '');
  return stored.trim() || undefined;
}

function hubHome(env: NodeJS.ProcessEnv): string {
  return expandHome(env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'));
}

function expandHome(path: string): string {
  return path.replace(/^~(?=$|[\\/])/, homedir());
}

export function repositoryFolder(cache: string, id: string): string {
  return join(cache, ['models', ...id.split('/')].join('--'));
}

export function snapshotFolder(repository: string, commit: string): string {
  return join(repository, 'snapshots', commit);
}

/** Whether a path of the hub stays inside the folder that it is joined to, on any platform. */
export function isInside(path: string): boolean {
  return path.split(/[\\/]/).every((part) => !/^(\.{0,2}|[a-z]:.*)$/i.test(part));
}

/** What the cache holds of a revision: a branch or tag that it has a ref of, or a commit. */
export async function findSnapshot(repository: string, revision: string): Promise<Snapshot | undefined> {
  const ref = await readFile(join(repository, 'refs', revision), 'utf8').catch(() => revision);
  const folder = snapshotFolder(repository, ref.trim());
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const paths: string[] = [];
  for (const entry of entries) if (await isFile(join(folder, entry))) paths.push(entry.split(sep).join('/'));
  return paths.length === 0 ? undefined : { folder, paths: paths.sort() };
}

/** Whether a file is there; a link whose target is gone is not. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Gives a blob its name in a snapshot, by a relative link, so that the cache can be moved. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  await replace(path, async (fresh) => {
    try {
      await symlink(relative(dirname(path), blob), fresh);
    } catch {
      // Windows without developer mode, and some network drives, have no symbolic links.
      await copyFile(blob, fresh, constants.COPYFILE_FICLONE);
    }
  });
}

export async function writeRef(repository: string, revision: string, commit: string): Promise<void> {
  const path = join(repository, 'refs', revision);
  const current = await readFile(path, 'utf8').catch(() => undefined);
  if (current !== commit) await replace(path, (fresh) => writeFile(fresh, commit));
}

/** Another process never sees the path missing or half written. */
async function replace(path: string, write: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await write(fresh);
    await rename(fresh, path);
  } catch (thrown) {
    await rm(fresh, { force: true });
    throw thrown;
  }
}

/** @throws HnMineError `model` where the file system refuses */
export async function writingCache(cache: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) throw thrown;
    const line =
      thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT'
        ? `no space left for the model (${reasonOf(thrown)}); free some, or set HF_HOME to a folder on another disk; ` +
          'running again continues from there'
        : `expected a folder that can be written (${reasonOf(thrown)}); set HF_HOME to one`;
    throw new HnMineError('model', `${cache}: ${line}`, { cause: thrown });
  }
}
