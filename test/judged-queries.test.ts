import { describe, expect, it } from 'vitest';
import { parseConfig } from '#dist/config/config.js';
import { type MinedRecord, type MineOptions, mine } from '#dist/index.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { prepareMining } from '#dist/mine.js';
import { Workspace as Folder, TINY_MODEL } from './cli/run-cli.js';

const CORPUS = Array.from({ length: 12 }, (_, i) => ({
  _id: `d${i}`,
  title: i === 3 ? 'Three' : '',
  text: `text ${i}`,
}));
const QUERIES = [
  { _id: 'a', text: 'query a' },
  { _id: 'b', text: 'query b' },
  { _id: 'c', text: 'query c' },
];
const QRELS = ['query-id\tcorpus-id\tscore', 'b\td3\t2', 'b\td1\t1', 'b\td2\t0', 'a\td5\t1', 'z\td6\t1', 'a\tx9\t1'];
const SETTINGS = { model: TINY_MODEL, queryInstruction: '', range: '0-6', neg: 6, sample: 'top', workers: 1 } as const;

async function collect(options: MineOptions): Promise<MinedRecord[]> {
  const records: MinedRecord[] = [];
  for await (const record of mine(options)) records.push(record);
  return records;
}

async function mineJudged(qrels: readonly string[], options: Partial<MineOptions> = {}) {
  const folder = new Folder();
  const told: string[] = [];
  const rows = await collect({
    queries: QUERIES,
    qrels: folder.write('qrels.tsv', qrels.join('\n')),
    pool: CORPUS,
    ...SETTINGS,
    onNote: (note) => told.push(`note: ${note}`),
    onWarning: (warning) => told.push(`warning: ${warning.replace(folder.folder, '')}`),
    ...options,
  });
  return { rows, told };
}

describe('queries and judgements', () => {
  it('make a row for each query with a positive, in the order of the queries', async () => {
    const { rows, told } = await mineJudged(QRELS);
    expect(rows.map(({ query_id, query, pos }) => ({ query_id, query, pos }))).toEqual([
      { query_id: 'a', query: 'query a', pos: ['text 5'] },
      { query_id: 'b', query: 'query b', pos: ['Three text 3', 'text 1'] },
    ]);
    expect(told).toContain('note: 1 of 3 queries have no relevant passage and are left out');
    expect(told).toContain('warning: 1 of 5 relevant passages are not in the pool (the first is "x9")');
    expect(told).toContain('warning: 1 of 3 judged queries are not among the queries');
  });

  it('give the negatives that rows with the same positives get', async () => {
    const input = [
      { query: 'query a', pos: ['text 5'] },
      { query: 'query b', pos: ['Three text 3', 'text 1'] },
    ];
    const plain = await collect({ input, pool: CORPUS, ...SETTINGS, sample: 'random', neg: 3 });
    const { rows } = await mineJudged(QRELS, { sample: 'random', neg: 3 });
    expect(rows.map(({ neg }) => neg)).toEqual(plain.map(({ neg }) => neg));
  });

  it('take what is less relevant than asked for neither as a positive nor as a negative', async () => {
    const all = { range: '0-12', neg: 10, backfill: 'none' } as const;
    const { rows } = await mineJudged(QRELS, { minRelevance: 2, ...all });
    expect(rows.map(({ query, pos }) => ({ query, pos }))).toEqual([{ query: 'query b', pos: ['Three text 3'] }]);
    const texts = CORPUS.map(({ text }) => text).filter((text) => text !== 'text 3' && text !== 'text 1');
    expect(rows[0]?.neg.toSorted()).toEqual(texts.toSorted());
  });

  it('take such passages of another query with the same text for no negatives either', async () => {
    const queries = [
      { _id: 'a', text: 'one  query' },
      { _id: 'b', text: 'one query' },
    ];
    const all = { range: '0-12', neg: 10, backfill: 'none', queries } as const;
    const { rows } = await mineJudged(['a d5 2', 'b d6 1'], { minRelevance: 2, ...all });
    expect(rows.map(({ query_id, neg }) => [query_id, neg.length])).toEqual([['a', 10]]);
    expect(rows[0]?.neg).not.toContain('text 6');
  });

  it('take grades of any kind', async () => {
    const { rows } = await mineJudged(['a d5 0.5', 'a d6 0.25'], { minRelevance: 0.5 });
    expect(rows.map(({ pos }) => pos)).toEqual([['text 5']]);
  });

  it.each([
    { qrels: [''], says: /qrels\.tsv: no judgements; expected a line "query passage relevance" each$/ },
    {
      qrels: ['a d1 0', 'b d2 0'],
      says: /qrels\.tsv: none of its 2 judgements is of a relevance of at least 1; lower --min-relevance$/,
    },
    {
      qrels: ['a 1 1', 'b 2 1'],
      says: /qrels\.tsv: none of its 2 relevant passages is in the pool \(the first is "1"\); give the --pool it is about, or name the field of its IDs with --passage-id-field$/,
    },
    {
      qrels: ['x d1 1'],
      says: /^queries: none of its 3 queries has a relevant passage in .*qrels\.tsv; both must name queries by the same IDs$/,
    },
  ])('are refused where they give no row: $says', async ({ qrels, says }) => {
    await expect(mineJudged(qrels)).rejects.toThrow(says);
  });

  it('name the line of a query in what is said of its row', async () => {
    const folder = new Folder();
    const input = {
      queries: folder.write('queries.jsonl', [...QUERIES, { _id: 'd', text: ' ' }]),
      qrels: folder.write('qrels.tsv', 'd 0 d1 1\n'),
    };
    const work = prepareMining({ input, pool: [CORPUS] }, parseConfig({}), new Workspace(planMemory(1e8)), () => {});
    await expect(work).rejects.toThrow(`${input.queries}:4: the text of the query must not be empty`);
  });
});

describe('--beir', () => {
  const folderOf = (folder: Folder) => {
    folder.write('beir/corpus.jsonl', CORPUS);
    folder.write('beir/queries.jsonl', QUERIES);
    folder.write('beir/qrels/train.tsv', QRELS.join('\n'));
    folder.write('beir/qrels/dev.tsv', 'c\td0\t1\n');
  };
  const flags = ['--model', TINY_MODEL, '--query-instruction', '', '--range', '0-6', '--neg', '6', '--sample', 'top'];

  it.each([
    { split: [], queries: ['a', 'b'] },
    { split: ['--split', 'dev'], queries: ['c'] },
  ])('mines $split of a folder as its files do', async ({ split, queries }) => {
    const folder = new Folder();
    folderOf(folder);
    const { stdout, code } = await folder.run(['--beir', 'beir', ...split, ...flags, '--quiet']);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as MinedRecord);
    expect(rows.map(({ query_id }) => query_id)).toEqual(queries);
    expect(code).toBe(0);
    const qrels = `beir/qrels/${split[1] ?? 'train'}.tsv`;
    const named = ['--queries', 'beir/queries.jsonl', '--qrels', qrels, '--pool', 'beir/corpus.jsonl'];
    expect((await folder.run([...named, ...flags, '--quiet'])).stdout).toBe(stdout);
  });

  it('never overwrites one of its files', async () => {
    const folder = new Folder();
    folderOf(folder);
    const { stderr, code } = await folder.run(['--beir', 'beir', ...flags, '--output', 'beir/qrels/train.tsv']);
    expect(stderr).toBe('--output beir/qrels/train.tsv: this file is also an input; give another one\n');
    expect(code).toBe(1);
  });
});
