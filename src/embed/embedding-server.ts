import { z } from 'zod';
import { HnMineError } from '../errors.js';
import { type Endpoint, excerpt, postJson, type RequestLimits, type ServerKind } from '../server/server-request.js';

/** Servers of embeddings in the style of OpenAI. */
export const EMBEDDER: ServerKind = {
  flag: '--embedder',
  keyVariable: 'HN_MINE_EMBEDDER_KEY',
  endpoint: 'embeddings',
  paths: ['/v1/embeddings', '/embeddings'],
};

const embeddingList = z.object({
  data: z.array(z.object({ index: z.number().optional(), embedding: z.array(z.unknown()) })),
});

/** @returns a vector for each text @throws HnMineError `network` where another try may succeed, else `model` */
export async function requestVectors(
  endpoint: Endpoint,
  texts: readonly string[],
  limits?: RequestLimits,
): Promise<Float32Array[]> {
  const { address, model } = endpoint;
  const asked = { ...(model === undefined ? {} : { model }), input: texts, encoding_format: 'float' };
  return readVectors(address, await postJson(endpoint, asked, limits), texts.length);
}

function readVectors(address: string, body: unknown, count: number): Float32Array[] {
  const parsed = embeddingList.safeParse(body);
  if (!parsed.success) {
    const expected = 'expected {"data": [{"index", "embedding"}]}';
    throw new HnMineError('model', `${address}: ${expected} (found ${excerpt(JSON.stringify(body))})`);
  }
  const vectors = new Map<number, Float32Array>();
  for (const [place, { index = place, embedding }] of parsed.data.data.entries()) {
    const isWhole = embedding.every((value) => typeof value === 'number');
    if (isWhole && index >= 0 && index < count) vectors.set(index, Float32Array.from(embedding as number[]));
  }
  if (vectors.size === count && parsed.data.data.length === count) {
    return Array.from({ length: count }, (_, index) => vectors.get(index) as Float32Array);
  }
  const found = `${vectors.size} of ${parsed.data.data.length}`;
  throw new HnMineError(
    'model',
    `${address}: expected a vector of numbers for each of ${count === 1 ? 'one text' : `${count} texts`}, with its index (found ${found})`,
  );
}
