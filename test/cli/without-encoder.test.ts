import { describe, expect, it } from 'vitest';
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

  it('says in a dry run that there is no encoder', async () => {
    const { stderr } = await openFixtures().run([...BM25, ...ABSENT, '--dry-run']);
    expect(stderr).toContain(
      'would mine 40 rows from 200 distinct passages with no encoder, as nothing asks for its scores\n',
    );
  });
});
