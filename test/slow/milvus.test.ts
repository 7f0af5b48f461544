import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMilvusIndex } from '#dist/search/milvus.js';
import { parseRows, until, Workspace } from '../cli/run-cli.js';
import { findPort } from '../find-port.js';
import { adversarialPools, searchByLoop } from '../search/brute-force.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';

/** The program `milvus-lite`, and a folder whose `node_modules` has the client. */
const PROGRAM = process.env.HN_MINE_MILVUS ?? '';
const CLIENT = process.env.HN_MINE_MILVUS_CLIENT ?? '';
const DATA = ['--input', resolve('fixtures/train.jsonl'), '--pool', resolve('fixtures/pool.jsonl')];

const noOther = () => Promise.reject(new Error('is not needed'));

interface Client {
  showCollections(): Promise<{ readonly data: readonly { readonly name: string }[] }>;
  closeConnection(): Promise<unknown>;
}

describe.skipIf(!existsSync(PROGRAM) || !existsSync(join(CLIENT, 'node_modules')))('Milvus', () => {
  let server: ChildProcess;
  let address: string;
  let client: Client;

  beforeAll(async () => {
    const port = await findPort();
    address = `127.0.0.1:${port}`;
    const folder = makeTemporaryFolder();
    server = spawn(PROGRAM, ['server', '--data-dir', folder, '--host', '127.0.0.1', '--port', `${port}`], {
      stdio: 'ignore',
    });
    const { MilvusClient } = createRequire(join(CLIENT, 'any.js'))('@zilliz/milvus2-sdk-node') as {
      MilvusClient: new (options: object) => Client & { readonly connectPromise: Promise<unknown> };
    };
    await until(async () => {
      const tried = new MilvusClient({ address, logLevel: 'silent' });
      client = tried;
      return tried.connectPromise.then(
        () => true,
        () => false,
      );
    }, 60_000);
  }, 70_000);

  afterAll(async () => {
    await client?.closeConnection();
    server?.kill('SIGKILL');
    removeTemporaryFolders();
  });

  const listCollections = async () => (await client.showCollections()).data.map(({ name }) => name);

  function openWorkspace(): Workspace {
    const workspace = new Workspace();
    symlinkSync(join(CLIENT, 'node_modules'), workspace.path('node_modules'));
    return workspace;
  }

  // Vectors of one value are none that Milvus takes.
  it.each(adversarialPools().filter(({ passages }) => passages.dim > 1))(
    'gives the neighbours of a plain loop: $name',
    async ({ passages, queries, ks }) => {
      const index = await createMilvusIndex(passages, { address, resolveFrom: CLIENT }, noOther);
      for (const k of ks) expect(await index.search(queries, k)).toEqual(searchByLoop(passages, queries, k));
      await index.close();
      expect(await listCollections()).toEqual([]);
    },
  );

  it('gives the rows of the built-in index, with and without bounds', async () => {
    const workspace = openWorkspace();
    for (const flags of [[], ['--relative-margin', '0.4', '--ranks'], ['--max-score', '0.1']]) {
      const run = async (...index: string[]) => {
        const { stdout, stderr } = await workspace.run([...DATA, ...flags, '--scores', '--quiet', ...index]);
        expect(stderr).toBe('');
        return parseRows(stdout);
      };
      expect(await run('--index', 'milvus', '--milvus-address', address)).toEqual(await run());
    }
    expect(await listCollections()).toEqual([]);
  });

  it('is rid by the next run of what a killed one left', async () => {
    const milvus = JSON.stringify(new URL('../../dist/search/milvus.js', import.meta.url).href);
    const script = `
      const { createMilvusIndex } = await import(${milvus});
      const options = ${JSON.stringify({ address, resolveFrom: CLIENT })};
      await createMilvusIndex({ data: Float32Array.of(1, 2), dim: 2, count: 1 }, options, () => undefined);
      process.kill(process.pid, 'SIGKILL');`;
    const killed = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    await until(() => killed.signalCode !== null, 30_000);
    expect(await listCollections()).toHaveLength(1);
    const flags = ['--index', 'milvus', '--milvus-address', address, '--quiet'];
    expect((await openWorkspace().run([...DATA, ...flags])).code).toBe(0);
    expect(await listCollections()).toEqual([]);
  });
});
