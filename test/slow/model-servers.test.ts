import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { parseRows, until, Workspace } from '../cli/run-cli.js';
import { findPort } from '../find-port.js';

/** The program `infinity_emb`, and a model that both it and ONNX Runtime can read. */
const PROGRAM = process.env.HN_MINE_INFINITY ?? '';
const MODEL = resolve('../shared/models/tiny-bert-cls');
const RERANKER = resolve('../shared/models/tiny-cross-encoder');
const DATA = ['--input', resolve('fixtures/train.jsonl'), '--pool', resolve('fixtures/pool.jsonl')];

/** Starts a server of a model, and waits until it is there. */
async function serve(model: string): Promise<{ server: ChildProcess; address: string }> {
  const port = await findPort();
  const address = `http://127.0.0.1:${port}`;
  const flags = '--engine torch --device cpu --host 127.0.0.1 --no-bettertransformer --no-model-warmup'.split(' ');
  const args = ['v2', '--model-id', model, '--served-model-name', 'tiny', '--port', `${port}`, ...flags];
  const server = spawn(PROGRAM, args, { env: { ...process.env, HF_HUB_OFFLINE: '1' }, stdio: 'ignore' });
  const isThere = () =>
    fetch(`${address}/models`).then(
      () => true,
      () => false,
    );
  await until(isThere, 120_000);
  return { server, address };
}

const expectNear = (some: readonly number[], others: readonly number[], most = 1e-5) => {
  expect(some).toHaveLength(others.length);
  for (const [i, score] of some.entries()) expect(Math.abs(score - (others[i] as number))).toBeLessThan(most);
};

describe.skipIf(!existsSync(PROGRAM) || !existsSync(MODEL))('infinity', () => {
  const servers: ChildProcess[] = [];
  const addresses = { embedder: '', reranker: '' };

  beforeAll(async () => {
    const [embedder, reranker] = await Promise.all([serve(MODEL), serve(RERANKER)]);
    servers.push(embedder.server, reranker.server);
    Object.assign(addresses, { embedder: embedder.address, reranker: reranker.address });
  }, 130_000);

  afterAll(() => {
    for (const server of servers) server.kill('SIGKILL');
  });

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
    const { embedder } = addresses;
    const there = await mine('--embedder', embedder);
    const here = await mine('--model', MODEL);
    expect(there.map(({ neg }) => neg)).toEqual(here.map(({ neg }) => neg));
    for (const [i, { pos_scores = [] }] of there.entries()) expectNear(pos_scores, here[i]?.pos_scores ?? []);
    expect(await mine('--embedder', `${embedder}/embeddings`, '--summary', 's.json')).toEqual(there);
    const { texts } = JSON.parse(workspace.read('s.json')) as Summary;
    expect(texts).toEqual({ distinct: 700, reused: 700 });
  });

  it('gives the scores that the same reranker gives here', async () => {
    const workspace = new Workspace();
    const run = async (...args: string[]) => {
      const { stdout, stderr } = await workspace.run([...args, '--quiet']);
      expect(stderr).toBe('');
      return parseRows(stdout);
    };
    const { reranker } = addresses;
    const mining = [...DATA, '--range', '0-20', '--neg', '5', '--limit', '20', '--scores', '--output', 'mined.jsonl'];
    await run(...mining, '--reranker', reranker);
    const there = parseRows(workspace.read('mined.jsonl'));
    expect(there).toHaveLength(20);
    // Its own function is a sigmoid, whatever the model's files say.
    const sigmoids = await run('score', '--input', 'mined.jsonl', '--reranker', RERANKER, '--activation', 'sigmoid');
    for (const [i, row] of there.entries()) {
      expectNear(row.pos_scores ?? [], sigmoids[i]?.pos_scores ?? []);
      expectNear(row.neg_scores ?? [], sigmoids[i]?.neg_scores ?? []);
    }
    const logits = await run('score', '--input', 'mined.jsonl', '--reranker', RERANKER);
    const served = await run('score', '--input', 'mined.jsonl', '--reranker', reranker);
    for (const [i, row] of served.entries()) expectNear(row.neg_scores ?? [], logits[i]?.neg_scores ?? [], 1e-4);
  });
});
