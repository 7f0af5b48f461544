import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BIN, HN_MINE, Workspace } from './run-cli.js';

const POOLINGS = 'cls, max, mean, mean_sqrt_len, weightedmean, lasttoken';

/** Files that do not exist: a mistake on the command line is told before any is opened. */
const FILES = ['--input', 'no-such-rows.jsonl', '--pool', 'no-such-pool.jsonl'];

describe('a command line that is wrong by itself ends with 2 and one line', () => {
  it.each([
    { args: ['--range', '210'], says: '--range: expected LO-HI, such as 10-210 (found "210")' },
    { args: ['--range', 'a-b'], says: '--range: expected LO-HI, such as 10-210 (found "a-b")' },
    { args: ['--range', '-1-3'], says: '--range: expected LO-HI, such as 10-210 (found "-1-3")' },
    { args: ['--range=-1-3'], says: '--range: expected LO-HI, such as 10-210 (found "-1-3")' },
    { args: ['--range', '1.5-3'], says: '--range: expected LO-HI, such as 10-210 (found "1.5-3")' },
    { args: ['--range', ''], says: '--range: expected LO-HI, such as 10-210 (found "")' },
    { args: ['--range', '210-10'], says: '--range: expected LO-HI with LO below HI (found LO 210 and HI 10)' },
    { args: ['--range', '10-10'], says: '--range: expected LO-HI with LO below HI (found LO 10 and HI 10)' },
    { args: ['--range', '3-3'], says: '--range: expected LO-HI with LO below HI (found LO 3 and HI 3)' },
    { args: ['--range', '5-3'], says: '--range: expected LO-HI with LO below HI (found LO 5 and HI 3)' },
    { args: ['--neg', '0'], says: '--neg: expected a whole number of at least 1 (found "0")' },
    { args: ['--neg', '-1'], says: '--neg: expected a whole number of at least 1 (found "-1")' },
    { args: ['--neg', '1.5'], says: '--neg: expected a whole number of at least 1 (found "1.5")' },
    { args: ['--neg', '1e3'], says: '--neg: expected a whole number of at least 1 (found "1e3")' },
    { args: ['--neg', 'many'], says: '--neg: expected a whole number of at least 1 (found "many")' },
    { args: ['--neg='], says: '--neg: expected a whole number of at least 1 (found "")' },
    {
      args: ['--neg', '201'],
      says: '--neg 201: the window 10-210 holds 200 ranks; widen --range or lower --neg',
    },
    {
      args: ['--neg', '4', '--range', '1-4'],
      says: '--neg 4: the window 1-4 holds 3 ranks; widen --range or lower --neg',
    },
    { args: ['--seed', 'x'], says: '--seed: expected a whole number (found "x")' },
    { args: ['--limit', '0'], says: '--limit: expected a whole number of at least 1 (found "0")' },
    { args: ['--workers', '0'], says: '--workers: expected a whole number of at least 1 (found "0")' },
    { args: ['--batch-tokens', '0'], says: '--batch-tokens: expected a whole number of at least 1 (found "0")' },
    { args: ['--batch-size', 'all'], says: '--batch-size: expected a whole number of at least 1 (found "all")' },
    {
      args: ['--query-max-length', '0'],
      says: '--query-max-length: expected a whole number of at least 1 (found "0")',
    },
    { args: ['--sample', 'best'], says: '--sample: expected one of random, top, weighted (found "best")' },
    { args: ['--sample-sharpness', '-1'], says: '--sample-sharpness: expected a number of at least 0 (found "-1")' },
    { args: ['--shard', 'x'], says: '--shard: expected I/N, such as 1/4 (found "x")' },
    { args: ['--shard', '4/3'], says: '--shard: expected I/N with I from 1 to N (found I 4 and N 3)' },
    { args: ['--margin', 'x'], says: '--margin: expected a number (found "x")' },
    { args: ['--relative-margin', ''], says: '--relative-margin: expected a number (found "")' },
    { args: ['--positive-score', 'sum'], says: '--positive-score: expected one of min, max, mean (found "sum")' },
    {
      args: ['--min-score', '2', '--max-score', '1'],
      says: '--min-score 2: is above --max-score 1, so no passage qualifies',
    },
    {
      args: ['--positive-weight', '1', '--rank-basis', 'raw'],
      says: '--positive-weight: ranks must count candidates (found --rank-basis raw)',
    },
    { args: ['--cache-dir', ''], says: '--cache-dir: expected a folder (found nothing)' },
    { args: ['--rank-basis', 'all'], says: '--rank-basis: expected one of candidates, raw (found "all")' },
    { args: ['--backfill', 'some'], says: '--backfill: expected one of random, next, none (found "some")' },
    { args: ['--on-short', 'skip'], says: '--on-short: expected one of keep, drop, fail (found "skip")' },
    { args: ['--index', 'annoy'], says: '--index: expected one of flat, faiss, milvus (found "annoy")' },
    { args: ['--log-format', 'xml'], says: '--log-format: expected one of pretty, json (found "xml")' },
    { args: ['--pooling', 'cls,best'], says: `--pooling: expected one or more of ${POOLINGS} (found "best")` },
    { args: ['--gpu', 'first'], says: '--gpu: expected device numbers, such as 0 or 0,1 (found "first")' },
    { args: ['--model', ''], says: '--model: expected a folder or a model ID (found nothing)' },
    {
      args: ['--query-instruction-format', '{}'],
      says: '--query-instruction-format: expected two {}, for instruction and query (found "{}")',
    },
    { args: ['--query-field', ''], says: '--query-field: expected the name of a field (found an empty one)' },
    { args: ['--query-field', 'a', '--pos-field', 'a'], says: '--pos-field: "a" is taken by --query-field' },
    { args: ['--neg-field', 'query'], says: '--neg-field: "query" is taken by --query-field' },
    { args: ['--text-field', 'a', '--title-field', 'a'], says: '--title-field: "a" is taken by --text-field' },
    { args: ['--neg-field', 'neg_scores'], says: '--neg-field: "neg_scores" is taken by the output' },
    { args: ['--rang', '3-4'], says: '--rang: no such option; did you mean --range?' },
    { args: ['--number-of-negatives', '3'], says: '--number-of-negatives: no such option; see hn-mine --help' },
    { args: ['-x'], says: '-x: no such option; see hn-mine --help' },
    { args: ['--neg'], says: '--neg: expected a value (found nothing)' },
    { args: ['--neg', '--quiet'], says: '--neg: expected a value (found --quiet)' },
    {
      args: ['more.jsonl'],
      says: 'more.jsonl: expected options only; name each file with its own --input or --pool',
    },
    { args: ['embed'], says: 'embed: expected before all options; see hn-mine embed --help' },
    {
      args: ['--range', '0-50', '--positive-weight', '0.5'],
      says: '--positive-weight: needs ranks to skip (found --range 0-50); such as --range 20-70',
    },
    { args: ['--pool', ''], says: '--pool: expected a file (found an empty name)' },
    { args: ['--output='], says: '--output: expected a file (found an empty name)' },
    {
      args: ['--output', 'mined.jsonl', '--rejected', 'mined.jsonl'],
      says: '--rejected mined.jsonl: is taken by --output; give another file',
    },
  ])('$says', async ({ args, says }) => {
    const workspace = new Workspace();
    expect(await workspace.run([...FILES, ...args])).toEqual({
      stdout: '',
      stderr: `${says}\n`,
      code: 2,
      signal: null,
    });
    expect(workspace.list()).toEqual([]);
  });

  it.each([
    { args: [], says: '--input: expected a file, or - for standard input (found nothing); see hn-mine --help' },
    { args: ['--input'], says: '--input: expected a value (found nothing)' },
    { args: ['--input', '--pool', 'a.jsonl'], says: '--input: expected a value (found --pool)' },
    { args: ['--input', ''], says: '--input: expected a file (found an empty name)' },
    {
      args: ['train.jsonl'],
      says: 'train.jsonl: expected options only; name each file with its own --input or --pool',
    },
  ])('without an input: $says', async ({ args, says }) => {
    expect(await new Workspace().run(args)).toEqual({ stdout: '', stderr: `${says}\n`, code: 2, signal: null });
  });

  it('as JSON where the log is JSON, though that flag was never reached', async () => {
    for (const flag of [['--log-format', 'json'], ['--log-format=json']]) {
      const { stderr, code } = await new Workspace().run([...FILES, '--neg', '0', ...flag]);
      expect(JSON.parse(stderr)).toMatchObject({ level: 'error', msg: expect.stringContaining('--neg: expected') });
      expect(code).toBe(2);
    }
  });

  it('with the stack trace where --verbose asks for it', async () => {
    const { stderr, code } = await new Workspace().run([...FILES, '--neg', '0', '--verbose']);
    expect(stderr).toMatch(/^--neg: expected a whole number of at least 1 \(found "0"\)\n {4}at /);
    expect(code).toBe(2);
  });
});

