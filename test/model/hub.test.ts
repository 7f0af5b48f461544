import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HnMineError } from '#dist/errors.js';
import { fetchHubModel, type HubModel, type HubOptions } from '#dist/model/hub.js';
import { gitHash, type HubServer, type Repository, sha256, startHub } from './hub-server.js';

const ID = 'acme/tiny';
const COMMIT = '1234567890abcdef1234567890abcdef12345678';
const TOKEN = 'a-token-of-a-mirror';
const CONFIG = Buffer.from('{"model_type":"bert"}');
const POOLING = Buffer.from('{"pooling_mode_mean_tokens":true}');
const GRAPH = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));
const WANTED = ['config.json', '1_Pooling/config.json', 'empty.txt', 'onnx/model.onnx'];

let home: string;
let hub: HubServer;
let repository: Repository;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hn-mine-hub-'));
  repository = {
    commit: COMMIT,
    files: {
      'README.md': { content: Buffer.from('# tiny') },
      'config.json': { content: CONFIG },
      '1_Pooling/config.json': { content: POOLING },
      'empty.txt': { content: Buffer.alloc(0) },
      'onnx/model.onnx': { content: GRAPH, lfs: true },
    },
  };
  hub = await startHub({ [ID]: repository });
});

afterEach(async () => {
  await hub.close();
  await rm(home, { recursive: true });
});

function env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...more };
}

function fetchModel(model: Partial<HubModel> = {}, options: Partial<HubOptions> = {}): Promise<string> {
  return fetchHubModel({ id: ID, select: () => WANTED, ...model }, { env: env(), retryDelayMs: 1, ...options });
}

/** Fails where the call succeeds, or where the error is not one line. */
async function errorOf(call: Promise<unknown>): Promise<HnMineError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HnMineError)) throw new Error(`not an HnMineError: ${error}`);
  expect(error.message).not.toContain('\n');
  return error;
}

function inRepository(...path: string[]): string {
  return join(home, 'hub', 'models--acme--tiny', ...path);
}

const graphBlob = sha256(GRAPH);

/** Hashes are compared, not bytes: a difference of two large buffers takes minutes to print. */
async function hashOf(path: string): Promise<string> {
  return sha256(await readFile(path));
}

function graphRequests() {
  return hub.requests.filter(({ path }) => path === `/${graphBlob}`);
}

/** The address of a server that has just gone. */
async function deadEndpoint(): Promise<string> {
  const gone = await startHub({});
  await gone.close();
  return gone.endpoint;
}

