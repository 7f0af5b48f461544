import { tmpdir } from 'node:os';
import type { MineConfig } from '../config/config.js';
import { describeMachine } from '../machine.js';
import { planMemory, Workspace } from '../memory/workspace.js';
import { defaultCacheFolder } from '../store/cache-folder.js';
import { findNetworkType } from '../store/network-folder.js';
import type { RunContext } from './run-context.js';

/** Of the machine's memory, where `--memory` does not say. */
const DEFAULT_MEMORY_SHARE = 0.5;

/**
 * Temporary files lie beside the store, since the platform's folder for them is often memory itself; but not on another
 * machine where that can be helped.
 */
export function openWorkspace({ cache, cacheDir, memory }: MineConfig, { env }: RunContext): Workspace {
  const cached = cacheDir ?? defaultCacheFolder(env);
  const folders = !cache ? [tmpdir()] : findNetworkType(cached) ? [tmpdir(), cached] : [cached, tmpdir()];
  return new Workspace(planMemory(memory ?? DEFAULT_MEMORY_SHARE * describeMachine().memory), folders);
}
