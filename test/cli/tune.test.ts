import { describe, expect, it } from 'vitest';
import { createTable } from '#dist/cli/tune-files.js';
import type { TuneOutcome } from '#dist/run/tune.js';
import { HN_MINE, type MinedLine, makePassages, makeTexts, parseRows, TINY, Workspace } from './run-cli.js';

const FILES = ['--input', 'train.jsonl', '--pool', 'pool.jsonl'];
const ROWS = Array.from({ length: 12 }, (_, i) => ({
  query: `question ${i}`,
  pos: makeTexts(3 * i, 3 * i + 1 + (i % 3)),
}));

function writeInputs(rows: object[] = ROWS): Workspace {
  const workspace = new Workspace();
  workspace.write('train.jsonl', rows);
  workspace.write('pool.jsonl', makePassages(60));
  return workspace;
}

/** @returns what is printed, and the outcomes; warnings aside, which come first */
async function tune(workspace: Workspace, ...flags: string[]) {
  const { stdout, stderr, code } = await workspace.run([
    'tune',
    ...FILES,
    ...TINY,
    '--quiet',
    '--summary',
    't.json',
    ...flags,
  ]);
  expect({ stderr: stderr.replaceAll(/^warning: .*\n/gm, ''), code }).toEqual({ stderr: '', code: 0 });
  return { stdout, stderr, outcomes: (JSON.parse(workspace.read('t.json')) as { settings: TuneOutcome[] }).settings };
}

/** The figures of rows that were mined and written. */
function countRows(rows: readonly MinedLine[]) {
  const scores = rows.flatMap(({ neg_scores }) => neg_scores as number[]);
  const positives = rows.map(({ pos_scores }) => Math.min(...(pos_scores as number[])));
  const above = rows.map(
    ({ neg_scores = [] }, i) => neg_scores.filter((score) => score > (positives[i] as number)).length,
  );
  return {
    negatives: scores.length,
    meanScore: meanOf(scores),
    abovePositive: above.reduce((sum, one) => sum + one, 0),
  };
}

const meanOf = (values: readonly number[]) =>
  expect.closeTo(values.reduce((sum, one) => sum + one, 0) / values.length, 5);

