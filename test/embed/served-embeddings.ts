import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

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
  const server = createServer(async (request, response) => {
    const isList = request.method === 'GET' && request.url === path.replace('embeddings', 'models');
    if (isList) return void response.end(JSON.stringify({ data: models.map((id) => ({ id })) }));
    if (request.method !== 'POST' || request.url !== path)
      return void response.writeHead(404).end('{"detail":"Not Found"}');
    const { authorization } = request.headers;
    const one = { ...(JSON.parse(await readBody(request)) as Omit<Asked, 'key'>), key: authorization };
    asked.push(one);
    const fault = serving.faultOf?.(asked.length - 1, one);
    if (fault) return fail(response, fault);
    const vectors = await Promise.all(one.input.map((text) => serving.embed(text)));
    const data = vectors.map((embedding, index) => ({ index, embedding }));
    response.end(JSON.stringify(serving.answer?.(vectors) ?? { data: data.toReversed() }));
  });
  onTestFinished(() => close(server));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close: () => close(server) };
}

function fail(response: ServerResponse, fault: Fault): void {
  if (fault === 'hang up') response.destroy();
  else if (fault === 'break off')
    response.writeHead(200, { 'content-length': '1000' }).write('{"data"', () => response.destroy());
  else response.writeHead(fault.status).end(fault.body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}
