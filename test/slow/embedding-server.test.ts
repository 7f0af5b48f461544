import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { parseRows, until, Workspace } from '../cli/run-cli.js';

/** The program `infinity_emb`, and a model that both it and ONNX Runtime can read. */
const PROGRAM = process.env.HN_MINE_INFINITY ?? '';
const MODEL = resolve('../shared/models/tiny-bert-cls');
const DATA = ['--input', resolve('fixtures/train.jsonl'), '--pool', resolve('fixtures/pool.jsonl')];

describe.skipIf(!existsSync(PROGRAM) || !existsSync(MODEL))('infinity', () => {
  let server: ChildProcess;
  let address: string;

  beforeAll(async () => {
    const port = await findPort();
    address = `http://127.0.0.1:${port}`;
    const flags = '--engine torch --device cpu --host 127.0.0.1 --no-bettertransformer --no-model-warmup'.split(' ');
    const args = ['v2', '--model-id', MODEL, '--served-model-name', 'tiny', '--port', `${port}`, ...flags];
    server = spawn(PROGRAM, args, { env: { ...process.env, HF_HUB_OFFLINE: '1' }, stdio: 'ignore' });
    let isThere = false;
    await until(() => {
      void fetch(`${address}/models`).then(
        () => {
          isThere = true;
        },
        () => {},
      );
      return isThere;
    }, 120_000);
  }, 130_000);

  afterAll(() => server?.kill('SIGKILL'));

  it('gives the negatives that the same model gives here, and scores that differ in their last digits', async () => {
    const workspace = new Workspace();
    const mine = async (...flags: string[]) => {
      const { stdout, stderr } = await workspace.run([
        ...DATA,
        ...flags,
        '--query-instruction',
        '',
        '--scores',
        '--quiet',
      ]);
      expect(stderr).toBe('');
      return parseRows(stdout);
    };
    const there = await mine('--embedder', address);
    const here = await mine('--model', MODEL);
    expect(there.map(({ neg }) => neg)).toEqual(here.map(({ neg }) => neg));
    for (const [i, { pos_scores = [] }] of there.entries()) {
      expect(Math.abs((pos_scores[0] as number) - (here[i]?.pos_scores?.[0] as number))).toBeLessThan(1e-5);
    }
    expect(await mine('--embedder', `${address}/embeddings`, '--summary', 's.json')).toEqual(there);
    const { texts } = JSON.parse(workspace.read('s.json')) as Summary;
    expect(texts).toEqual({ distinct: 700, reused: 700 });
  });
});

function findPort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const found = server.address();
      server.close(() => resolve(typeof found === 'object' && found ? found.port : 0));
    });
  });
}
