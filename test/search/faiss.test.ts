import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Embeddings } from '#dist/embed/encoder.js';
import { createFaissIndex, type FaissOptions } from '#dist/search/faiss.js';
import type { VectorIndex } from '#dist/search/vector-index.js';
import { adversarialPools, randomVectors, searchByLoop } from './brute-force.js';

/** Where faiss-node is installed; scripts/build-faiss-node.sh makes such a folder. */
const FAISS_DIR = process.env.HN_MINE_FAISS_DIR;

const folders: string[] = [];
const indexes: VectorIndex[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const index of indexes.splice(0)) await index.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function openFaiss(passages: Embeddings, options: FaissOptions = {}): Promise<VectorIndex> {
  const index = await createFaissIndex(passages, { resolveFrom: FAISS_DIR ?? '', threads: 2, ...options });
  indexes.push(index);
  return index;
}

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faiss-test-'));
  folders.push(folder);
  return folder;
}

/** A folder with a faiss-node that consists of this one module. */
async function installFaissNode(source: string): Promise<string> {
  const folder = await createFolder();
  await mkdir(join(folder, 'node_modules/faiss-node'), { recursive: true });
  await writeFile(join(folder, 'node_modules/faiss-node/index.js'), source);
  return folder;
}

/** The process IDs of the FAISS processes whose `/proc` file says this. */
async function findFaissProcesses(file: string, text: string): Promise<number[]> {
  const read = (pid: string, name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const isFaiss = (await read(pid, 'cmdline')).includes('faiss-process.js');
    if (isFaiss && (await read(pid, file)).includes(text)) found.push(Number(pid));
  }
  return found;
}

const findOwnFaissProcesses = () => findFaissProcesses('status', `PPid:\t${process.pid}\n`);

/** Runs a program with `createFaissIndex` and a pool of two `passages`; its temporary files go to `temporaryFolder`. */
async function runProgram(source: string, cwd: string, temporaryFolder: string) {
  const faiss = JSON.stringify(new URL('../../dist/search/faiss.js', import.meta.url).href);
  const script = `
    const { createFaissIndex } = await import(${faiss});
    const passages = { data: Float32Array.of(1, 2), dim: 1, count: 2 };
    ${source}`;
  const env = { ...process.env, TMPDIR: temporaryFolder };
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd, env, stdio: 'pipe' });
  let stdout = '';
  program.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const [code, signal] = await once(program, 'close');
  return { code, signal, stdout };
}

