import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkInputs, listPaths, locateInputs, type NamedInputs } from '#dist/inputs.js';

const folder = mkdtempSync(join(tmpdir(), 'inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function makeBeir(name: string, files: readonly string[]): string {
  const beir = join(folder, name);
  mkdirSync(join(beir, 'qrels'), { recursive: true });
  for (const file of files) writeFileSync(join(beir, file), '');
  return beir;
}

describe('checkInputs', () => {
  it.each<NamedInputs>([
    { input: 'rows' },
    { input: 'rows', pool: ['pool'] },
    { queries: 'queries', qrels: 'qrels', pool: ['pool'], minRelevance: 2 },
    { beir: 'folder' },
    { beir: 'folder', split: 'dev', minRelevance: '2' },
  ])('takes %j', (named) => {
    expect(() => checkInputs(named)).not.toThrow();
  });

  it.each<{ named: NamedInputs; says: string }>([
    { named: {}, says: '--input: expected a file, or - for standard input (found nothing); see hn-mine --help' },
    { named: { input: 'rows', beir: 'folder' }, says: '--beir: takes the place of --input (found both)' },
    { named: { input: 'rows', queries: 'queries' }, says: '--queries: takes the place of --input (found both)' },
    { named: { input: 'rows', qrels: 'qrels' }, says: '--qrels: takes the place of --input (found both)' },
    { named: { beir: 'folder', qrels: 'qrels' }, says: '--beir: takes the place of --qrels (found both)' },
    {
      named: { queries: 'q', pool: ['p'] },
      says: '--queries: needs --qrels, which say what answers them (found none)',
    },
    { named: { qrels: 'q', pool: ['p'] }, says: '--qrels: needs --queries, which they judge (found none)' },
    { named: { queries: 'q', qrels: 'q' }, says: '--qrels: needs the --pool whose passages they judge (found none)' },
    { named: { beir: 'd', pool: ['p'] }, says: '--pool: --beir brings its own; or name --queries, --qrels and --pool' },
    { named: { input: 'rows', split: 'dev' }, says: '--split: needs --beir, whose split it is (found none)' },
    {
      named: { queries: '-', qrels: 'q', pool: ['p'] },
      says: '--queries -: expected a file; standard input is for --input only',
    },
    { named: { input: 'a', pool: ['p', '-'] }, says: '--pool -: expected a file; standard input is for --input only' },
    {
      named: { input: 'rows', minRelevance: 2 },
      says: '--min-relevance: needs --qrels or --beir (found --input)',
    },
  ])('refuses $named', ({ named, says }) => {
    expect(() => checkInputs(named)).toThrow(says);
  });
});

describe('locateInputs', () => {
  it('finds the files of a BEIR folder, packed or not', () => {
    const beir = makeBeir('packed', ['corpus.jsonl.gz', 'queries.jsonl', 'qrels/train.tsv', 'qrels/dev.tsv.gz']);
    const inputs = locateInputs({ beir });
    const [queries, corpus] = [join(beir, 'queries.jsonl'), join(beir, 'corpus.jsonl.gz')];
    expect(inputs).toEqual({ input: { queries, qrels: join(beir, 'qrels/train.tsv') }, pool: [corpus] });
    expect(listPaths(inputs)).toEqual([queries, join(beir, 'qrels/train.tsv'), corpus]);
    expect(locateInputs({ beir, split: 'dev' }).input).toMatchObject({ qrels: join(beir, 'qrels/dev.tsv.gz') });
  });

  it('tells the splits that are there, and what is missing', () => {
    const beir = makeBeir('test-only', ['corpus.jsonl', 'queries.jsonl', 'qrels/test.tsv', 'qrels/dev.tsv']);
    expect(() => locateInputs({ beir })).toThrow(
      `--beir ${beir}: qrels has no train.tsv; name another --split (found dev, test)`,
    );
    const file = join(folder, 'odd');
    mkdirSync(file);
    for (const name of ['corpus.jsonl', 'queries.jsonl', 'qrels']) writeFileSync(join(file, name), '');
    expect(() => locateInputs({ beir: file })).toThrow('(found no folder qrels)');
    const half = makeBeir('half', ['corpus.jsonl']);
    const expected = 'expected corpus.jsonl, queries.jsonl and a folder qrels, as BEIR has them';
    expect(() => locateInputs({ beir: half })).toThrow(`--beir ${half}: ${expected} (found no queries.jsonl)`);
  });

  it('lists paths alone', () => {
    expect(listPaths(locateInputs({ input: [{}], pool: ['a', 'b'] }))).toEqual(['a', 'b']);
  });
});
