import { describe, expect, it } from 'vitest';
import { describeAudit } from '#dist/cli/audit-files.js';
import type { Audit, Finding } from '#dist/run/audit.js';
import { makePassages, makeRows, TINY, TINY_MODEL, Workspace } from './run-cli.js';

const ROWS = [
  { query: 'a', pos: ['one', 'two'], neg: ['three', 'two ', 'four', 'three'] },
  { query: 'b', pos: ['three'], neg: ['B', 'b', 'one', ' '] },
  { query: ' a', pos: ['five'], neg: ['one', 'six'] },
  { query: 'c', pos: ['x'], neg: [] },
  { query: 'd', pos: ['Text of seven.'], pos_ids: ['p8'], neg: ['Seven Text of seven.', 'eight', 'nine'] },
];
const POOL = [
  ...['one', 'two', 'three', 'four', 'five', 'six', 'nine'].map((text) => ({ text })),
  { _id: 'p7', title: 'Seven', text: 'Text of seven.' },
  { _id: 'p8', text: 'eight' },
];

const defect = (line: number, query: string, what: string, text: string) => {
  return { line: `mined.jsonl:${line}`, query, defect: what, text };
};
const WITHOUT_POOL = [
  defect(1, 'a', 'positive', 'two '),
  defect(1, 'a', 'repeated', 'three'),
  defect(2, 'b', 'query', 'b'),
  defect(2, 'b', 'blank', ' '),
  defect(3, ' a', 'sibling', 'one'),
  defect(4, 'c', 'none', ''),
];

function writeInputs(rows: object[] = ROWS): Workspace {
  const workspace = new Workspace();
  workspace.write('mined.jsonl', rows);
  workspace.write('pool.jsonl', POOL);
  return workspace;
}

const readFindings = (workspace: Workspace) =>
  workspace
    .read('findings.jsonl')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Finding);

