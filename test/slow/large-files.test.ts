import { constants } from 'node:buffer';
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { makePassages, makeRows, parseRows, type Result, TINY_MODEL, Workspace } from '../cli/run-cli.js';
import { runWithin } from './run-within.js';

const LONG = 100_000_000;
const DEPTH = 100_000;

const FLAGS = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', '--model', TINY_MODEL, '--range', '0-5', '--neg', '2'];

/** Writes down the most memory that the process ever held, in MB. */
const WATCH = `data:text/javascript,import{writeFileSync}from'node:fs';process.on('exit',()=>writeFileSync('peak',String(process.resourceUsage().maxRSS>>10)))`;

/** What is written so many times over. */
interface Repeated {
  readonly bytes: Buffer;
  readonly times: number;
}

const repeat = (text: string, times: number): Repeated => ({ bytes: Buffer.from(text), times });

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  workspace.write('train.jsonl', makeRows(3));
  workspace.write('pool.jsonl', makePassages(20));
});

/** Holds little of the file at a time: where the system counts a process's memory as its child's too, that must not show. */
function writePieces(name: string, ...pieces: (string | Buffer | Repeated)[]): void {
  const file = openSync(workspace.path(name), 'w');
  for (const piece of pieces) {
    const isOnce = typeof piece === 'string' || Buffer.isBuffer(piece);
    const { bytes, times } = isOnce ? { bytes: Buffer.from(piece as string), times: 1 } : piece;
    const most = Math.min(times, Math.ceil((1 << 20) / bytes.length));
    const block = Buffer.concat(new Array<Buffer>(most).fill(bytes));
    for (let left = times; left > 0; left -= most) writeSync(file, block, 0, Math.min(left, most) * bytes.length);
  }
  closeSync(file);
}

async function mine(...flags: string[]): Promise<Result & { peak: number }> {
  const args = [...FLAGS, '--no-cache', '--quiet', ...flags];
  const result = await runWithin(workspace, args, { node: ['--import', WATCH] });
  return { ...result, peak: Number(workspace.read('peak')) };
}

/** The run ends with one line, in memory that a few copies of a line of `LONG` fit in. */
async function expectRefusal(says: string | RegExp): Promise<void> {
  const { stdout, stderr, code, peak } = await mine();
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  if (typeof says === 'string') expect(stderr).toBe(`${says}\n`);
  else expect(stderr).toMatch(says);
  expect(peak).toBeLessThan(1000);
}

describe('a line of a hundred megabytes', () => {
  it('is carried through to the output as it was', async () => {
    writePieces(
      'train.jsonl',
      '{"query": "a cat", "notes": "',
      repeat('z', LONG),
      '", "pos": ["a red cat"], "n": 1.0}\n',
    );
    const { stderr, code, peak } = await mine('--output', 'mined.jsonl');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const row = workspace.read('mined.jsonl').replace(/z+/, (run) => String(run.length));
    expect(row).toMatch(
      /^\{"query": "a cat", "notes": "100000000", "pos": \["a red cat"\], "n": 1\.0, "neg": \["[^"]+", "[^"]+"\]\}\n$/,
    );
    expect(peak).toBeLessThan(1000);
  });

  it('is read where it is a passage with much beside its text', async () => {
    const { peak: _, ...plain } = await mine();
    writePieces('first.jsonl', '{"notes": ["', repeat('much ', LONG / 5), '"], "text": "a red cat"}\n');
    const pools = ['--pool', 'first.jsonl', '--pool', 'pool.jsonl'];
    const { peak, ...result } = await mine(...pools);
    expect(parseRows(result.stdout)).toHaveLength(3);
    expect(result).toEqual(plain);
    expect(peak).toBeLessThan(1000);
  });

  it.each(['train.jsonl', 'pool.jsonl'])('that is not JSON is one line of error, in %s', async (file) => {
    writePieces(file, '\n{"text": "', repeat('z', LONG), '" "query"}\n');
    await expectRefusal(new RegExp(`^${file}:2: not valid JSON \\(.*1000000\\d\\d.*\\)\n$`));
  });

  it('that ends too soon is one line of error', async () => {
    const head = '{"text": "a", "notes": [1';
    writePieces('pool.jsonl', head, repeat(',       2', LONG / 10));
    await expectRefusal(`pool.jsonl:1: not valid JSON (unexpected end at column ${head.length + 0.9 * LONG + 1})`);
  });

  it('that is not UTF-8 is one line of error', async () => {
    writePieces('pool.jsonl', '{"text": "', repeat('ü', LONG / 2), Buffer.of(0xc3), '"}\n');
    await expectRefusal(`pool.jsonl:1: not valid UTF-8 (byte ${10 + LONG + 2} of the line)`);
  });

  it('of zeros, as a crash may leave one, is one line of error', async () => {
    writePieces('train.jsonl', repeat('\0', LONG));
    await expectRefusal("train.jsonl:1: not valid JSON (unexpected '\\u0000' at column 1)");
  });
});