describe('a download', () => {
  it('lays the cache out as huggingface_hub does', async () => {
    const folder = await fetchModel();
    expect(folder).toBe(inRepository('snapshots', COMMIT));
    expect(await readFile(inRepository('refs', 'main'), 'utf8')).toBe(COMMIT);
    const blobs = [CONFIG, POOLING, Buffer.alloc(0)].map(gitHash).concat(graphBlob).sort();
    expect((await readdir(inRepository('blobs'))).sort()).toEqual(blobs);
    expect(await readlink(join(folder, 'config.json'))).toBe(join('..', '..', 'blobs', gitHash(CONFIG)));
    expect(await readlink(join(folder, 'onnx/model.onnx'))).toBe(join('..', '..', '..', 'blobs', graphBlob));
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
    expect(await readFile(join(folder, '1_Pooling/config.json'))).toEqual(POOLING);
  });

  it('gives the complete list of paths to select, and fetches nothing that it does not ask for', async () => {
    let given: readonly string[] = [];
    const select = (paths: readonly string[]) => {
      given = paths;
      return ['config.json'];
    };
    const folder = await fetchModel({ select });
    expect(given).toEqual(Object.keys(repository.files));
    expect(await readdir(folder)).toEqual(['config.json']);
    expect(graphRequests()).toEqual([]);
  });

  it('is not repeated: the second call asks one question', async () => {
    await fetchModel();
    hub.requests.length = 0;
    expect(await fetchModel()).toBe(inRepository('snapshots', COMMIT));
    expect(hub.paths()).toEqual([`hub /api/models/${ID}/revision/main`]);
  });

  it('fetches what a snapshot lacks, and only that', async () => {
    await fetchModel({ select: () => ['config.json'] });
    hub.requests.length = 0;
    await fetchModel({ select: () => ['config.json', '1_Pooling/config.json'] });
    const transfers = hub.paths().filter((path) => path.includes('/resolve/'));
    expect(transfers).toEqual([`hub /${ID}/resolve/${COMMIT}/1_Pooling/config.json`]);
  });

  it('uses a blob that another snapshot has', async () => {
    await fetchModel();
    repository.commit = 'f'.repeat(40);
    hub.requests.length = 0;
    expect(await fetchModel()).toBe(inRepository('snapshots', 'f'.repeat(40)));
    expect(hub.paths().filter((path) => path.includes('/resolve/'))).toEqual([]);
    expect(await readFile(inRepository('refs', 'main'), 'utf8')).toBe('f'.repeat(40));
  });

  it('replaces a link whose blob is gone', async () => {
    const folder = await fetchModel();
    await rm(inRepository('blobs', graphBlob));
    await fetchModel();
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
  });

  it('takes a branch with a slash and a commit as revision', async () => {
    repository.branches = ['refs/pr/1'];
    await fetchModel({ revision: 'refs/pr/1' });
    expect(await readFile(inRepository('refs', 'refs', 'pr', '1'), 'utf8')).toBe(COMMIT);
    await rm(inRepository(), { recursive: true });
    await fetchModel({ revision: COMMIT });
    expect(existsSync(inRepository('refs'))).toBe(false);
  });

  it('passes on what select throws, before it downloads anything', async () => {
    const refusal = new HnMineError('model', 'acme/tiny: no graph of dtype q4');
    const select = () => {
      throw refusal;
    };
    expect(await errorOf(fetchModel({ select }))).toBe(refusal);
    expect(existsSync(inRepository())).toBe(false);
  });

  it('reports progress from the first byte of each file to its last', async () => {
    const seen: { file: string; done: number; total: number }[] = [];
    await fetchModel({}, { onProgress: (progress) => seen.push(progress) });
    const graph = seen.filter(({ file }) => file === 'onnx/model.onnx');
    expect(graph[0]).toEqual({ file: 'onnx/model.onnx', done: 0, total: GRAPH.length });
    expect(graph.at(-1)).toEqual({ file: 'onnx/model.onnx', done: GRAPH.length, total: GRAPH.length });
    expect(graph.map(({ done }) => done)).toEqual(graph.map(({ done }) => done).sort((a, b) => a - b));
  });

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['HF_HUB_CACHE', { HF_HUB_CACHE: 'a', HUGGINGFACE_HUB_CACHE: 'b', XDG_CACHE_HOME: 'c' }, 'a'],
    ['HUGGINGFACE_HUB_CACHE', { HF_HUB_CACHE: '', HUGGINGFACE_HUB_CACHE: 'b', XDG_CACHE_HOME: 'c' }, 'b'],
    ['XDG_CACHE_HOME', { HF_HOME: '', XDG_CACHE_HOME: 'c' }, 'c/huggingface/hub'],
  ])('goes where %s says', async (_name, folders, expected) => {
    const inHome = Object.entries(folders).map(([name, folder]) => [name, folder && join(home, folder)]);
    const folder = await fetchModel({}, { env: env(Object.fromEntries(inHome)) });
    expect(folder).toBe(join(home, expected, 'models--acme--tiny', 'snapshots', COMMIT));
  });
});

