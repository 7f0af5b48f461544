import type { EmbeddingStore } from '../store/embedding-store.js';
import { makeKeys } from '../store/keys.js';
import type { Pair, PairReranker, Reranker } from './reranker.js';

/**
 * Scores each pair only if the store does not have its logit, and stores what it scores as it goes.
 *
 * @param start called when a pair has to be scored: it loads the model
 * @param activate makes a score of a logit
 * @param store of vectors of one value, the logits
 */
export function createStoredReranker(
  start: () => Promise<PairReranker>,
  activate: (logit: number) => number,
  store?: EmbeddingStore,
): Reranker {
  let started: Promise<PairReranker> | undefined;
  return {
    async score(pairs, onProgress = () => {}) {
      const scores = new Float64Array(pairs.length);
      const isKnown = new Uint8Array(pairs.length);
      let [done, truncated] = [0, 0];
      const put = (place: number, logit: number, isTruncated: boolean) => {
        scores[place] = activate(logit);
        isKnown[place] = 1;
        done++;
        if (isTruncated) truncated++;
      };
      const keys = store ? await makeKeys(pairs, (pair) => JSON.stringify(pair)) : [];
      await store?.read(keys, (place, { vector, isTruncated }) => put(place, vector[0] as number, isTruncated));
      const reused = done;
      if (reused > 0) onProgress(done);
      const missing = pairs.flatMap((_, place) => (isKnown[place] === 0 ? [place] : []));
      if (missing.length === 0) return { scores, truncated, reused };
      started ??= start();
      const asked = missing.map((place) => pairs[place] as Pair);
      await (await started).scorePairs(asked, async (found, logits, isTruncated) => {
        const places = found.map((i) => missing[i] as number);
        for (const [i, place] of places.entries()) put(place, logits[i] as number, isTruncated[i] === true);
        await store?.append(
          places.map((place) => keys[place] as Uint8Array),
          places.map((_, i) => ({ vector: logits.subarray(i, i + 1), isTruncated: isTruncated[i] === true })),
        );
        onProgress(done);
      });
      return { scores, truncated, reused };
    },
    async close() {
      try {
        await store?.close();
      } finally {
        // Workers that are left would keep the process alive.
        await (await started?.catch(() => undefined))?.close();
      }
    },
  };
}
