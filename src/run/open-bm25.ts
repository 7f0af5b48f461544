import type { MineConfig } from '../config/config.js';
import type { Bm25Search } from '../lexical/bm25-search.js';
import { describeMachine } from '../machine.js';
import type { Texts } from '../memory/text-spool.js';
import type { Workspace } from '../memory/workspace.js';
import type { Phase } from '../mine.js';

/** Indexes the pool's words, in files where they do not fit, and searches them with all cores that may be used. */
export async function openBm25(
  passages: Texts,
  { bm25K1, bm25B, workers }: MineConfig,
  workspace: Workspace,
  onProgress: (phase: Phase, done: number, total: number) => void,
): Promise<Bm25Search> {
  const { indexTexts } = await import('../lexical/bm25-index.js');
  const { createBm25Search } = await import('../lexical/bm25-search.js');
  const settings = { k1: bm25K1, b: bm25B };
  const place = { workspace, memory: workspace.memory.postings };
  const index = await indexTexts(passages, settings, place, (share) => {
    onProgress('indexing', Math.floor(share * passages.length), passages.length);
  });
  return createBm25Search(index, workers ?? describeMachine().cores);
}