describe('a transfer that is cut', () => {
  it('goes on where it stopped', async () => {
    hub.faults.cutAfter = ({ path, start }) => (path === `/${graphBlob}` && start === 0 ? 70_000 : undefined);
    const done: number[] = [];
    const onProgress = (p: { file: string; done: number }) => void (p.file === 'onnx/model.onnx' && done.push(p.done));
    const folder = await fetchModel({}, { onProgress });
    expect(graphRequests().map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-']);
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
    expect(done).toContain(70_000);
    expect(done.at(-1)).toBe(GRAPH.length);
  });

  it('may be cut often as long as it gets on', async () => {
    hub.faults.cutAfter = ({ path, count }) => (path === `/${graphBlob}` && count > 12_000 ? 12_000 : undefined);
    const folder = await fetchModel();
    expect(graphRequests().length).toBe(17);
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
  });

  it('starts again where the server ignores the range', async () => {
    let transfers = 0;
    hub.faults.ignoreRange = true;
    hub.faults.cutAfter = ({ path }) => (path === `/${graphBlob}` && transfers++ === 0 ? 70_000 : undefined);
    const folder = await fetchModel();
    expect(graphRequests().map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-']);
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
  });

  it('fails with one line when it does not get on, and the next run continues', async () => {
    hub.faults.cutAfter = ({ path, start }) => (path === `/${graphBlob}` ? 70_000 - start : undefined);
    const error = await errorOf(fetchModel());
    expect(error.code).toBe('network');
    expect(error.message).toMatch(
      /^acme\/tiny: the download of onnx\/model.onnx stopped at 70000 of 200000 bytes \(.+\); run again to continue from there$/,
    );
    expect(error.cause).toBeDefined();
    expect((await stat(inRepository('blobs', `${graphBlob}.incomplete`))).size).toBe(70_000);
    expect(existsSync(inRepository('snapshots'))).toBe(false);

    hub.faults.cutAfter = undefined;
    hub.requests.length = 0;
    const done: number[] = [];
    const folder = await fetchModel({}, { onProgress: (progress) => done.push(progress.done) });
    expect(graphRequests().map(({ headers }) => headers.range)).toEqual(['bytes=70000-']);
    expect(done[0]).toBe(70_000);
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
    expect(existsSync(inRepository('blobs', `${graphBlob}.incomplete`))).toBe(false);
  });

  it('fails with one line when the server falls silent', async () => {
    hub.faults.pieceDelayMs = 5000;
    const slow = env({ HF_HUB_DOWNLOAD_TIMEOUT: '0.05' });
    const error = await errorOf(fetchModel({}, { env: slow }));
    expect(error.message).toBe(
      'acme/tiny: the download of config.json stopped at 0 of 21 bytes (nothing arrived for 0.05 s); ' +
        'run again to continue from there',
    );
  });

  it('is not given up while it is slow but steady', async () => {
    hub.faults.pieceDelayMs = 40;
    await fetchModel({}, { env: env({ HF_HUB_DOWNLOAD_TIMEOUT: '0.5' }) });
    expect(graphRequests().length).toBe(1);
  });

  it('stops with the reason of an abort, and keeps what came', async () => {
    const abort = new AbortController();
    const reason = new HnMineError('aborted', 'interrupted');
    hub.faults.pieceDelayMs = 1;
    const onProgress = ({ done }: { done: number }) => void (done > 20_000 && abort.abort(reason));
    expect(await errorOf(fetchModel({}, { onProgress, signal: abort.signal }))).toBe(reason);
    expect((await stat(inRepository('blobs', `${graphBlob}.incomplete`))).size).toBeGreaterThan(20_000);
  });
});

describe('content', () => {
  it('with another sha256 is refused and removed', async () => {
    repository.files['onnx/model.onnx'] = { content: GRAPH, lfs: true, served: Buffer.alloc(GRAPH.length) };
    const error = await errorOf(fetchModel());
    expect(error.code).toBe('network');
    expect(error.message).toBe(
      `acme/tiny: expected onnx/model.onnx with the sha256 ${graphBlob} (the content that came has another); ` +
        `run again, and if it stays so, check HF_ENDPOINT (${hub.endpoint})`,
    );
    const blobs = await readdir(inRepository('blobs'));
    expect(blobs.filter((name) => name.startsWith(graphBlob))).toEqual([]);
    expect(existsSync(inRepository('snapshots'))).toBe(false);
  });

  it.each([
    ['of the right length', GRAPH.length],
    ['too short', 500],
    ['too long', GRAPH.length + 1],
  ])('is fetched anew where an earlier run left damage %s', async (_case, length) => {
    await mkdir(inRepository('blobs'), { recursive: true });
    await writeFile(inRepository('blobs', `${graphBlob}.incomplete`), Buffer.alloc(length, 1));
    const folder = await fetchModel();
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
    expect(graphRequests().at(-1)?.headers.range).toBeUndefined();
  });

  it('of another length than announced is not written', async () => {
    repository.files['config.json'] = { content: CONFIG, served: Buffer.from('<html>') };
    const error = await errorOf(fetchModel());
    expect(error.message).toBe(
      'acme/tiny: the download of config.json stopped at 0 of 21 bytes (the server has 6 bytes of it); ' +
        'run again to continue from there',
    );
  });

  it.each(['../evil', 'onnx/../../evil', '/etc/evil', '..\\evil', 'C:evil'])('at %s is refused', async (path) => {
    repository.files[path] = { content: CONFIG };
    const error = await errorOf(fetchModel({ select: (paths) => paths }));
    expect(error.code).toBe('model');
    expect(error.message).toBe(
      `acme/tiny: expected file paths inside the repository (found ${JSON.stringify(path)}); do not use this model`,
    );
    expect(existsSync(inRepository())).toBe(false);
  });

  it('of a commit that is not a hash is refused', async () => {
    repository.commit = '../../evil';
    const error = await errorOf(fetchModel());
    expect(error.message).toBe(
      `${hub.endpoint}: expected the answer of a Hugging Face hub (the commit is "../../evil"); check HF_ENDPOINT`,
    );
  });
});

describe('several processes', () => {
  function start(): ReturnType<typeof spawn> {
    const script = `
      import { fetchHubModel } from ${JSON.stringify(new URL('../../dist/model/hub.js', import.meta.url).href)};
      const select = () => ${JSON.stringify(WANTED)};
      await fetchHubModel({ id: '${ID}', select }, { env: ${JSON.stringify(env())} });
    `;
    return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'] });
  }

  it('that download one model at once leave one good copy', async () => {
    hub.faults.pieceDelayMs = 10;
    const exits = [start(), start(), start()].map((child) => once(child, 'exit'));
    expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0, 0]);
    expect(graphRequests().length).toBeGreaterThan(1);
    expect(await hashOf(inRepository('blobs', graphBlob))).toBe(graphBlob);
    expect((await readdir(inRepository('blobs'))).length).toBe(WANTED.length);
    expect((await readdir(inRepository('snapshots', COMMIT, 'onnx'))).sort()).toEqual(['model.onnx']);
  });

  it.each<[string, (partial: string, blob: string) => void]>([
    ['the same file', (partial, blob) => renameSync(partial, blob)],
    ['a file of its own', () => undefined],
  ])('leave alone what another has finished in %s', async (_case, place) => {
    const blob = inRepository('blobs', graphBlob);
    const rubbish = Buffer.alloc(GRAPH.length - 100_000);
    repository.files['onnx/model.onnx'] = {
      content: GRAPH,
      lfs: true,
      served: Buffer.concat([GRAPH.subarray(0, 100_000), rubbish]),
    };
    hub.faults.pieceDelayMs = 5;
    const onProgress = ({ done }: { done: number }) => {
      if (done < 50_000 || existsSync(blob)) return;
      place(`${blob}.incomplete`, blob);
      writeFileSync(blob, GRAPH);
    };
    await fetchModel({}, { onProgress });
    expect(await hashOf(blob)).toBe(graphBlob);
    expect(graphRequests().length).toBe(1);
    expect((await readdir(inRepository('blobs'))).length).toBe(WANTED.length);
  });

  it('continue what a killed one left', async () => {
    hub.faults.pieceDelayMs = 20;
    const child = start();
    const partial = inRepository('blobs', `${graphBlob}.incomplete`);
    while (((await stat(partial).catch(() => undefined))?.size ?? 0) < 20_000) await sleep(5);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { size } = await stat(partial);
    hub.faults.pieceDelayMs = undefined;
    const folder = await fetchModel();
    expect(graphRequests().at(-1)?.headers.range).toBe(`bytes=${size}-`);
    expect(await hashOf(join(folder, 'onnx/model.onnx'))).toBe(graphBlob);
  });
});

