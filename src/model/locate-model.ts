import { fileURLToPath } from 'node:url';
import type { MineConfig } from '../config/config.js';
import type { HubOptions } from './hub.js';
import {
  chooseGraph,
  ENCODING,
  findModelFiles,
  isModelFolder,
  type ModelFiles,
  type ModelTask,
  RERANKING,
  selectModelFiles,
} from './model-files.js';

/** The model that comes with this package, and its only graph's dtype. */
const BUILT_IN = {
  name: 'all-MiniLM-L6-v2',
  folder: fileURLToPath(new URL('../../models/all-MiniLM-L6-v2', import.meta.url)),
  dtype: 'q8',
};

/** A model as flags name it. */
export interface ModelChoice {
  readonly task: ModelTask;
  /** A folder or an ID of the hub; nothing for the encoder that comes with this package. */
  readonly id: string | undefined;
  readonly dtype: string | undefined;
  readonly revision: string | undefined;
  readonly offline: boolean;
}

export function chooseEncoder({ model, dtype, revision, offline }: MineConfig): ModelChoice {
  return { task: ENCODING, id: model, dtype, revision, offline };
}

export function chooseReranker({
  reranker,
  rerankerDtype,
  rerankerRevision,
  offline,
}: MineConfig): ModelChoice | undefined {
  if (reranker === undefined) return undefined;
  return { task: RERANKING, id: reranker[0], dtype: rerankerDtype, revision: rerankerRevision, offline };
}

/**
 * Finds a model that is on this machine; nothing where it is one of the hub's.
 *
 * @throws HnMineError `model` where the folder is missing or has no such graph
 */
export function findLocalModel({ id, dtype, task }: ModelChoice): ModelFiles | undefined {
  if (id === undefined) return findModelFiles(BUILT_IN.folder, dtype ?? BUILT_IN.dtype, BUILT_IN);
  return isModelFolder(id) ? findModelFiles(id, dtype, { task }) : undefined;
}

/** Fetches a model of the hub into the local cache. @throws HnMineError `network` or `model` */
export async function fetchModel(
  { id: given, dtype, revision, offline, task }: ModelChoice,
  options: HubOptions,
): Promise<ModelFiles> {
  const { fetchHubModel } = await import('./hub.js');
  const id = given as string;
  const named = { name: id, task };
  let graph = '';
  const folder = await fetchHubModel(
    {
      id,
      offline,
      ...(revision === undefined ? {} : { revision }),
      select: (paths) => {
        graph = chooseGraph(paths, dtype, named);
        return selectModelFiles(paths, dtype, named);
      },
    },
    options,
  );
  return { name: id, folder, graph };
}
