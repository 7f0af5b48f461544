import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { findModelFiles, RERANKING } from '#dist/model/model-files.js';
import { planReranker, startReranker } from '#dist/rerank/onnx-reranker.js';
import type { Activation } from '#dist/rerank/planned-reranker.js';
import type { Pair, PairScores } from '#dist/rerank/reranker.js';

export const TINY_RERANKER = 'fixtures/models/tiny-cross-encoder';

const MACHINE = { cores: 2, memory: 8e9 };

export const findReranker = (folder: string, dtype?: string) => findModelFiles(folder, dtype, { task: RERANKING });

export const plan = (folder: string, settings: MineSettings = {}, activation: Activation = 'model') =>
  planReranker(findReranker(folder, settings.rerankerDtype), {
    config: parseConfig({ ...settings, reranker: folder }),
    activation,
    machine: MACHINE,
  });

/** Loads a reranker for some calls; each gives the scores of its pairs. */
export async function scoreCalls(
  folder: string,
  calls: readonly (readonly Pair[])[],
  settings: MineSettings = {},
  activation: Activation = 'model',
): Promise<PairScores[]> {
  const reranker = await startReranker(await plan(folder, { workers: 1, ...settings }, activation));
  try {
    const results: PairScores[] = [];
    for (const pairs of calls) results.push(await reranker.score(pairs));
    return results;
  } finally {
    await reranker.close();
  }
}

export async function scorePairs(
  folder: string,
  pairs: readonly Pair[],
  settings: MineSettings = {},
  activation: Activation = 'model',
): Promise<Float64Array> {
  const [result] = await scoreCalls(folder, [pairs], settings, activation);
  return (result as PairScores).scores;
}
