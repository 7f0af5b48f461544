import type { Bm25Search } from '../lexical/bm25-search.js';
import type { Retriever } from './retriever.js';

/** Ranks by BM25; passages without a word of the query are not ranked. */
export function createBm25Retriever({ search }: Bm25Search): Retriever {
  return {
    isByScore: false,
    coversPool: false,
    async retrieve(queries, { depth }) {
      // One more shows whether there are more.
      const found = await search(
        queries.map(({ text }) => text),
        depth + 1,
      );
      return found.map(({ passages }) => {
        return { passages: passages.subarray(0, depth), isWhole: passages.length <= depth };
      });
    },
  };
}