describe('a refusal', () => {
  const refused = 'access refused (HTTP 403: not for you)';
  const cases: [string, NonNullable<Repository['guard']>, string | undefined, string][] = [
    [
      '401 without a token',
      { token: TOKEN, status: 401, code: 'RepoNotFound', message: 'Repository not found' },
      undefined,
      'no such model, or a private one (HTTP 401: Repository not found); check the spelling, or set HF_TOKEN',
    ],
    [
      '401 with a token',
      { token: TOKEN, status: 401, message: 'Invalid credentials' },
      'hf_other',
      'no such model for this token, or the token is not valid (HTTP 401: Invalid credentials); ' +
        'check the spelling, and HF_TOKEN',
    ],
    [
      'a gated model without a token',
      { token: TOKEN, status: 401, code: 'GatedRepo', filesOnly: true },
      undefined,
      'a gated model, whose terms are not accepted yet (HTTP 401); accept them at HUB/acme/tiny and set HF_TOKEN',
    ],
    [
      'a gated model with a token',
      { token: TOKEN, status: 403, code: 'GatedRepo', filesOnly: true },
      'hf_other',
      'a gated model, whose terms are not accepted yet (HTTP 403); ' +
        'accept them at HUB/acme/tiny with the account of HF_TOKEN',
    ],
    [
      '403 without a token',
      { token: TOKEN, status: 403, message: 'not for you' },
      undefined,
      `${refused}; accept the terms at HUB/acme/tiny, and set HF_TOKEN`,
    ],
    [
      '403 with a token',
      { token: TOKEN, status: 403, message: 'not for you' },
      'hf_other',
      `${refused}; accept the terms at HUB/acme/tiny, and check that HF_TOKEN belongs to an account that may read it`,
    ],
  ];

  it.each(cases)('of %s says what to do', async (_name, guard, token, line) => {
    repository.guard = guard;
    const error = await errorOf(fetchModel({}, { env: env({ HF_TOKEN: token }) }));
    expect(error.code).toBe('model');
    expect(error.message).toBe(`acme/tiny: ${line.replace('HUB', hub.endpoint)}`);
    expect(error.cause).toBeDefined();
  });

  it('of an unknown model names the endpoint', async () => {
    const error = await errorOf(fetchModel({ id: 'acme/tinny' }, { env: env({ HF_TOKEN: TOKEN }) }));
    expect(error.code).toBe('model');
    expect(error.message).toBe(
      `acme/tinny: no such model at ${hub.endpoint} (HTTP 404: Repository not found); ` +
        'check the spelling, or give a folder that exists',
    );
  });

  it('of an unknown revision names it', async () => {
    const error = await errorOf(fetchModel({ revision: 'v9' }));
    expect(error.code).toBe('model');
    expect(error.message).toBe(
      `acme/tiny: no revision "v9" (HTTP 404: Invalid rev id: v9); see ${hub.endpoint}/acme/tiny/tree/main ` +
        'for those there are',
    );
  });

  it.each(['a/b/c', './folder', '/folder', 'a b/c', 'acme/', 'acme/..', 'acme/a--b'])(
    'of the id %s comes at once',
    async (id) => {
      const error = await errorOf(fetchModel({ id }));
      expect(error.code).toBe('model');
      expect(error.message).toBe(
        `${id}: expected a model folder or a Hugging Face id, name or org/name (found neither); ` +
          'check the path, or write an id such as BAAI/bge-base-en-v1.5',
      );
      expect(hub.requests).toEqual([]);
    },
  );

  it('of a revision that climbs out of the cache comes at once', async () => {
    const error = await errorOf(fetchModel({ revision: '../../x', offline: true }));
    expect(error.message).toBe(
      'acme/tiny: expected a branch, a tag or a commit as revision (found "../../x"); leave it out to use main',
    );
  });
});

