import { homedir, platform } from 'node:os';
import { join } from 'node:path';

/** Below the cache folder: one folder an encoder. */
export const EMBEDDINGS = 'embeddings';

/** The platform's folder for what can be made again, below which this program keeps its own. */
export function defaultCacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'hn-mine');
  if (platform() === 'darwin') return join(homedir(), 'Library', 'Caches', 'hn-mine');
  if (platform() === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'hn-mine', 'Cache');
  return join(homedir(), '.cache', 'hn-mine');
}