describe('help and version', () => {
  const readVersion = () => (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

  it.each(['--version', '-V'])('%s prints the version of the package and nothing else', async (flag) => {
    const expected = { stdout: `${readVersion()}\n`, stderr: '', code: 0, signal: null };
    expect(await new Workspace().run([flag])).toEqual(expected);
  });

  it.each(['--help', '-h'])('%s goes to standard output, in lines of at most 80 columns', async (flag) => {
    const { stdout, stderr, code } = await new Workspace().run([flag]);
    expect(stdout).toMatch(/^Usage: hn-mine --input FILE /);
    const [options] = stdout.split('\nExamples:');
    expect(Math.max(...(options as string).split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('help that nobody reads to the end is no error', async () => {
    const { stdout, stderr, code } = await new Workspace().shell(`set -o pipefail; ${HN_MINE} --help | true`);
    expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 0 });
  });

  it('every flag of the help stands in the README', async () => {
    const { stdout } = await new Workspace().run(['--help']);
    const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, flag]) => flag as string);
    expect(flags.length).toBeGreaterThan(30);
    const readme = readFileSync('README.md', 'utf8');
    expect(flags.filter((flag) => !new RegExp(`${flag}(?![a-z0-9-])`).test(readme))).toEqual([]);
  });

  it('the command can be started as a program', async () => {
    const { stdout, code } = await new Workspace().shell(`'${BIN}' --version`);
    expect({ stdout, code }).toEqual({ stdout: `${readVersion()}\n`, code: 0 });
  });
});