describe('a hub in trouble', () => {
  it('is asked again while it is busy', async () => {
    hub.faults.apiStatuses = [503, 429];
    expect(await fetchModel()).toBe(inRepository('snapshots', COMMIT));
  });

  it('that stays busy is named', async () => {
    hub.faults.apiStatuses = Array(9).fill(429);
    const error = await errorOf(fetchModel());
    expect(error.code).toBe('network');
    expect(error.message).toBe(`${hub.endpoint}: expected an answer (HTTP 429); try again later, or set HF_TOKEN`);
  });

  it('that cannot be reached is named, with HF_ENDPOINT', async () => {
    const endpoint = await deadEndpoint();
    const error = await errorOf(fetchModel({}, { env: env({ HF_ENDPOINT: `${endpoint}/` }) }));
    expect(error.code).toBe('network');
    expect(error.message).toBe(
      `${endpoint}: not reachable (connect ECONNREFUSED ${endpoint.slice(7)}); ` +
        'check the connection, or set HF_ENDPOINT to a mirror',
    );
    expect(error.cause).toBeDefined();
  });

  it('is not missed where the cache holds the model', async () => {
    const folder = await fetchModel();
    expect(await fetchModel({}, { env: env({ HF_ENDPOINT: await deadEndpoint() }) })).toBe(folder);
  });

  it('is missed where the cache holds only some of the files', async () => {
    await fetchModel({ select: () => ['config.json'] });
    const error = await errorOf(fetchModel({}, { env: env({ HF_ENDPOINT: await deadEndpoint() }) }));
    expect(error.message).toContain('not reachable');
  });

  it('that says nothing is given up after a while', async () => {
    hub.faults.silent = true;
    const error = await errorOf(fetchModel({}, { env: env({ HF_HUB_ETAG_TIMEOUT: '0.05' }) }));
    expect(error.message).toBe(
      `${hub.endpoint}: not reachable (nothing arrived for 0.05 s); check the connection, or set HF_ENDPOINT to a mirror`,
    );
  });

  it('whose address is not a URL is refused', async () => {
    const error = await errorOf(fetchModel({}, { env: env({ HF_ENDPOINT: 'hf-mirror.com' }) }));
    expect(error.message).toBe(
      'HF_ENDPOINT: expected a URL that begins with http:// or https:// (found "hf-mirror.com"); ' +
        'write https://huggingface.co',
    );
  });
});

