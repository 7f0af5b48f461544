import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RepositoryFile {
  content: Buffer;
  /** Large files are served by another host, to which the hub redirects. */
  lfs?: boolean;
  /** What the CDN sends in its place. */
  served?: Buffer;
}

export interface Repository {
  commit: string;
  files: Record<string, RepositoryFile>;
  branches?: string[];
  /** What a caller without this token is refused with. */
  guard?: { token: string; status: number; code?: string; message?: string; filesOnly?: boolean };
}

export interface SeenRequest {
  host: 'hub' | 'cdn';
  path: string;
  headers: IncomingHttpHeaders;
}

/** How the servers misbehave; changed by the test while they run. */
export interface Faults {
  /** How many bytes of its body a transfer sends before its connection is cut; undefined for all of it. */
  cutAfter?: (request: { path: string; start: number; count: number }) => number | undefined;
  ignoreRange?: boolean;
  /** Sends transfers in small pieces, this many milliseconds apart. */
  pieceDelayMs?: number;
  /** The next page of every listing is said to be there. */
  nextPage?: string;
  /** Statuses that the next requests to the API are answered with. */
  apiStatuses?: number[];
  silent?: boolean;
}

export interface HubServer {
  endpoint: string;
  cdn: string;
  requests: SeenRequest[];
  faults: Faults;
  /** Of the requests so far: `hub /path`, without the query. */
  paths(): string[];
  close(): Promise<void>;
}

/** Two local servers that answer as huggingface.co and its CDN do. */
export async function startHub(repositories: Record<string, Repository>): Promise<HubServer> {
  const requests: SeenRequest[] = [];
  const faults: Faults = {};
  const cdn = await listen((request, response) => {
    const path = note(requests, 'cdn', request);
    const file = Object.values(repositories)
      .flatMap((repository) => Object.values(repository.files))
      .find(({ content }) => path === `/${sha256(content)}`);
    if (file === undefined) return void response.writeHead(403).end();
    return void sendContent(file.served ?? file.content, faults, path, request, response);
  });
  const hub = await listen((request, response) => {
    const path = note(requests, 'hub', request);
    if (faults.silent) return;
    const status = path.startsWith('/api/') ? faults.apiStatuses?.shift() : undefined;
    if (status !== undefined) return void response.writeHead(status).end();
    answerHub({ repositories, faults, cdn: originOf(cdn) }, path, request, response);
  });
  return {
    endpoint: originOf(hub),
    cdn: originOf(cdn),
    requests,
    faults,
    paths: () => requests.map(({ host, path }) => `${host} ${path}`),
    close: async () => {
      await Promise.all([stop(hub), stop(cdn)]);
    },
  };
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

interface HubState {
  repositories: Record<string, Repository>;
  faults: Faults;
  cdn: string;
}

function answerHub(state: HubState, path: string, request: IncomingMessage, response: ServerResponse): unknown {
  const url = new URL(request.url ?? '/', 'http://hub');
  const [, id = '', kind = '', revision = '', file = ''] =
    /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
  const repository = state.repositories[id];
  const login = request.headers.authorization;
  if (repository === undefined) return refuse(response, login ? 404 : 401, 'RepoNotFound', 'Repository not found');
  const { guard, commit } = repository;
  if (guard !== undefined && login !== `Bearer ${guard.token}` && !(guard.filesOnly && kind !== 'resolve')) {
    return refuse(response, guard.status, guard.code, guard.message);
  }
  if (![commit, 'main', ...(repository.branches ?? [])].includes(decodeURIComponent(revision))) {
    return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
  }
  if (kind === 'revision') return sendJson(response, describe(id, repository));
  if (kind === 'tree') return sendTree(state, repository, url, request, response);
  return sendFile(state, repository, file, request, response);
}

function refuse(response: ServerResponse, status: number, code?: string, message = 'no'): unknown {
  const headers = { 'X-Error-Message': message, ...(code === undefined ? {} : { 'X-Error-Code': code }) };
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  return response.end(JSON.stringify({ error: message }));
}

function describe(id: string, { commit, files }: Repository) {
  const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
  return { _id: '1', id, sha: commit, siblings, private: false, gated: false, downloads: 1, likes: 1, lastModified: 0 };
}

/** Two entries a page, so that every listing has several. */
function sendTree(
  { faults }: HubState,
  { files }: Repository,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): unknown {
  const cursor = Number(url.searchParams.get('cursor') ?? 0);
  const entries = Object.entries(files).map(([path, { content, lfs }]) => ({
    type: 'file',
    path,
    size: content.length,
    oid: gitHash(content),
    ...(lfs ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 }, xetHash: 'f'.repeat(64) } : {}),
  }));
  if (cursor + 2 < entries.length) {
    url.searchParams.set('cursor', String(cursor + 2));
    const next = faults.nextPage ?? `http://${request.headers.host}${url.pathname}${url.search}`;
    response.setHeader('Link', `<${next}>; rel="next"`);
  }
  return sendJson(response, entries.slice(cursor, cursor + 2));
}

function sendJson(response: ServerResponse, body: unknown): unknown {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
  return response.end(JSON.stringify(body));
}

function sendFile(
  { faults, cdn }: HubState,
  { commit, files }: Repository,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): unknown {
  const file = files[decodeURIComponent(path)];
  if (file === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
  const { content, lfs } = file;
  response.setHeader('X-Repo-Commit', commit);
  if (!lfs) {
    response.setHeader('ETag', `"${gitHash(content)}"`);
    return sendContent(file.served ?? content, faults, path, request, response);
  }
  const linked = { 'X-Linked-Etag': `"${sha256(content)}"`, 'X-Linked-Size': String(content.length) };
  return response.writeHead(302, { ...linked, Location: `${cdn}/${sha256(content)}` }).end();
}

async function sendContent(
  content: Buffer,
  faults: Faults,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const range = faults.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const body = content.subarray(start);
  if (range) response.setHeader('Content-Range', `bytes ${start}-${content.length - 1}/${content.length}`);
  response.writeHead(range ? 206 : 200, { 'Content-Length': body.length, 'Accept-Ranges': 'bytes' });
  const count = faults.cutAfter?.({ path, start, count: body.length }) ?? body.length;
  const piece = faults.pieceDelayMs === undefined ? count : 8192;
  for (let sent = 0; sent < count && !response.destroyed; sent += piece) {
    if (faults.pieceDelayMs !== undefined) await sleep(faults.pieceDelayMs);
    await new Promise((done) => response.write(body.subarray(sent, Math.min(sent + piece, count)), done));
  }
  if (count === body.length) return void response.end();
  // What was written must leave before the connection does.
  await sleep(20);
  response.destroy();
}

function note(requests: SeenRequest[], host: SeenRequest['host'], request: IncomingMessage): string {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  requests.push({ host, path, headers: request.headers });
  return path;
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}
