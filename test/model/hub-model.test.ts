import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HubServer, type RepositoryFile, startHub } from './hub-server.js';

const MODEL = 'fixtures/models/tiny-bert-cls';
const RERANKER = 'fixtures/models/tiny-cross-encoder';
const COMMIT = 'c'.repeat(40);

let home: string;
let hub: HubServer;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'hn-mine-hub-'));
  hub = await startHub({
    'tiny/bert-cls': { commit: COMMIT, files: readFiles(MODEL) },
    'tiny/cross-encoder': { commit: COMMIT, files: readFiles(RERANKER), branches: ['v1'] },
  });
  writeFileSync(join(home, 'train.jsonl'), '{"query": "a cat", "pos": ["cats purr"]}\n');
  writeFileSync(join(home, 'pool.jsonl'), '{"text": "cats purr"}\n{"text": "dogs bark"}\n{"text": "birds sing"}\n');
});

afterEach(async () => {
  await hub.close();
  rmSync(home, { recursive: true, force: true });
});

function readFiles(folder: string): Record<string, RepositoryFile> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.\w+$/.test(path));
  return Object.fromEntries(
    paths.map((path) => [path, { content: readFileSync(join(folder, path)), lfs: path.endsWith('.onnx') }]),
  );
}

interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

function runCli(...flags: string[]): Promise<Finished> {
  const files = [
    '--input',
    join(home, 'train.jsonl'),
    '--pool',
    join(home, 'pool.jsonl'),
    '--range',
    '0-2',
    '--neg',
    '2',
  ];
  const env = {
    ...process.env,
    HF_HOME: join(home, 'hf'),
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_OFFLINE: '',
    HF_TOKEN: '',
  };
  return new Promise((resolve) => {
    const child = execFile('node', ['bin/hn-mine.js', ...files, ...flags], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

it('mines with a model of the hub, then offline from the cache, with the bytes of the same model in a folder', async () => {
  const local = await runCli('--model', MODEL);
  expect(local.code).toBe(0);
  const first = await runCli('--model', 'tiny/bert-cls');
  expect(first.stderr).toContain(
    'query prompt "query" of the model: "Represent this sentence for searching relevant passages: "',
  );
  expect(first).toMatchObject({ code: 0, stdout: local.stdout });
  const downloaded = hub.paths().filter((path) => path.includes('/resolve/'));
  expect(downloaded.some((path) => path.endsWith('onnx/model.onnx'))).toBe(true);
  expect(downloaded.some((path) => path.endsWith('golden.json'))).toBe(false);
  const before = hub.requests.length;
  expect(await runCli('--model', 'tiny/bert-cls', '--offline')).toMatchObject({ code: 0, stdout: local.stdout });
  expect(hub.requests.length).toBe(before);
});

it('reranks with the revision of a reranker that was asked for, with the bytes of the same in a folder', async () => {
  const local = await runCli('--model', MODEL, '--reranker', RERANKER, '--scores');
  expect(local.code).toBe(0);
  const flags = ['--model', MODEL, '--reranker', 'tiny/cross-encoder', '--reranker-revision', 'v1'];
  expect(await runCli(...flags, '--scores')).toMatchObject({ code: 0, stdout: local.stdout });
  expect(hub.paths()[0]).toBe('hub /api/models/tiny/cross-encoder/revision/v1');
});

it.each([
  { flags: ['--model', 'tiny/other'], line: 'tiny/other: no such model' },
  { flags: ['--model', 'tiny/bert-cls', '--revision', 'v9'], line: 'tiny/bert-cls: no revision "v9"' },
  {
    flags: ['--model', MODEL, '--reranker', 'tiny/cross-encoder', '--reranker-revision', 'v9'],
    line: 'tiny/cross-encoder: no revision "v9"',
  },
  {
    flags: ['--model', 'tiny/bert-cls', '--dtype', 'q8'],
    line: 'tiny/bert-cls: --dtype q8: no model_quantized.onnx (found onnx/model.onnx)',
  },
  { flags: ['--model', 'tiny/bert-cls', '--offline'], line: 'tiny/bert-cls: not in the Hugging Face cache' },
])('answers $flags in one line', async ({ flags, line }) => {
  const { code, stdout, stderr } = await runCli(...flags);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr.startsWith(line)).toBe(true);
});
