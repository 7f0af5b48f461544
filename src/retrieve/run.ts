import type { Retriever } from './retriever.js';

/** Where rankings made elsewhere are looked up; nothing for a query that is not there. */
export interface Rankings {
  passagesOf(query: { readonly id: string | undefined; readonly text: string }): Int32Array | undefined;
}

const NOTHING = new Int32Array(0);

/** Ranks as a run file does. */
export function createRunRetriever(run: Rankings): Retriever {
  return {
    isByScore: false,
    coversPool: false,
    async retrieve(queries, { depth }) {
      return queries.map((query) => {
        const passages = run.passagesOf(query) ?? NOTHING;
        return { passages: passages.subarray(0, depth), isWhole: passages.length <= depth };
      });
    },
  };
}
