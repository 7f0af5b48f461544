import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  FILES,
  FIXTURES,
  makePassages,
  makeRows,
  makeTexts,
  parseRows,
  TINY,
  TINY_MODEL,
  Workspace,
} from './run-cli.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace();
});

const refused = (says: string, code = 1) => ({ stdout: '', stderr: `${says}\n`, code, signal: null });

/** A model whose graph cannot be loaded: whatever is refused in its stead was refused before it. */
const corruptModel = () => workspace.copyModel('corrupt', { 'onnx/model.onnx': 'no graph' });

/** Runs on rows and passages, with a model that must not be reached. */
function refuse(rows: string | Buffer | object[], pool: string | Buffer | object[], flags: readonly string[] = []) {
  workspace.write('train.jsonl', rows);
  workspace.write('pool.jsonl', pool);
  return workspace.run([...FILES, '--model', corruptModel(), ...flags]);
}

describe('a row that cannot be used is refused with its place, before the model loads', () => {
  it.each([
    {
      row: '{"query": "a", "pos": "b"}',
      says: '"pos" must be a list of strings (found a string); write ["…"]',
    },
    { row: '{"query": "a", "pos": {"text": "b"}}', says: '"pos" must be a list of strings (found an object)' },
    { row: '{"query": "a", "pos": null}', says: '"pos" must be a list of strings (found null)' },
    { row: '{"query": "a", "pos": []}', says: '"pos" must hold at least one string (found an empty list)' },
    { row: '{"query": "a", "pos": ["b", 7]}', says: '"pos"[1] must be a string (found a number)' },
    { row: '{"query": "a", "pos": ["b", null]}', says: '"pos"[1] must be a string (found null)' },
    { row: '{"query": "a", "pos": ["b", ["c"]]}', says: '"pos"[1] must be a string (found a list)' },
    { row: '{"query": "a", "pos": ["b", " "]}', says: '"pos"[1] must not be empty' },
    { row: '{"query": "a"}', says: '"pos" is missing (found "query"); name the field with --pos-field' },
    {
      row: '{"text": "a", "pos": ["b"]}',
      says: '"query" is missing (found "text", "pos"); name the field with --query-field',
    },
    { row: '{}', says: '"query" is missing (found no fields); name the field with --query-field' },
    { row: '{"query": 3, "pos": ["b"]}', says: '"query" must be a string (found a number)' },
    { row: '{"query": null, "pos": ["b"]}', says: '"query" must be a string (found null)' },
    { row: '{"query": "\\t ", "pos": ["b"]}', says: '"query" must not be empty' },
    {
      row: '{"query": "a", "pos": ["b"], "neg": "c"}',
      says: '"neg" must be a list of strings (found a string); write ["…"]',
    },
    { row: '{"query": "a", "pos": ["b"], "neg": ["c", 1]}', says: '"neg"[1] must be a string (found a number)' },
    {
      row: '{"query": "a", "pos": ["b"], "query_id": {}}',
      says: '"query_id" must be an ID, a string or a number (found an object)',
    },
    { row: '["a", "b"]', says: 'expected a JSON object (found a list)' },
    { row: '"a"', says: 'expected a JSON object (found a string)' },
    { row: '17', says: 'expected a JSON object (found a number)' },
    { row: 'null', says: 'expected a JSON object (found null)' },
    { row: '{"query": "a" "pos": ["b"]}', says: `not valid JSON (unexpected '"pos"' at column 15)` },
    { row: '{"query": "a", "pos": ["b"]', says: 'not valid JSON (unexpected end at column 28)' },
    { row: "{'query': 'a'}", says: `not valid JSON (unexpected ''' at column 2)` },
    { row: '{"query": "a", "pos": ["b"],}', says: `not valid JSON (unexpected '}' at column 29)` },
    { row: '{"query": "a", "pos": [NaN]}', says: `not valid JSON (unexpected 'N' at column 24)` },
    { row: '{"query": "a', says: 'not valid JSON (unterminated string at column 11)' },
  ])('$row', async ({ row, says }) => {
    const good = '{"query": "x", "pos": ["y"]}';
    const result = await refuse(`${good}\n\n${row}\n${good}\n`, makePassages(30));
    expect(result).toEqual(refused(`train.jsonl:3: ${says}`));
  });

  it('a byte that is not UTF-8, by its place in the line', async () => {
    const rows = Buffer.concat([
      Buffer.from('{"query": "x", "pos": ["y"]}\n{"query": "'),
      Buffer.from([0xff]),
      Buffer.from('"}\n'),
    ]);
    expect(await refuse(rows, makePassages(30))).toEqual(
      refused('train.jsonl:2: not valid UTF-8 (byte 12 of the line)'),
    );
  });

  it('a row on standard input, by its line', async () => {
    const args = ['--input', '-', '--model', corruptModel()];
    const result = await workspace.run(args, { stdin: '{"query": "x", "pos": ["y"]}\n{"query": "a", "pos": "b"}' });
    expect(result).toEqual(refused('input:2: "pos" must be a list of strings (found a string); write ["…"]'));
  });
});