describe('other large files', () => {
  it('a passage of ten megabytes is mined and its end cut off', async () => {
    writePieces(
      'pool.jsonl',
      '{"text": "',
      repeat('a long cat ', 1_000_000),
      '"}\n{"text": "a"}\n{"text": "a red cat"}\n',
    );
    workspace.write('train.jsonl', [{ query: 'find', pos: ['a red cat'] }]);
    const { stdout, stderr, code } = await mine('--summary', 'summary.json');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const lengths = parseRows(stdout)[0]?.neg.map((text) => text.length);
    expect(lengths?.sort((a, b) => a - b)).toEqual([1, 11_000_000]);
    expect(JSON.parse(workspace.read('summary.json'))).toMatchObject({ truncated: { queries: 0, passages: 1 } });
  });

  it('a line longer than any string, packed in a small file, is refused before it fills the memory', async () => {
    const member = gzipSync(Buffer.alloc(10_000_000, 'z'));
    writePieces('pool.jsonl', gzipSync('{"text": "a"}\n{"text": "'), { bytes: member, times: 200 });
    const { peak, ...result } = await mine();
    const says = `pool.jsonl:2: expected a line of at most ${constants.MAX_STRING_LENGTH} bytes`;
    expect(result).toEqual({ stdout: '', stderr: `${says}\n`, code: 1, signal: null });
    expect(peak).toBeLessThan(1000);
  });

  it('a million blank lines are passed over and counted', async () => {
    const { peak: _, ...plain } = await mine();
    for (const name of ['train.jsonl', 'pool.jsonl']) {
      const content = workspace.read(name);
      writePieces(name, repeat('\n', 500_000), repeat(' \r\n', 500_000), content);
    }
    const { peak, ...result } = await mine();
    expect(parseRows(result.stdout)).toHaveLength(3);
    expect(result).toEqual(plain);
    expect(peak).toBeLessThan(600);
    writePieces('pool.jsonl', repeat('\n', 1_000_000), '{"text": 1}');
    await expectRefusal('pool.jsonl:1000001: "text" must be a string (found a number)');
    writePieces('train.jsonl', repeat('\n', 1_000_000));
    await expectRefusal('train.jsonl: no rows; expected one JSON object a line');
  });

  it('a passage and a row nested a hundred thousand deep are read and carried through', async () => {
    const { stdout } = await mine();
    const nest = `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`;
    const withNest = (name: string) => workspace.read(name).replaceAll('}\n', `, "nest": ${nest}}\n`);
    for (const name of ['train.jsonl', 'pool.jsonl']) workspace.write(name, withNest(name));
    const { peak: _, ...nested } = await mine();
    const expected = stdout.replaceAll(', "neg": ', `, "nest": ${nest}, "neg": `);
    expect(nested).toEqual({ stdout: expected, stderr: '', code: 0, signal: null });
  });

  it.each([
    { what: 'lists', line: '['.repeat(DEPTH), column: DEPTH + 1 },
    { what: 'objects', line: '{"a":'.repeat(DEPTH), column: 5 * DEPTH + 1 },
  ])('a passage that opens a hundred thousand $what is one line of error', async ({ line, column }) => {
    workspace.write('pool.jsonl', `{"text": "a"}\n${line}\n`);
    await expectRefusal(`pool.jsonl:2: not valid JSON (unexpected end at column ${column})`);
  });
});
