import type { Matrix } from '../memory/matrix.js';
import type { VectorIndex } from '../search/vector-index.js';
import type { Retriever } from './retriever.js';

/** Ranks by the inner product of the encoder's vectors. */
export function createDenseRetriever(index: VectorIndex, queryVectors: Matrix): Retriever {
  return {
    isByScore: true,
    coversPool: true,
    async retrieve(queries, { depth, looksBelow }) {
      const vectors = queryVectors.gather(queries.map(({ vectorRow }) => vectorRow as number));
      const ceilings = looksBelow ? Float64Array.from(queries, ({ ceiling }) => ceiling) : undefined;
      const found = await index.search(vectors, depth, ceilings);
      return found.map(({ passages, scores }) => {
        return { passages, scores, isWhole: passages.length < depth || passages.length === index.size };
      });
    },
  };
}