describe('a passage that cannot be used is refused with its place, before the model loads', () => {
  it.each([
    { passage: '{"title": "a"}', says: '"text" is missing (found "title"); name the field with --text-field' },
    { passage: '{"text": 4}', says: '"text" must be a string (found a number)' },
    { passage: '{"text": ["a"]}', says: '"text" must be a string (found a list)' },
    { passage: '{"text": null}', says: '"text" must be a string (found null)' },
    { passage: '{"text": "a", "title": 5}', says: '"title" must be a string (found a number)' },
    { passage: '{"text": "a", "_id": {}}', says: '"_id" must be an ID, a string or a number (found an object)' },
    { passage: '"a passage"', says: 'expected a JSON object (found a string)' },
    { passage: 'a passage', says: `not valid JSON (unexpected 'a' at column 1)` },
  ])('$passage', async ({ passage, says }) => {
    const result = await refuse(makeRows(3), `{"text": "x"}\n${passage}\n`);
    expect(result).toEqual(refused(`pool.jsonl:2: ${says}`));
  });
});

describe('a file that cannot be used is refused, before the model loads', () => {
  it.each(['', '\n \n\n', '\ufeff'])('rows in a file that holds only %j', async (content) => {
    const says = 'train.jsonl: no rows; expected one JSON object a line';
    expect(await refuse(content, makePassages(30))).toEqual(refused(says));
  });

  it('no rows on standard input', async () => {
    const says = 'input: no rows; expected one JSON object a line';
    expect(await workspace.run(['--input', '-', '--model', corruptModel()])).toEqual(refused(says));
  });

  it.each(['', '{"text": " "}\n{"text": ""}\n'])('passages in a file that holds only %j', async (content) => {
    const says = 'pool.jsonl: no passages; expected one JSON object a line with the field "text"';
    expect(await refuse(makeRows(3), content)).toEqual(refused(says));
  });

  it.each([
    { input: 'missing.jsonl', pool: 'pool.jsonl', says: 'missing.jsonl: no such file' },
    { input: 'train.jsonl', pool: 'missing.jsonl', says: 'missing.jsonl: no such file' },
    { input: '.', pool: 'pool.jsonl', says: '.: expected a file (found a folder)' },
    { input: 'train.jsonl', pool: '.', says: '.: expected a file (found a folder)' },
  ])('$says', async ({ input, pool, says }) => {
    workspace.write('train.jsonl', makeRows(3));
    workspace.write('pool.jsonl', makePassages(30));
    const args = ['--input', input, '--pool', pool, '--model', corruptModel()];
    expect(await workspace.run(args)).toEqual(refused(says));
  });

  it('a gzip file that was cut off', async () => {
    const whole = gzipSync(readFileSync(join(FIXTURES, 'train.jsonl')));
    const says = 'train.jsonl: damaged or truncated gzip (unexpected end of file)';
    expect(await refuse(whole.subarray(0, 5000), makePassages(30))).toEqual(refused(says));
  });
});

