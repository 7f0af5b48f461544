import type { ServerResponse } from 'node:http';
import { serveJson } from '../serve-json.js';

export interface Asked {
  readonly model?: string;
  readonly input: readonly string[];
  readonly key: string | undefined;
}

/** What the server does with a request for vectors instead of answering it. */
export type Fault = { readonly status: number; readonly body: string } | 'hang up' | 'break off';

interface Serving {
  /** A text's vector. */
  embed(text: string): readonly unknown[] | Promise<readonly unknown[]>;
  readonly models?: readonly string[];
  /** Where it is served; the models are listed beside it. */
  readonly path?: string;
  /** Called with the number of the request, from 0. */
  faultOf?(request: number, asked: Asked): Fault | undefined;
  /** In place of `{data: [{index, embedding}]}`. */
  answer?(vectors: readonly (readonly unknown[])[]): unknown;
}

/** A server in the style of OpenAI on a free port, closed after the test. */
export async function serveEmbeddings({ path = '/v1/embeddings', models = ['tiny'], ...serving }: Serving) {
  const asked: Asked[] = [];
  const server = await serveJson<Omit<Asked, 'key'>>({
    path,
    models,
    async answer({ body, authorization }, response) {
      const one = { ...body, key: authorization };
      asked.push(one);
      const fault = serving.faultOf?.(asked.length - 1, one);
      if (fault) return fail(response, fault);
      const vectors = await Promise.all(one.input.map((text) => serving.embed(text)));
      const data = vectors.map((embedding, index) => ({ index, embedding }));
      response.end(JSON.stringify(serving.answer?.(vectors) ?? { data: data.toReversed() }));
    },
  });
  return { ...server, asked };
}

function fail(response: ServerResponse, fault: Fault): void {
  if (fault === 'hang up') response.destroy();
  else if (fault === 'break off')
    response.writeHead(200, { 'content-length': '1000' }).write('{"data"', () => response.destroy());
  else response.writeHead(fault.status).end(fault.body);
}
