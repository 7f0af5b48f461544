import { describe, expect, it } from 'vitest';
import type { Summary } from '#dist/index.js';
import { makePassages, makeRows, TINY_MODEL, Workspace } from './run-cli.js';

const CONFIG = {
  input: 'train.jsonl',
  pool: ['pool-1.jsonl', 'pool-2.jsonl'],
  range: '0-20',
  neg: 4,
  relativeMargin: null,
  'min-score': -0.9,
  model: TINY_MODEL,
  queryInstruction: '--',
  cache: false,
  normalize: true,
  scores: true,
  ranks: false,
  workers: 1,
  quiet: true,
};

function writeInputs(config: unknown = CONFIG): Workspace {
  const workspace = new Workspace();
  workspace.write('train.jsonl', makeRows(4));
  workspace.write('pool-1.jsonl', makePassages(20));
  workspace.write('pool-2.jsonl', makePassages(40).slice(20));
  workspace.write('mine.json', typeof config === 'string' ? config : JSON.stringify(config));
  return workspace;
}

describe('--config', () => {
  it('gives flags of every kind, as on the command line', async () => {
    const workspace = writeInputs();
    const { stdout, stderr, code } = await workspace.run(['--config', 'mine.json', '--summary', 's.json']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const pools = ['--pool', 'pool-1.jsonl', '--pool', 'pool-2.jsonl'];
    const mining = ['--range', '0-20', '--neg', '4', '--min-score=-0.9', '--scores'];
    const model = ['--model', TINY_MODEL, '--query-instruction=--', '--no-cache', '--workers', '1', '--quiet'];
    const typed = await workspace.run(['--input', 'train.jsonl', ...pools, ...mining, ...model, '--summary', 't.json']);
    expect(stdout).toBe(typed.stdout);
    const [configured, plain] = ['s.json', 't.json'].map((file) => JSON.parse(workspace.read(file)) as Summary);
    expect(configured?.flags).toEqual(plain?.flags);
  });

  it('gives way to the command line, wherever it stands, and lists grow', async () => {
    const workspace = writeInputs({ ...CONFIG, pool: 'pool-1.jsonl' });
    const args = ['--neg', '2', '--pool', 'pool-2.jsonl', '--summary', 's.json', '--config=mine.json'];
    const { code } = await workspace.run(args);
    const summary = JSON.parse(workspace.read('s.json')) as Summary;
    expect(summary).toMatchObject({ negatives: { window: 8 }, passages: { distinct: 40 }, flags: { neg: 2 } });
    expect(code).toBe(0);
  });

  it('serves other commands as well', async () => {
    const workspace = writeInputs({ pool: 'pool-1.jsonl', model: TINY_MODEL, cache: false, quiet: true });
    expect((await workspace.run(['embed', '--config', 'mine.json', '--output', 'p.npy'])).code).toBe(0);
    expect(workspace.has('p.npy')).toBe(true);
  });

  it.each([
    { config: '{"range": "5-1"}', says: '--range: expected LO-HI with LO below HI (found LO 5 and HI 1)', code: 2 },
    { config: '{"rang": 1}', says: '--rang: no such option; did you mean --range?', code: 2 },
    {
      config: '["--neg"]',
      says: 'mine.json: expected an object of flags, such as {"range": "10-60"} (found a list)',
      code: 1,
    },
    {
      config: '{"neg": {}}',
      says: 'mine.json: "neg": expected text, a number, true, false or a list of them (found an object)',
      code: 1,
    },
    { config: '{"neg": 1', says: expect.stringMatching(/^--config mine\.json: not valid JSON \(.+\)\n$/), code: 1 },
  ])('is refused with one line: $config', async ({ config, says, code }) => {
    const result = await writeInputs(config).run(['--input', 'train.jsonl', '--config', 'mine.json']);
    const stderr = typeof says === 'string' ? `${says}\n` : says;
    expect(result).toEqual({ stdout: '', stderr, code, signal: null });
  });

  it.each([
    { args: ['--config', 'absent.json'], says: '--config absent.json: no such file', code: 1 },
    { args: ['--config'], says: '--config: expected a value (found nothing)', code: 2 },
    { args: ['--config', '--quiet'], says: '--config: expected a value (found --quiet)', code: 2 },
  ])('$says', async ({ args, says, code }) => {
    const result = await writeInputs().run(args);
    expect(result).toEqual({ stdout: '', stderr: `${says}\n`, code, signal: null });
  });
});
