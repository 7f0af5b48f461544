import { z } from 'zod';
import { HnMineError } from '../errors.js';
import {
  type Endpoint,
  excerpt,
  isNotFound,
  postJson,
  type RequestLimits,
  refusalStatus,
  type ServerKind,
} from '../server/server-request.js';

/** Servers of rerankers, in the style of Jina and Cohere (vLLM, infinity) or of text-embeddings-inference. */
export const RERANKER: ServerKind = {
  flag: '--reranker',
  keyVariable: 'HN_MINE_RERANKER_KEY',
  endpoint: 'rerank',
  // The models of a server that has both are listed beside the first.
  paths: ['/v1/rerank', '/rerank'],
};

/** What servers call the passages: `documents`, or, in text-embeddings-inference, `texts`. */
export type PassagesField = 'documents' | 'texts';

export interface RerankEndpoint extends Endpoint {
  readonly field: PassagesField;
  /** What it is asked with besides. */
  readonly more?: object;
  readonly refusesLong?: boolean;
}

/** One query and the passages to be scored for it. */
export interface Question {
  readonly query: string;
  readonly passages: readonly string[];
}

const scoreList = z.array(
  z.union([
    z.object({ index: z.number(), relevance_score: z.number() }),
    z.object({ index: z.number(), score: z.number() }).transform(({ index, score }) => ({
      index,
      relevance_score: score,
    })),
  ]),
);
const scoreAnswer = z.union([
  scoreList,
  z.object({ results: scoreList }).transform(({ results }) => results),
  z.object({ data: scoreList }).transform(({ data }) => data),
]);

/** Finds out what an endpoint calls passages, by asking. @throws HnMineError as `requestScores` does */
export async function findField(
  endpoint: Endpoint,
  question: Question,
): Promise<{ endpoint: RerankEndpoint; scores: Float64Array }> {
  const ask = async (field: PassagesField) => {
    const asked = { ...endpoint, field };
    return { endpoint: asked, scores: await requestScores(asked, question, false) };
  };
  try {
    return await ask('documents');
  } catch (error) {
    if (refusalStatus(error) === undefined || isNotFound(error)) throw error;
    return await ask('texts').catch((other) => {
      // Of two refusals that of the form it knows: the other is about a field that is missing.
      throw refusalStatus(error) === 422 ? other : error;
    });
  }
}

/**
 * @param isRaw whether logits are asked for, not what the server makes of them
 * @returns a score for each passage
 * @throws HnMineError `network` where another try may succeed, else `model`
 */
export async function requestScores(
  endpoint: RerankEndpoint,
  { query, passages }: Question,
  isRaw: boolean,
  limits?: RequestLimits,
): Promise<Float64Array> {
  const { address, model, field, more } = endpoint;
  const asked = {
    ...(model === undefined ? {} : { model }),
    query,
    [field]: passages,
    ...(field === 'texts' ? { truncate: true } : { return_documents: false }),
    ...(isRaw && { raw_scores: true }),
    ...more,
  };
  return readScores(address, await postJson(endpoint, asked, limits), passages.length);
}

function readScores(address: string, body: unknown, count: number): Float64Array {
  const parsed = scoreAnswer.safeParse(body);
  if (!parsed.success) {
    const expected = 'expected {"results": [{"index", "relevance_score"}]} or [{"index", "score"}]';
    throw new HnMineError('model', `${address}: ${expected} (found ${excerpt(JSON.stringify(body))})`);
  }
  const scores = new Map(parsed.data.map(({ index, relevance_score }) => [index, relevance_score]));
  const found = Float64Array.from({ length: count }, (_, index) => scores.get(index) ?? Number.NaN);
  if (parsed.data.length === count && !found.some(Number.isNaN)) return found;
  const passages = count === 1 ? 'the passage' : `each of ${count} passages`;
  const usable = found.filter((score) => !Number.isNaN(score)).length;
  throw new HnMineError(
    'model',
    `${address}: expected a score for ${passages}, with its index from 0 (found ${usable} in ${parsed.data.length})`,
  );
}
