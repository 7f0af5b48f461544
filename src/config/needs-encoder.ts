import type { MineConfig } from './config.js';

/**
 * Whether a run asks for anything that only the encoder's vectors give: the order of candidates, scores, or likeness to
 * positives. Where BM25 or rankings made elsewhere give the order, often nothing does, and no text need be encoded.
 */
export function needsEncoder(config: MineConfig): boolean {
  if (config.retriever.includes('dense') || config.positiveWeight !== 0 || config.maxPositiveSimilarity !== undefined)
    return true;
  if (config.poolEmbeddings !== undefined || config.queryEmbeddings !== undefined) return true;
  // A reranker brings its own.
  return config.reranker === undefined && asksForScores(config);
}

/** Whether the encoder is another one than the built-in one, which stands in where vectors are given. */
export function namesEncoder({ model, embedder }: MineConfig): boolean {
  return model !== undefined || embedder !== undefined;
}

function asksForScores({ scores, sample, maxScore, minScore, margin, relativeMargin }: MineConfig): boolean {
  const bounds = [maxScore, minScore, margin, relativeMargin];
  return scores || sample === 'weighted' || bounds.some((bound) => bound !== undefined);
}
