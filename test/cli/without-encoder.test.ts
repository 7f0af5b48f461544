import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TINY_RERANKER } from '../rerank/score-pairs.js';
import { FILES, parseRows, readFixture, TINY, Workspace } from './run-cli.js';

/** A model that is nowhere. */
const ABSENT = ['--model', 'nobody/nothing', '--offline'];

function openFixtures(): Workspace {
  const workspace = new Workspace();
  workspace.write('train.jsonl', readFixture('train.jsonl', 40));
  workspace.write('pool.jsonl', readFixture('pool.jsonl', 200));
  return workspace;
}

const BM25 = [...FILES, '--retriever', 'bm25', '--range', '3-20', '--neg', '7', '--ranks'];

describe('a run by BM25 that asks for no scores', () => {
  it('needs no model, encodes nothing, and says so', async () => {
    const workspace = openFixtures();
    const { stdout, stderr, code } = await workspace.run([...BM25, ...ABSENT, '--summary', 'summary.json']);
    expect(code).toBe(0);
    expect(parseRows(stdout).map(({ neg }) => neg.length)).toEqual(new Array(40).fill(7));
    expect(stderr).toContain('nothing asks for scores of the encoder, so no text is encoded; --scores would\n');
    expect(stderr).not.toMatch(/embedded|mean score|truncated/);
    const summary = JSON.parse(workspace.read('summary.json'));
    expect(summary).toMatchObject({ model: null, texts: { distinct: 0, reused: 0 } });
    expect(summary.scores).toEqual({ positives: null, negatives: null });
  });

  it('mines what it mines with scores, in the same order', async () => {
    const workspace = openFixtures();
    const plain = parseRows((await workspace.run([...BM25, ...ABSENT])).stdout);
    const scored = parseRows((await workspace.run([...BM25, ...TINY, '--scores'])).stdout);
    expect(scored.every(({ neg, neg_scores }) => neg_scores?.length === neg.length)).toBe(true);
    expect(plain).toEqual(scored.map(({ pos_scores, neg_scores, ...rest }) => rest));
    // Some of it is backfill, which no ranking orders.
    expect(plain.flatMap((row) => row.neg_ranks).filter((rank) => rank === null).length).toBeGreaterThan(10);
  });

  it.each([
    '--scores',
    '--max-score 0.9',
    '--sample weighted',
    '--positive-weight 0.5',
    '--max-positive-similarity 0.9',
    '--retriever hybrid',
  ])('needs the model after all with %s', async (flags) => {
    const { stderr, code } = await openFixtures().run([...BM25, ...flags.split(' '), ...ABSENT]);
    expect(code).toBe(1);
    expect(stderr).toContain('nobody/nothing');
  });

  it('needs none with a reranker either, which brings its own scores', async () => {
    const flags = ['--reranker', resolve(TINY_RERANKER), '--scores', '--workers', '1'];
    const { stdout, stderr, code } = await openFixtures().run([...BM25, ...ABSENT, ...flags]);
    expect(code).toBe(0);
    for (const { neg, neg_scores } of parseRows(stdout)) expect(neg_scores?.length).toBe(neg.length);
    expect(stderr).toMatch(/^nothing asks for scores of the encoder, so no text is encoded$/m);
    expect(stderr).toMatch(/^mean score/m);
    expect(stderr).toMatch(/^model {6}no encoder, as nothing asks for its scores, seed 42$/m);
  });

  it('says in a dry run that there is no encoder', async () => {
    const { stderr } = await openFixtures().run([...BM25, ...ABSENT, '--dry-run']);
    expect(stderr).toContain(
      'would mine 40 rows from 200 distinct passages with no encoder, as nothing asks for its scores\n',
    );
  });
});