describe('offline', () => {
  it.each<[string, boolean, NodeJS.ProcessEnv]>([
    ['--offline', true, {}],
    ['HF_HUB_OFFLINE=1', false, { HF_HUB_OFFLINE: '1' }],
    ['HF_HUB_OFFLINE=On', false, { HF_HUB_OFFLINE: 'On' }],
    ['TRANSFORMERS_OFFLINE=true', false, { TRANSFORMERS_OFFLINE: 'true' }],
  ])('by %s uses the cache and asks nothing', async (_name, offline, more) => {
    const folder = await fetchModel();
    hub.requests.length = 0;
    let given: readonly string[] = [];
    const select = (paths: readonly string[]) => {
      given = paths;
      return WANTED;
    };
    expect(await fetchModel({ offline, select }, { env: env(more) })).toBe(folder);
    expect(given).toEqual([...WANTED].sort());
    expect(await fetchModel({ offline, revision: COMMIT }, { env: env(more) })).toBe(folder);
    expect(hub.requests).toEqual([]);
  });

  it('finds what Python downloaded, whose ref may end in a newline', async () => {
    const snapshot = inRepository('snapshots', COMMIT);
    await mkdir(snapshot, { recursive: true });
    await mkdir(inRepository('blobs'));
    await mkdir(inRepository('refs'));
    await writeFile(inRepository('refs', 'main'), `${COMMIT}\n`);
    await writeFile(inRepository('blobs', gitHash(CONFIG)), CONFIG);
    await symlink(join('..', '..', 'blobs', gitHash(CONFIG)), join(snapshot, 'config.json'));
    expect(await fetchModel({ offline: true, select: () => ['config.json'] })).toBe(snapshot);
  });

  it.each([
    ['--offline', true, {}],
    ['HF_HUB_OFFLINE', false, { HF_HUB_OFFLINE: 'yes' }],
  ])('by %s says where it looked for a model that is not there', async (name, offline, more) => {
    const error = await errorOf(fetchModel({ offline }, { env: env(more) }));
    expect(error.code).toBe('model');
    expect(error.message).toBe(
      `acme/tiny: not in the Hugging Face cache (looked in ${join(home, 'hub')}), ` +
        `and ${name} forbids downloading; run once without ${name}`,
    );
    expect(hub.requests).toEqual([]);
  });

  it('names the revision that is not there', async () => {
    await fetchModel();
    const error = await errorOf(fetchModel({ offline: true, revision: 'v2' }));
    expect(error.message).toMatch(/^acme\/tiny at v2: not in the Hugging Face cache/);
  });

  it('says what a snapshot lacks', async () => {
    await fetchModel({ select: () => ['config.json'] });
    const error = await errorOf(fetchModel({ offline: true }));
    expect(error.message).toBe(
      `acme/tiny: not complete in the Hugging Face cache (looked in ${join(home, 'hub')}: 1_Pooling/config.json is ` +
        'missing), and --offline forbids downloading; run once without --offline',
    );
  });

  it('says what select misses in a snapshot', async () => {
    await fetchModel({ select: () => ['config.json'] });
    const select = () => {
      throw new HnMineError('model', 'no ONNX graph');
    };
    const error = await errorOf(fetchModel({ offline: true, select }));
    expect(error.message).toContain(
      `not complete in the Hugging Face cache (looked in ${join(home, 'hub')}: no ONNX graph)`,
    );
  });

  it('does not see an update that was interrupted', async () => {
    const folder = await fetchModel();
    repository.commit = 'f'.repeat(40);
    repository.files['onnx/model.onnx'] = { content: Buffer.concat([GRAPH, GRAPH]), lfs: true };
    repository.files['config.json'] = { content: Buffer.from('{}') };
    hub.faults.cutAfter = ({ start }) => (start === 0 ? 1 : 0);
    await errorOf(fetchModel());
    expect(await fetchModel({ offline: true })).toBe(folder);
  });
});