describe('a pool that is too small is told with both numbers', () => {
  it('refused before the model loads where no row can have so many', async () => {
    const says = '--neg 15: no row has so many candidates (at most 9, from a pool of 10); lower --neg or add passages';
    expect(await refuse(makeRows(3), makePassages(10))).toEqual(refused(says));
  });

  it('refused before the model loads where the window begins past the pool', async () => {
    const says =
      '--range 10-210: the window begins past the candidates of every row (at most 9, from a pool of 10); ' +
      'lower --range, add passages, or use --backfill random';
    const flags = ['--neg', '5', '--backfill'];
    expect(await refuse(makeRows(3), makePassages(10), [...flags, 'none'])).toEqual(refused(says));
    expect(await refuse(makeRows(3), makePassages(10), [...flags, 'next'])).toEqual(refused(says));
  });

  it('warned of, once and with counts, where backfill fills the rows', async () => {
    workspace.write('train.jsonl', makeRows(3));
    workspace.write('pool.jsonl', makePassages(20));
    const files = [...FILES, ...TINY];
    const { stdout, stderr, code } = await workspace.run([...files, '--quiet']);
    expect(stderr).toBe(
      'warning: --range 10-210: the window cannot give --neg 15 in 3 of 3 rows (candidates a row: 19); ' +
        'random backfill makes up for it\n',
    );
    expect(parseRows(stdout).map(({ neg }) => neg.length)).toEqual([15, 15, 15]);
    expect(code).toBe(0);
  });

  it('warned of where rows stay short', async () => {
    workspace.write('train.jsonl', [...makeRows(2), { query: 'all', pos: makeTexts(2, 20) }]);
    workspace.write('pool.jsonl', makePassages(20));
    const files = [...FILES, ...TINY, '--quiet', '--range', '0-20'];
    const random = await workspace.run(files);
    expect(random.stderr).toBe(
      'warning: --range 0-20: the window cannot give --neg 15 in 1 of 3 rows (candidates a row: 2 to 19); ' +
        'random backfill makes up for it where a row has so many\n',
    );
    expect(parseRows(random.stdout).map(({ neg }) => neg.length)).toEqual([15, 15, 2]);
    const none = await workspace.run([...files, '--backfill', 'none']);
    expect(none.stderr).toBe(
      'warning: --range 0-20: the window cannot give --neg 15 in 1 of 3 rows (candidates a row: 2 to 19); ' +
        '--backfill none leaves them short\n',
    );
    expect(none.stdout).toBe(random.stdout);
  });

  it('warned of where most positives are not in the pool', async () => {
    workspace.write('train.jsonl', [
      ...makeRows(1),
      { query: 'a', pos: ['elsewhere'] },
      { query: 'b', pos: ['nowhere'] },
    ]);
    workspace.write('pool.jsonl', makePassages(30));
    const files = [...FILES, ...TINY, '--quiet', '--range', '0-20'];
    const { stderr, code } = await workspace.run(files);
    expect(stderr).toBe('warning: 2 of 3 positives are not in the pool; is it the right one?\n');
    expect(code).toBe(0);
  });
});

describe('an output that cannot be written is refused before anything is read', () => {
  const run = (...flags: string[]) => workspace.run([...FILES, ...flags]);
  beforeEach(() => {
    // Nothing that a run could read.
    workspace.write('train.jsonl', 'no rows');
    workspace.write('pool.jsonl', 'no passages');
  });

  it.each(['--output', '--summary', '--rejected'])('%s in a folder that does not exist', async (flag) => {
    const folder = workspace.path('missing');
    const says = `${flag} missing/mined.jsonl: the folder ${folder} does not exist`;
    expect(await run(flag, 'missing/mined.jsonl')).toEqual(refused(says));
  });

  it('below a file', async () => {
    const says = `--output train.jsonl/mined.jsonl: the folder ${workspace.path('train.jsonl')} does not exist`;
    expect(await run('--output', 'train.jsonl/mined.jsonl')).toEqual(refused(says));
  });

  it('that is a folder', async () => {
    mkdirSync(workspace.path('mined'));
    expect(await run('--output', 'mined')).toEqual(refused('--output mined: expected a file (found a folder)'));
  });

  it.skipIf(!existsSync('/proc/self'))('in a folder where no file can be made', async () => {
    const { stdout, stderr, code } = await run('--output', '/proc/mined.jsonl');
    expect(stderr).toMatch(/^(--output )?\/proc\/mined\.jsonl: .*(cannot be written \(ENOENT.*\)|is not writable)\n$/);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  });

  it.each([
    { flag: '--output', file: 'train.jsonl' },
    { flag: '--output', file: './pool.jsonl' },
    { flag: '--summary', file: 'train.jsonl' },
    { flag: '--rejected', file: 'pool.jsonl' },
  ])('$flag that is an input, $file', async ({ flag, file }) => {
    const says = `${flag} ${file}: this file is also an input; give another one`;
    expect(await run(flag, file)).toEqual(refused(says));
    expect([workspace.read('train.jsonl'), workspace.read('pool.jsonl')]).toEqual(['no rows', 'no passages']);
  });

  it('that is an input by another name', async () => {
    symlinkSync('train.jsonl', workspace.path('link.jsonl'));
    const says = '--output link.jsonl: this file is also an input; give another one';
    expect(await run('--output', 'link.jsonl')).toEqual(refused(says));
  });
});