describe('hn-mine audit', () => {
  it('finds what harms training, and fails', async () => {
    const workspace = writeInputs();
    const flags = ['--input', 'mined.jsonl', '--findings', 'findings.jsonl', '--summary', 's.json', '--quiet'];
    const { stdout, stderr, code } = await workspace.run(['audit', ...flags]);
    expect(readFindings(workspace)).toEqual(WITHOUT_POOL);
    expect({ stderr, code }).toEqual({ stderr: 'mined.jsonl: 6 defects in 4 rows\n', code: 1 });
    expect(stdout.split('\n')).toEqual([
      'rows        5',
      'negatives   13, 0 to 4 a row',
      'defects     1 a positive of their row, 1 a positive or the query of a row with the same query, 1 the query itself, 1 in their row twice, 1 blank, 1 row without negatives',
      '',
    ]);
    expect(JSON.parse(workspace.read('s.json'))).toEqual({
      schema: 1,
      rows: 5,
      negatives: 13,
      fewest: 0,
      most: 4,
      defective: 4,
      defects: { positive: 1, sibling: 1, query: 1, repeated: 1, blank: 1, none: 1, scores: 0 },
    });
  });

  it('finds positives by title and ID too, where it knows the pool, and texts that are not in it', async () => {
    const workspace = writeInputs();
    const flags = ['--input', 'mined.jsonl', '--pool', 'pool.jsonl', '--findings', 'findings.jsonl', '--quiet'];
    const { stdout, stderr } = await workspace.run(['audit', ...flags]);
    expect(readFindings(workspace)).toEqual([
      ...WITHOUT_POOL,
      defect(5, 'd', 'positive', 'Seven Text of seven.'),
      defect(5, 'd', 'positive', 'eight'),
    ]);
    expect(stderr).toBe('mined.jsonl: 8 defects in 5 rows\n');
    // Positives x; negatives B, b and the blank one.
    expect(stdout).toContain('not in pool 1 positive, 3 negatives\n');
  });

  it('tells the positives of other rows with the same query from those of the row, by title and ID too', async () => {
    const workspace = writeInputs([
      { query: 'a', pos: ['Text of seven.'], neg: ['one'] },
      { query: 'a', pos: ['two'], pos_ids: ['p8'], neg: ['Seven Text of seven.', 'eight'] },
      { query: ' a', pos: ['x'], neg: ['eight', 'a'] },
    ]);
    const flags = ['--pool', 'pool.jsonl', '--findings', 'findings.jsonl', '--quiet'];
    await workspace.run(['audit', 'mined.jsonl', ...flags]);
    expect(readFindings(workspace)).toEqual([
      defect(2, 'a', 'sibling', 'Seven Text of seven.'),
      defect(2, 'a', 'positive', 'eight'),
      defect(3, ' a', 'sibling', 'eight'),
      defect(3, ' a', 'query', 'a'),
    ]);
  });

  it('finds scores that are not one number for each text, and averages those that are', async () => {
    const row = { query: 'a', pos: ['b'], neg: ['c', 'd'] };
    const workspace = writeInputs([
      { ...row, pos_scores: [0.5], neg_scores: [0.7, 0.1] },
      { ...row, pos_scores: [0.5], neg_scores: [0.7] },
      { ...row, pos_scores: ['0.5'], neg_scores: [1, 2] },
      { ...row, pos_scores: null },
      { ...row, neg_scores: 3 },
    ]);
    const { stdout } = await workspace.run(['audit', 'mined.jsonl', '--findings', 'findings.jsonl', '--quiet']);
    expect(readFindings(workspace)).toEqual([2, 3, 5].map((line) => defect(line, 'a', 'scores', '')));
    expect(stdout).toMatch(/\ndefects {5}3 rows with scores that are not one number for each text\n/);
    expect(stdout).toMatch(
      /\nmean score {2}positives 0\.5000, negatives 0\.4000 \(by the file, of 1 row\)\nabove {7}1 negative above their row's positive \(50\.00 %\)\n$/,
    );
  });

  it('scores where a model is named', async () => {
    const workspace = writeInputs([{ query: 'a', pos: ['b'], neg: ['c', 'd'] }]);
    const { stdout } = await workspace.run(['audit', 'mined.jsonl', ...TINY, '--quiet']);
    expect(stdout).toContain(`(by ${TINY_MODEL})\n`);
    const both = await workspace.run(['audit', 'mined.jsonl', '--reranker', 'x', '--model', 'y']);
    const says = '--model: is of the encoder, which a --reranker takes the place of\n';
    expect(both).toEqual({ stdout: '', stderr: says, code: 2, signal: null });
  });

  it('passes what this program has mined, and tells of its scores', async () => {
    const workspace = new Workspace();
    workspace.write('train.jsonl', makeRows(20));
    workspace.write('pool.jsonl', makePassages(60));
    const mine = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', ...TINY, '--range', '0-20', '--quiet', '--scores'];
    await workspace.run([...mine, '--output', 'mined.jsonl']);
    const audit = ['audit', '--input', 'mined.jsonl', '--pool', 'pool.jsonl', '--quiet'];
    const written = await workspace.run(audit);
    expect({ ...written, stdout: '' }).toEqual({ stdout: '', stderr: '', code: 0, signal: null });
    expect(written.stdout).toMatch(
      /^rows {8}20\nnegatives {3}300, 15 a row\ndefects {5}none\nnot in pool 0 positives, 0 negatives\nmean score {2}positives -?0\.\d{4}, negatives -?0\.\d{4} \(by the file\)\nabove {7}\d+ negatives? above their row's positive \(\d+\.\d\d %\)\n$/,
    );
    // The same figures where the model scores them again.
    workspace.write('mined.jsonl', workspace.read('mined.jsonl').replaceAll(/, "(pos|neg)_scores": \[[^\]]*\]/g, ''));
    const scored = await workspace.run([...audit, '--scores', ...TINY]);
    expect(scored.stdout).toBe(written.stdout.replace('by the file', `by ${TINY_MODEL}`));
    expect(scored.code).toBe(0);
    const piped = ['audit', '--input', '-', '--pool', 'pool.jsonl', '--quiet', '--scores', ...TINY];
    expect(await workspace.run(piped, { stdin: workspace.read('mined.jsonl') })).toEqual(scored);
  });

  it('counts the rows that have scores of all their texts', () => {
    const audit: Audit = {
      rows: 2,
      negatives: 1500,
      fewest: 15,
      most: 15,
      defects: { positive: 0, sibling: 0, query: 0, repeated: 1200, blank: 0, none: 0, scores: 0 },
      defective: 2,
      scores: {
        from: 'the file',
        meanPositive: 0.5,
        meanNegative: -0.12345,
        abovePositive: 3,
        rows: 1,
        negatives: 1200,
      },
    };
    expect(describeAudit(audit)).toEqual([
      'rows        2',
      'negatives   1,500, 15 a row',
      'defects     1,200 in their row twice',
      'mean score  positives 0.5000, negatives -0.1235 (by the file, of 1 row)',
      "above       3 negatives above their row's positive (0.25 %)",
    ]);
  });

  it('reads standard input, and lists nothing unless told to', async () => {
    const workspace = writeInputs();
    const { stderr, code } = await workspace.run(['audit', '--input', '-', '--quiet'], {
      stdin: workspace.read('mined.jsonl'),
    });
    expect({ stderr, code }).toEqual({
      stderr: 'input: 6 defects in 4 rows; --findings FILE lists them\n',
      code: 1,
    });
    expect(workspace.list()).toEqual(['mined.jsonl', 'pool.jsonl']);
  });

  it.each([
    {
      args: [],
      says: '--input: expected a file, or - for standard input (found nothing); see hn-mine audit --help',
      code: 2,
    },
    {
      args: ['--input', 'a', '--findings', 'b', '--summary', 'b'],
      says: '--findings b: is taken by --summary; give another file',
      code: 2,
    },
    { args: ['--input', 'absent.jsonl'], says: 'absent.jsonl: no such file', code: 1 },
    {
      args: ['--input', 'mined.jsonl', '--findings', 'mined.jsonl'],
      says: '--findings mined.jsonl: this file is also an input; give another one',
      code: 1,
    },
  ])('is refused with one line: $says', async ({ args, says, code }) => {
    const result = await writeInputs().run(['audit', ...args]);
    expect(result).toEqual({ stdout: '', stderr: `${says}\n`, code, signal: null });
  });
});