describe('the token', () => {
  it.each<[string, () => Promise<NodeJS.ProcessEnv>]>([
    ['HF_TOKEN', async () => ({ HF_TOKEN: ` ${TOKEN}\n` })],
    [
      'the file that a login leaves',
      async () => {
        await writeFile(
          join(home, 'token'),
          `${TOKEN}
`,
        );
        return {};
      },
    ],
    [
      'HF_TOKEN_PATH',
      async () => {
        await writeFile(join(home, 'elsewhere'), TOKEN);
        return { HF_TOKEN_PATH: join(home, 'elsewhere') };
      },
    ],
  ])('of %s goes to the hub, and never to the CDN', async (_name, prepare) => {
    repository.guard = { token: TOKEN, status: 401 };
    await fetchModel({}, { env: env(await prepare()) });
    const sent = hub.requests.map(({ host, headers }) => `${host} ${headers.authorization}`);
    expect(new Set(sent)).toEqual(new Set([`hub Bearer ${TOKEN}`, 'cdn undefined']));
  });

  it('stays where it is when a listing goes on at another host', async () => {
    hub.faults.nextPage = `${hub.cdn}/more`;
    const error = await errorOf(fetchModel({}, { env: env({ HF_TOKEN: TOKEN }) }));
    expect(error.message).toBe(`${hub.cdn}: expected an answer (HTTP 403); try again later`);
    expect(hub.requests.at(-1)).toMatchObject({ host: 'cdn', path: '/more' });
    expect(hub.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  it('that cannot be sent is not shown', async () => {
    const error = await errorOf(fetchModel({}, { env: env({ HF_TOKEN: `\u201c${TOKEN}\u201d` }) }));
    expect(error.message).toBe(
      'HF_TOKEN: expected ASCII letters, digits and signs (found another character); copy the token again',
    );
  });

  it('is not asked for', async () => {
    await fetchModel({}, { env: env({ HF_TOKEN: '' }) });
    expect(hub.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });
});

describe('the cache folder', () => {
  it('that cannot be written is named', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    const error = await errorOf(fetchModel({}, { env: env({ HF_HUB_CACHE: file }) }));
    expect(error.code).toBe('model');
    expect(error.message).toMatch(
      /^.+\/file: expected a folder that can be written \(.*ENOTDIR.*\); set HF_HOME to one$/,
    );
  });

  it.runIf(existsSync('/dev/full'))('on a full disk is named', async () => {
    await mkdir(inRepository('blobs'), { recursive: true });
    await symlink('/dev/full', inRepository('blobs', `${graphBlob}.incomplete`));
    const error = await errorOf(fetchModel());
    expect(error.code).toBe('model');
    expect(error.message).toBe(
      `${join(home, 'hub')}: no space left for the model (ENOSPC: no space left on device, write); free some, ` +
        'or set HF_HOME to a folder on another disk; running again continues from there',
    );
  });

  it('may be written with a tilde', async () => {
    const error = await errorOf(fetchModel({ offline: true }, { env: { HF_HUB_CACHE: '~/no-such-cache' } }));
    expect(error.message).toContain(`looked in ${join(homedir(), 'no-such-cache')}`);
  });
});
