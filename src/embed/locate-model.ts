import { fileURLToPath } from 'node:url';
import type { MineConfig } from '../config/config.js';
import type { HubOptions } from './hub.js';
import { chooseGraph, findModelFiles, isModelFolder, type ModelFiles, selectModelFiles } from './model-files.js';

/** The model that comes with this package, and its only graph's dtype. */
const BUILT_IN = {
  name: 'all-MiniLM-L6-v2',
  folder: fileURLToPath(new URL('../../models/all-MiniLM-L6-v2', import.meta.url)),
  dtype: 'q8',
};

/**
 * Finds a model that is on this machine; nothing where it is one of the hub's.
 *
 * @throws HnMineError `model` where the folder is missing or has no such graph
 */
export function findLocalModel({ model, dtype }: MineConfig): ModelFiles | undefined {
  if (model === undefined) return findModelFiles(BUILT_IN.folder, dtype ?? BUILT_IN.dtype, BUILT_IN.name);
  return isModelFolder(model) ? findModelFiles(model, dtype) : undefined;
}

/** Fetches a model of the hub into the local cache. @throws HnMineError `network` or `model` */
export async function fetchModel(config: MineConfig, options: HubOptions): Promise<ModelFiles> {
  const { fetchHubModel } = await import('./hub.js');
  const id = config.model as string;
  let graph = '';
  const folder = await fetchHubModel(
    {
      id,
      offline: config.offline,
      ...(config.revision === undefined ? {} : { revision: config.revision }),
      select: (paths) => {
        graph = chooseGraph(paths, config.dtype, id);
        return selectModelFiles(paths, config.dtype, id);
      },
    },
    options,
  );
  return { name: id, folder, graph };
}