describe('faiss-node that is not there', () => {
  const passages = randomVectors(3, 4, 1);

  it('is asked for with the line that installs it', async () => {
    await expect(createFaissIndex(passages, { resolveFrom: await createFolder() })).rejects.toMatchObject({
      name: 'HnMineError',
      code: 'search',
      message:
        '--index faiss: the package faiss-node is not installed; run "npm install faiss-node" beside hn-mine, ' +
        'or use --index flat (exact as well)',
    });
  });

  it('is reported with its own reason where it is installed but does not load', async () => {
    const resolveFrom = await installFaissNode('throw new Error("Could not locate the bindings file.\\nTried: a, b")');
    await expect(createFaissIndex(passages, { resolveFrom })).rejects.toMatchObject({
      name: 'HnMineError',
      code: 'search',
      message:
        '--index faiss: the package faiss-node is installed but does not load (Could not locate the bindings file.); ' +
        'its install script downloads a binary from GitHub: run "npm rebuild faiss-node" where it may, ' +
        'or use --index flat (exact as well)',
    });
  });

  it('leaves no temporary file behind', async () => {
    const folder = await createFolder();
    vi.stubEnv('TMPDIR', folder);
    await expect(createFaissIndex(passages, { resolveFrom: folder })).rejects.toThrow('not installed');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the FAISS process', () => {
  const passages = randomVectors(3, 4, 1);
  const queries = randomVectors(1, 4, 2);
  const reading = (index: string) => `exports.IndexFlatIP = { read: () => (${index}) }`;

  it('gets the vectors in the layout of an IndexFlatIP file', async () => {
    const folder = await createFolder();
    const copy = JSON.stringify(join(folder, 'copy'));
    const resolveFrom = await installFaissNode(
      `exports.IndexFlatIP = { read: (file) => require('fs').copyFileSync(file, ${copy}) }`,
    );
    const data = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
    await openFaiss({ data, dim: 3, count: 2 }, { resolveFrom });
    const header = '4978464903000000020000000000000000001000000000000000100000000000010000000006000000000000000000803f';
    expect((await readFile(join(folder, 'copy'))).toString('hex')).toBe(
      `${header}0000004000004040000080400000a0400000c040`,
    );
  });

  it('says in one line where the vectors cannot be written', async () => {
    vi.stubEnv('TMPDIR', '/nowhere');
    await expect(createFaissIndex(passages)).rejects.toMatchObject({
      code: 'search',
      message: expect.stringMatching(
        /^--index faiss: cannot write the vectors to a temporary file \(ENOENT: .*\/nowhere\/.*\); set TMPDIR or use --index flat$/,
      ),
    });
  });

  it('says in one line that it died while it loaded, and leaves no temporary file behind', async () => {
    const resolveFrom = await installFaissNode('exports.IndexFlatIP = { read: () => process.abort() }');
    const folder = await createFolder();
    vi.stubEnv('TMPDIR', folder);
    await expect(createFaissIndex(passages, { resolveFrom })).rejects.toMatchObject({
      code: 'search',
      message:
        '--index faiss: the FAISS process died (SIGABRT); it may have run out of memory, --index flat needs less',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['FAISS fails', '{ search() { throw new Error("no\\nnews") } }', '--index faiss: FAISS failed (no)'],
    [
      'a score overflows',
      '{ search: () => ({ labels: [0, 1, -1], distances: [1, 1, -1] }) }',
      '--index faiss: some scores are too large for FAISS; use --index flat',
    ],
  ])('rejects a search where %s', async (_, index, message) => {
    const opened = await openFaiss(passages, { resolveFrom: await installFaissNode(reading(index)) });
    await expect(opened.search(queries, 3)).rejects.toMatchObject({ name: 'HnMineError', code: 'search', message });
  });

  it('leaves it to its parent to act on Ctrl-C', async () => {
    const found = '{ labels: [2, 1, 0], distances: [3, 2, 1] }';
    const opened = await openFaiss(passages, {
      resolveFrom: await installFaissNode(reading(`{ search: () => (${found}) }`)),
    });
    for (const pid of await findOwnFaissProcesses()) process.kill(pid, 'SIGINT');
    expect(await opened.search(queries, 3)).toEqual(searchByLoop(passages, queries, 3));
  });

  it('does not outlive a search that is closed meanwhile', async () => {
    const resolveFrom = await installFaissNode(reading('{ search() { for (;;); } }'));
    const opened = await openFaiss(passages, { resolveFrom });
    const searches = [opened.search(queries, 1), opened.search(queries, 1)];
    const outcome = Promise.allSettled(searches);
    await opened.close();
    for (const { reason } of (await outcome) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ message: '--index faiss: the index was closed during a search' });
    }
    expect(await findOwnFaissProcesses()).toEqual([]);
    await opened.close();
  });
});

describe('the death of the parent', () => {
  it.each([
    ['waits', '() => ({})'],
    ['loads', '() => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); }'],
  ])('ends the process while it %s, and leaves no temporary file behind', async (_, read) => {
    const cwd = await installFaissNode(`exports.IndexFlatIP = { read: ${read} };`);
    const folder = await createFolder();
    const source = `
      const { readdirSync } = await import('node:fs');
      const started = setInterval(() => {
        if (readdirSync(process.env.TMPDIR).length === 0) return;
        clearInterval(started);
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), 700);
      }, 10);
      await createFaissIndex(passages);
      await new Promise(() => setInterval(() => {}, 1000));`;
    const run = runProgram(source, cwd, folder);
    const findItsProcesses = () => findFaissProcesses('environ', `TMPDIR=${folder}`);
    await expect.poll(findItsProcesses, { timeout: 5000 }).toHaveLength(1);
    expect((await run).signal).toBe('SIGKILL');
    await expect.poll(findItsProcesses, { timeout: 5000 }).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});

const isSkipped = FAISS_DIR === undefined;

describe.skipIf(isSkipped)(
  `FAISS${isSkipped ? ' (skipped: HN_MINE_FAISS_DIR names no folder with faiss-node)' : ''}`,
  () => {
    it.each(adversarialPools())('gives the neighbours of a plain loop: $name', async ({ passages, queries, ks }) => {
      const index = await openFaiss(passages);
      for (const k of ks) expect(await index.search(queries, k)).toEqual(searchByLoop(passages, queries, k));
    });

    it('is exact where products are too small for float32', async () => {
      const tiny = ({ data, ...rest }: Embeddings) => ({ ...rest, data: data.map((value) => value * 1e-24) });
      const [passages, queries] = [tiny(randomVectors(100, 8, 1)), tiny(randomVectors(3, 8, 2))];
      const index = await openFaiss(passages);
      expect(await index.search(queries, 10)).toEqual(searchByLoop(passages, queries, 10));
    });

    it('is exact over many blocks of queries, with vectors in shared memory that is longer than the pool', async () => {
      const { data } = randomVectors(900, 16, 1);
      const shared = new Float32Array(new SharedArrayBuffer(data.byteLength));
      shared.set(data);
      const passages = { data: shared, dim: 16, count: 800 };
      const queries = { data: shared, dim: 16, count: 700 };
      const index = await openFaiss(passages);
      expect(index.size).toBe(800);
      expect(await index.search(queries, 20)).toEqual(searchByLoop(passages, queries, 20));
    });

    it('is exact where every cut needs the whole pool, and lets other work run meanwhile', async () => {
      const passages = { data: new Float32Array(20_000 * 4).fill(0.5), dim: 4, count: 20_000 };
      const queries = randomVectors(100, 4, 3);
      const index = await openFaiss(passages);
      let [ticks, last, longest] = [0, performance.now(), 0];
      const timer = setInterval(() => {
        const now = performance.now();
        [ticks, last, longest] = [ticks + 1, now, Math.max(longest, now - last)];
      }, 1);
      const found = await index.search(queries, 5);
      clearInterval(timer);
      expect(found.every(({ passages: best }) => best.join() === '0,1,2,3,4')).toBe(true);
      expect(ticks).toBeGreaterThan(10);
      expect(longest).toBeLessThan(500);
    });

    it('answers overlapping searches, none of no queries', async () => {
      const passages = randomVectors(500, 16, 3);
      const queries = [4, 5, 6].map((seed) => randomVectors(5, 16, seed));
      const index = await openFaiss(passages);
      const found = await Promise.all(queries.map((some, i) => index.search(some, 10 + i)));
      expect(found).toEqual(queries.map((some, i) => searchByLoop(passages, some, 10 + i)));
      expect(await index.search({ data: new Float32Array(0), dim: 16, count: 0 }, 3)).toEqual([]);
    });

    it('gives the same neighbours from the processes that replace one another', async () => {
      const passages = randomVectors(200, 8, 1);
      const queries = randomVectors(600, 8, 2);
      const index = await openFaiss(passages, { recycleAfterBytes: 1 });
      const seen = new Set(await findOwnFaissProcesses());
      const searches = [index.search(queries, 7), index.search(queries, 7)];
      const expected = searchByLoop(passages, queries, 7);
      for (const search of searches) expect(await search).toEqual(expected);
      const now = await findOwnFaissProcesses();
      expect(now).toHaveLength(1);
      expect(seen.has(now[0] as number)).toBe(false);
    });

    it('rejects all searches with one line once its process is killed', async () => {
      const passages = randomVectors(20_000, 64, 1);
      const queries = randomVectors(5_000, 64, 2, false);
      const index = await openFaiss(passages);
      const outcome = Promise.allSettled([index.search(queries, 100), index.search(queries, 100)]);
      const [pid] = await findOwnFaissProcesses();
      process.kill(pid as number, 'SIGKILL');
      for (const { reason } of (await outcome) as PromiseRejectedResult[]) {
        expect(reason).toMatchObject({
          name: 'HnMineError',
          code: 'search',
          message:
            '--index faiss: the FAISS process died (SIGKILL); it may have run out of memory, --index flat needs less',
        });
      }
      await expect(index.search(queries, 1)).rejects.toThrow('died (SIGKILL)');
    });

    it('is found in the working directory, and lets its parent end once it is closed', async () => {
      const source = `
      const index = await createFaissIndex(passages);
      const [{ passages: best }] = await index.search(passages, 1);
      await index.close();
      console.log(best);`;
      expect(await runProgram(source, FAISS_DIR as string, await createFolder())).toEqual({
        code: 0,
        signal: null,
        stdout: 'Int32Array(1) [ 1 ]\n',
      });
    });
  },
);
