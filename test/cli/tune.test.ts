import { describe, expect, it } from 'vitest';
import { describeOutcomes } from '#dist/cli/tune-files.js';
import type { TuneOutcome } from '#dist/run/tune.js';
import { type MinedLine, makePassages, makeTexts, parseRows, TINY, Workspace } from './run-cli.js';

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
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return { stdout, outcomes: (JSON.parse(workspace.read('t.json')) as { settings: TuneOutcome[] }).settings };
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
    const some = { ...common, flags: '--range 0-50', negatives: 18_000, meanScore: 0.44444, falseNegatives: 9 };
    const none = {
      ...common,
      flags: '',
      negatives: 0,
      meanScore: null,
      falseNegatives: 0,
      refused: '--neg 9: too many',
    };
    expect(describeOutcomes([some, none])).toEqual([
      '1,200 rows, mean score of their positives 0.612',
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
