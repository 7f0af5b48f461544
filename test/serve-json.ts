import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface JsonRequest<Body> {
  readonly body: Body;
  /** Of the header. */
  readonly authorization: string | undefined;
}

interface Serving<Body> {
  /** Where it answers; the models are listed beside it. */
  readonly path: string;
  readonly models: readonly string[];
  answer(request: JsonRequest<Body>, response: ServerResponse): void | Promise<void>;
}

/** A model server on a free port, closed after the test. */
export async function serveJson<Body>({ path, models, answer }: Serving<Body>) {
  const server = createServer(async (request, response) => {
    const isList = request.method === 'GET' && request.url === path.replace(/[^/]+$/, 'models');
    if (isList) return void response.end(JSON.stringify({ data: models.map((id) => ({ id })) }));
    if (request.method !== 'POST' || request.url !== path)
      return void response.writeHead(404).end('{"detail":"Not Found"}');
    const { authorization } = request.headers;
    await answer({ body: JSON.parse(await readBody(request)) as Body, authorization }, response);
  });
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  onTestFinished(close);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
