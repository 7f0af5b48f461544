import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';

/** The command as it is installed. */
export const BIN = resolve('bin/hn-mine.js');

/** The same, in a line of shell. */
export const HN_MINE = `"${process.execPath}" "${BIN}"`;

const CACHE = '.cache';

export const FIXTURES = resolve('fixtures');

/** A model that embeds thousands of short texts a second. */
export const TINY_MODEL = join(FIXTURES, 'models/tiny-bert-cls');

/** The flags for it. One worker: for a few texts, starting more takes longer than they save. */
export const TINY = ['--model', TINY_MODEL, '--query-instruction', '', '--no-cache', '--workers', '1'];

/** What most tests write and read. */
export const FILES = ['--input', 'train.jsonl', '--pool', 'pool.jsonl'];

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  /** Written to standard input, which is then closed. */
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Flags of Node itself. */
  readonly node?: readonly string[];
}

/** A row of the output, as far as tests look into it. */
export interface MinedLine {
  readonly query: string;
  readonly pos: string[];
  readonly neg: string[];
  readonly pos_scores?: number[];
  readonly neg_scores?: number[];
  readonly neg_ranks?: (number | null)[];
}

/** A temporary folder that is the command's working directory, home and cache; it is removed after the test. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'hn-mine-cli-'));

  constructor() {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file; objects become lines of JSON. */
  write(name: string, content: string | Buffer | readonly object[]): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    writeFileSync(path, isText ? content : content.map((value) => `${JSON.stringify(value)}\n`).join(''));
    return path;
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** The files, but for the cache. */
  list(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name !== CACHE)
      .sort();
  }

  /** A copy of a model of the fixtures, with files replaced (or, given nothing, removed). */
  copyModel(name: string, replaced: Readonly<Record<string, string | Buffer | undefined>> = {}): string {
    cpSync(TINY_MODEL, this.path(name), { recursive: true });
    for (const [file, content] of Object.entries(replaced)) {
      if (content === undefined) rmSync(this.path(join(name, file)));
      else this.write(join(name, file), content);
    }
    return this.path(name);
  }

  start(args: readonly string[], { env = {}, node = [] }: RunOptions = {}): ChildProcess {
    return spawn(process.execPath, [...node, BIN, ...args], { cwd: this.folder, env: this.#environment(env) });
  }

  /** Runs the command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const child = this.start(args, options);
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin ?? '');
    return collect(child);
  }

  /** Runs a line of bash. */
  shell(line: string, env: Readonly<Record<string, string>> = {}): Promise<Result> {
    const options = { cwd: this.folder, env: this.#environment(env) };
    return collect(spawn('bash', ['-c', line], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  #environment(env: RunOptions['env']) {
    const own = { HOME: this.folder, XDG_CACHE_HOME: this.path(CACHE), HF_HUB_OFFLINE: '1' };
    return { PATH: process.env.PATH, ...own, ...env };
  }
}

/** Reads a process's standard output with pauses, during which it must wait. */
export async function readSlowly(child: ChildProcess, pauses: number): Promise<void> {
  let isEnded = false;
  child.on('exit', () => {
    isEnded = true;
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  for (let pause = 0; pause < pauses; pause++) {
    child.stdout?.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isEnded).toBe(false);
    child.stdout?.resume();
    await new Promise((resolve) => child.stdout?.once('data', resolve));
  }
}

/** Everything a process writes, and how it ends. */
export function collect(child: ChildProcess): Promise<Result> {
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const text = (name: 'stdout' | 'stderr') => Buffer.concat(chunks[name]).toString();
      resolve({ stdout: text('stdout'), stderr: text('stderr'), code, signal });
    });
  });
}

/** The rows of an output, whose every line must be whole. */
export function parseRows(text: string): MinedLine[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error(`the last line is cut off: ${text.slice(-80)}`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as MinedLine);
}

/** Resolves when `isDone` says so; fails after `limit` milliseconds. */
export async function until(isDone: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`not done after ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A process ID that no process has: the highest, which is given out last. */
export const DEAD_PROCESS = 2 ** 22 - 1;

export const SIGNAL_NUMBERS = constants.signals;

/** The first lines of a file of the fixtures. */
export function readFixture(name: string, count: number): string {
  return `${readFileSync(join(FIXTURES, name), 'utf8').split('\n', count).join('\n')}\n`;
}

const COLOURS = ['red', 'green', 'blue', 'white', 'black', 'yellow', 'pink', 'brown'];
const ANIMALS = ['cat', 'dog', 'bird', 'horse', 'fish', 'snake', 'mouse', 'cow'];

/** Short passages, all different. */
export function makePassages(count: number): { text: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const [colour, animal] = [COLOURS[i % 8], ANIMALS[Math.floor(i / 8) % 8]];
    return { text: `a ${colour} ${animal}${i < 64 ? '' : ` number ${i}`}` };
  });
}

/** The texts of some of them. */
export function makeTexts(start: number, end: number): string[] {
  return makePassages(end)
    .slice(start)
    .map(({ text }) => text);
}

/** Rows whose positives are the first passages. */
export function makeRows(count: number): { query: string; pos: string[] }[] {
  return makePassages(count).map(({ text }, i) => ({ query: `find ${i}: ${text.slice(2)}`, pos: [text] }));
}
