import { createPacer } from '../pacer.js';
import { cutRows } from './cut-rows.js';
import type { Retrieved, Retriever } from './retriever.js';

export interface FusionSettings {
  /** The k of reciprocal rank fusion: the larger, the less the first ranks stand out. */
  readonly rrfK: number;
  /** How many ranks of each retriever are fused at first. */
  readonly depth: number;
  /** Bytes that rankings under way may take. */
  readonly memory: number;
}

/** Each tier ends so many times as deep as the one before it. */
const GROWTH = 4;

/**
 * Fuses rankings by reciprocal rank (Cormack, Clarke and Büttcher, SIGIR 2009): a passage's score is the sum of 1 / (k + rank)
 * over the retrievers that rank it within `depth`, ranks from 1; equal scores stand in pool order. Where a row needs more,
 * passages first ranked within four times that depth follow, fused to that depth, and so on: so no rank depends on how far a
 * search went.
 */
export function fuseRetrievers(retrievers: readonly Retriever[], settings: FusionSettings): Retriever {
  return {
    isByScore: false,
    coversPool: retrievers.some(({ coversPool }) => coversPool),
    async retrieve(queries, { depth }) {
      const pause = createPacer();
      const fused = new Array<Retrieved>(queries.length);
      let open = queries.map((_, i) => i);
      for (let end = settings.depth; open.length > 0; end *= GROWTH) {
        const unfinished: number[] = [];
        for (const some of cutRows(open, { depth: end * retrievers.length, memory: settings.memory })) {
          const asked = some.map((i) => queries[i] as (typeof queries)[number]);
          // Ceilings must not move ranks.
          const search = { depth: end, looksBelow: false };
          const found = await Promise.all(retrievers.map((retriever) => retriever.retrieve(asked, search)));
          for (const [at, i] of some.entries()) {
            const lists = found.map((rankings) => rankings[at] as Retrieved);
            const passages = fuseTiers(lists, settings, end);
            const isAll = lists.every(({ isWhole }) => isWhole);
            if (passages.length < depth && !isAll) unfinished.push(i);
            else fused[i] = { passages: passages.slice(0, depth), isWhole: isAll && passages.length <= depth };
            await pause();
          }
        }
        open = unfinished;
      }
      return fused;
    },
  };
}

function fuseTiers(lists: readonly Retrieved[], { rrfK, depth }: FusionSettings, end: number): Int32Array {
  const ranked = new Set<number>();
  for (let tierEnd = depth; tierEnd <= end; tierEnd *= GROWTH) {
    const scores = new Map<number, number>();
    for (const { passages } of lists) {
      passages.subarray(0, tierEnd).forEach((passage, i) => {
        if (!ranked.has(passage)) scores.set(passage, (scores.get(passage) ?? 0) + 1 / (rrfK + i + 1));
      });
    }
    const tier = Array.from(scores).sort(([a, scoreOfA], [b, scoreOfB]) => scoreOfB - scoreOfA || a - b);
    for (const [passage] of tier) ranked.add(passage);
  }
  return Int32Array.from(ranked);
}