describe('a model that cannot be used is refused with what is wrong', () => {
  const run = (model: string, ...flags: string[]) => {
    workspace.write('train.jsonl', makeRows(3));
    workspace.write('pool.jsonl', makePassages(30));
    const files = [...FILES, '--range', '0-20'];
    return workspace.run([...files, '--model', model, '--query-instruction', '', '--workers', '1', ...flags]);
  };

  it('a folder that does not exist', async () => {
    const says = "--model ./missing: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub";
    expect(await run('./missing')).toEqual(refused(says));
  });

  it('no graph', async () => {
    workspace.copyModel('model', { 'onnx/model.onnx': undefined });
    const says =
      './model: no ONNX graph (looked for onnx/*.onnx and *.onnx); ' +
      'export one with "optimum-cli export onnx --model ./model --task feature-extraction DIR"';
    expect(await run('./model')).toEqual(refused(says));
  });

  it.each([
    { file: 'config.json', advice: "copy it from the model's repository" },
    {
      file: 'tokenizer.json',
      advice: 'save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)',
    },
  ])('no $file', async ({ file, advice }) => {
    workspace.copyModel('model', { [file]: undefined });
    expect(await run('./model')).toEqual(refused(`./model: ${file} is missing; ${advice}`));
  });

  it('no graph of the dtype that was asked for, with those that there are', async () => {
    const says = './model: --dtype fp16: no model_fp16.onnx (found onnx/model.onnx)';
    workspace.copyModel('model');
    expect(await run('./model', '--dtype', 'fp16')).toEqual(refused(says));
  });

  it('no graph of the dtype in the built-in model, by its name', async () => {
    workspace.write('train.jsonl', makeRows(3));
    const says = 'all-MiniLM-L6-v2: --dtype fp32: no model.onnx (found onnx/model_quantized.onnx)';
    expect(await workspace.run(['--input', 'train.jsonl', '--dtype', 'fp32'])).toEqual(refused(says));
  });

  it('several graphs and none of the default dtype', async () => {
    const graph = readFileSync(join(TINY_MODEL, 'onnx/model.onnx'));
    const graphs = { 'onnx/model.onnx': undefined, 'onnx/model_fp16.onnx': graph, 'onnx/model_int8.onnx': graph };
    workspace.copyModel('model', graphs);
    const says = './model: no model.onnx; choose with --dtype (found onnx/model_fp16.onnx, onnx/model_int8.onnx)';
    expect(await run('./model')).toEqual(refused(says));
  });

  it('a graph that is none', async () => {
    const { stderr, code } = await run(corruptModel());
    expect(stderr).toMatch(/^\S+\/corrupt\/onnx\/model\.onnx: not a graph that ONNX Runtime can load \(.*\)\n$/);
    expect(code).toBe(1);
  });

  it('settings that are no JSON', async () => {
    workspace.copyModel('model', { 'config.json': '{' });
    const { stderr, code } = await run('./model');
    expect(stderr).toMatch(/^\.\/model\/config\.json: not valid JSON \(.*\)\n$/);
    expect(code).toBe(1);
  });

  it.each([
    { content: '{"a": 1}', says: /^\.\/model\/tokenizer\.json: not a tokenizer that can be read \(.*\)\n$/ },
    { content: '{', says: /^\.\/model\/tokenizer\.json: not valid JSON \(.*\)\n$/ },
  ])('a tokenizer that is none: $content', async ({ content, says }) => {
    workspace.copyModel('model', { 'tokenizer.json': content });
    const { stderr, code } = await run('./model');
    expect(stderr).toMatch(says);
    expect(code).toBe(1);
  });

  it('a tokenizer with more tokens than the settings', async () => {
    const config = JSON.parse(readFileSync(join(TINY_MODEL, 'config.json'), 'utf8')) as object;
    workspace.copyModel('model', { 'config.json': JSON.stringify({ ...config, vocab_size: 2000 }) });
    const says = './model: tokenizer.json has 2500 tokens and config.json 2000; take both from the same model';
    expect(await run('./model')).toEqual(refused(says));
  });

  it('a tokenizer with more tokens than the graph', async () => {
    workspace.copyModel('model', { 'onnx/model.onnx': readFileSync(join(FIXTURES, 'graphs/lookup.onnx')) });
    const says =
      './model: tokenizer.json has 2500 tokens, and the graph fails on the last; take both from the same model';
    expect(await run('./model')).toEqual(refused(says));
  });

  it('a graph with inputs that a text encoder does not have', async () => {
    workspace.copyModel('model', { 'onnx/model.onnx': readFileSync('models/search.onnx') });
    const says =
      './model: the graph wants queries, which a text encoder does not have; export it with --task feature-extraction';
    expect(await run('./model')).toEqual(refused(says));
  });

  it.each(['query', 'passage'])('more tokens of a %s than the model has positions for', async (role) => {
    const says = `--${role}-max-length 129: the model has positions for 128 tokens`;
    expect(await run(TINY_MODEL, `--${role}-max-length`, '129')).toEqual(refused(says));
  });

  it('a model of the hub that was never downloaded, offline', async () => {
    const { stderr, code } = await run('some-one/some-model', '--offline');
    expect(stderr).toMatch(/^some-one\/some-model: not in the Hugging Face cache .*\n$/);
    expect(code).toBe(1);
  });
});