describe('hn-mine tune', () => {
  it('tells of each setting what the rows mined with it are like', async () => {
    const workspace = writeInputs();
    const lists = ['--range', '0-10,5-30', '--neg', '4', '--relative-margin', 'none,0.2', '--positive-weight', '0,0.5'];
    const { outcomes } = await tune(workspace, ...lists);
    expect(outcomes).toHaveLength(6);
    for (const { flags, rows, short, backfilled, meanPositiveScore, ...figures } of outcomes) {
      const args = flags.split(' ');
      const { stdout } = await workspace.run([
        ...FILES,
        ...TINY,
        '--quiet',
        '--scores',
        '--summary',
        's.json',
        ...args,
      ]);
      expect(figures).toEqual(countRows(parseRows(stdout)));
      // Of all rows, also of those that get no negative.
      expect(meanPositiveScore).toBe(outcomes[0]?.meanPositiveScore);
      const summary = JSON.parse(workspace.read('s.json'));
      expect({ rows, short }).toEqual({ rows: summary.rows.read, short: summary.rows.short });
      expect(backfilled).toBe(summary.negatives.random + summary.negatives.skipped);
    }
    const { stdout } = await workspace.run([...FILES, ...TINY, '--quiet', '--scores', '--neg', '4', '--range', '0-20']);
    const positives = parseRows(stdout).map(({ pos_scores }) => Math.min(...(pos_scores as number[])));
    expect(outcomes[0]?.meanPositiveScore).toEqual(meanOf(positives));
    expect(new Set(outcomes.map(({ meanScore }) => meanScore)).size).toBe(6);
  });

  it('counts positives that are mined where they are hidden', async () => {
    const workspace = writeInputs();
    const { outcomes } = await tune(
      workspace,
      '--hide-positives',
      '--range',
      '0-20,0-57',
      '--neg',
      '8',
      '--sample',
      'random,top',
    );
    const several = ROWS.filter(({ pos }) => pos.length > 1);
    workspace.write(
      'train.jsonl',
      several.map(({ query, pos }) => ({ query, pos: pos.slice(0, 1) })),
    );
    const hidden = new Map(several.map(({ query, pos }) => [query, pos.slice(1)]));
    let found = 0;
    for (const { flags, rows, negatives, falseNegatives } of outcomes) {
      const { stdout } = await workspace.run([...FILES, ...TINY, '--quiet', ...flags.split(' ')]);
      const mined = parseRows(stdout);
      const count = mined.flatMap(({ query, neg }) => neg.filter((text) => hidden.get(query)?.includes(text))).length;
      expect({ rows, negatives, falseNegatives }).toEqual({ rows: 8, negatives: 64, falseNegatives: count });
      found += count;
    }
    expect(found).toBeGreaterThan(0);
  });

  it('counts what is hidden of rows with the same query, and tells what the pool lacks', async () => {
    const rows = [
      { query: 'apples', pos: ['a passage 1', 'a passage 2'] },
      { query: ' apples ', pos: ['a passage 3', 'a passage 4'] },
      { query: 'pears', pos: ['a passage 5', 'absent'] },
    ];
    const workspace = writeInputs(rows);
    workspace.write(
      'pool.jsonl',
      Array.from({ length: 12 }, (_, i) => ({ text: `a passage ${i}` })),
    );
    const flags = ['--hide-positives', '--range', '0-10', '--neg', '9,10', '--backfill', 'none'];
    const { stdout, outcomes } = await tune(workspace, ...flags);
    // Of ten candidates of either row of apples, two are hidden positives of both.
    expect(outcomes[1]).toMatchObject({ rows: 3, hidden: 2, negatives: 30, falseNegatives: 4 });
    expect(stdout).toMatch(/^3 rows, 2 hidden positives in the pool, mean score /);
  });

  it('leaves out combinations that make no sense with a warning, but refuses values that make none', async () => {
    const { stderr, outcomes } = await tune(
      writeInputs(),
      '--range',
      '0-10,10-20',
      '--neg',
      '4',
      '--positive-weight',
      '0.5',
    );
    expect(outcomes).toHaveLength(1);
    expect(stderr).toMatch(/^warning: 1 combination left out: --positive-weight: needs ranks to skip/);
    const typo = await writeInputs().run(['tune', ...FILES, '--sample', 'top,foo']);
    const says = '--sample: expected one of random, top, weighted (found "foo")\n';
    expect(typo).toEqual({ stdout: '', stderr: says, code: 2, signal: null });
  });

  it('gives what mining gives where rankings are fused, whatever else is tried', async () => {
    const workspace = writeInputs();
    const fused = ['--retriever', 'hybrid', '--rrf-k', '1'];
    const { outcomes } = await tune(workspace, ...fused, '--range', '5-15,0-1500', '--neg', '4');
    const { stdout } = await workspace.run([
      ...FILES,
      ...TINY,
      '--quiet',
      '--scores',
      ...fused,
      '--range',
      '5-15',
      '--neg',
      '4',
    ]);
    expect(outcomes[0]).toMatchObject(countRows(parseRows(stdout)));
  });

  it('fails where its table cannot be written', async () => {
    const { stderr, code } = await writeInputs().shell(
      `${HN_MINE} tune ${FILES.join(' ')} ${TINY.map((word) => `'${word}'`).join(' ')} --range 0-10 --neg 4 --quiet > /dev/full`,
    );
    expect({ stderr, code }).toEqual({ stderr: 'standard output: cannot be written (the disk is full)\n', code: 1 });
  });

  it('goes on past a setting that the pool cannot fill', async () => {
    const workspace = writeInputs();
    const { stdout, outcomes } = await tune(workspace, '--range', '0-10,100-200', '--neg', '3', '--backfill', 'none');
    expect(outcomes.map(({ negatives, refused }) => [negatives, refused === undefined])).toEqual([
      [36, true],
      [0, false],
    ]);
    expect(stdout).toMatch(
      /\n--range 100-200 --neg 3 {2}– --range 100-200: the window begins past the candidates of every row/,
    );
  });

  it('prints a table', () => {
    const common = { rows: 1200, short: 0, backfilled: 3, abovePositive: 450, meanPositiveScore: 0.61234 };
    const some = {
      ...common,
      flags: '--range 0-50',
      negatives: 18_000,
      meanScore: 0.44444,
      hidden: 1,
      falseNegatives: 9,
    };
    const none = {
      ...common,
      flags: '',
      negatives: 0,
      meanScore: null,
      falseNegatives: 0,
      refused: '--neg 9: too many',
    };
    const table = createTable([some.flags, none.flags], true);
    expect([some, none].flatMap((one) => table.add(one))).toEqual([
      '1,200 rows, 1 hidden positive in the pool, mean score of their positives 0.612',
      '              negatives  short rows  backfilled  mean score  above positive  false',
      '--range 0-50     18,000           0      0.02 %       0.444          2.50 %  0.05 %',
      '(defaults)    – --neg 9: too many',
    ]);
  });

  it.each([
    { args: [], says: '--input: expected a file, or - for standard input (found nothing); see hn-mine --help' },
    { args: [...FILES, '--range', '5-1'], says: '--range: expected LO-HI with LO below HI (found LO 5 and HI 1)' },
    { args: [...FILES, '--output', 'x'], says: '--output: no such option; did you mean --input?' },
    {
      args: ['--input', 'a', '--hide-positives'],
      says: '--hide-positives: needs a --pool that holds them (found none)',
    },
    { args: ['--input', ''], says: '--input: expected a file (found an empty name)' },
  ])('is refused with one line: $says', async ({ args, says }) => {
    const { stderr, code } = await new Workspace().run(['tune', ...args]);
    expect({ stderr, code }).toEqual({ stderr: `${says}\n`, code: 2 });
  });

  it('needs rows with several positives to hide any', async () => {
    const workspace = writeInputs([{ query: 'a', pos: makeTexts(0, 1) }]);
    const { stderr, code } = await workspace.run(['tune', ...FILES, ...TINY, '--quiet', '--hide-positives']);
    expect({ stderr, code }).toEqual({ stderr: 'train.jsonl: none of its 1 rows has several positives\n', code: 1 });
  });
});