describe('a machine that lacks what was asked for', () => {
  beforeEach(() => {
    // Nothing that a run could read: what is missing is told first.
    workspace.write('train.jsonl', 'no rows');
  });

  it('--gpu without CUDA is one line, never a run on the CPU', async () => {
    const { stdout, stderr, code } = await workspace.run(['--input', 'train.jsonl', ...TINY, '--gpu']);
    expect(stderr).toMatch(/^--gpu: CUDA device 0 cannot be used \(.*\); it needs Linux on x64, CUDA 12 .*\n$/);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  });

  it('--index faiss without its package is one line', async () => {
    const { stdout, stderr, code } = await workspace.run(['--input', 'train.jsonl', ...TINY, '--index', 'faiss']);
    expect(stderr).toMatch(/^--index faiss: .*faiss-node.*\n$/);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  });
});

describe('untidy files give what clean ones give', () => {
  const flags = [...FILES, ...TINY, '--range', '0-20', '--quiet'];
  const toLines = (values: object[], end: string) => values.map((value) => JSON.stringify(value)).join(end);

  it.each([
    { name: 'blank lines', untidy: (values: object[]) => `\n\n${toLines(values, '\n \n\n')}\n\n` },
    { name: 'a byte order mark', untidy: (values: object[]) => `\ufeff${toLines(values, '\n')}\n` },
    { name: 'carriage returns', untidy: (values: object[]) => `${toLines(values, '\r\n')}\r\n` },
    { name: 'no line break at the end', untidy: (values: object[]) => toLines(values, '\n') },
    { name: 'gzip', untidy: (values: object[]) => gzipSync(`${toLines(values, '\n')}\n`) },
    {
      name: 'gzip in two pieces',
      untidy: (values: object[]) =>
        Buffer.concat([gzipSync(`${toLines(values.slice(0, 2), '\n')}\n`), gzipSync(toLines(values.slice(2), '\n'))]),
    },
  ])('$name', async ({ untidy }) => {
    workspace.write('train.jsonl', makeRows(4));
    workspace.write('pool.jsonl', makePassages(30));
    const clean = await workspace.run(flags);
    workspace.write('train.jsonl', untidy(makeRows(4)));
    workspace.write('pool.jsonl', untidy(makePassages(30)));
    expect(await workspace.run(flags)).toEqual(clean);
    expect(parseRows(clean.stdout)).toHaveLength(4);
  });
});
