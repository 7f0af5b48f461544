import { HnMineError } from '../errors.js';
import {
  addOptions,
  createCommand,
  type Printed,
  parseCommandLine,
  refuseLogFormat,
  requireInput,
  resolveOutput,
  type Typed,
} from './command-line.js';

/** The main command as typed. */
export interface MineFlags extends Typed {
  readonly input: string;
}

const EXAMPLES = `
Examples:
  hn-mine --input train.jsonl --pool corpus.jsonl --range 10-210 --neg 15 > mined.jsonl
  hn-mine --input train.jsonl --pool corpus.jsonl --model BAAI/bge-base-en-v1.5 --output mined.jsonl
  hn-mine embed --pool corpus.jsonl --output corpus.npy
  hn-mine score --input mined.jsonl --reranker BAAI/bge-reranker-base --output scored.jsonl
  zcat train.jsonl.gz | hn-mine --input - --pool corpus.jsonl --scores --ranks --output mined.jsonl.gz`;

/** @throws HnMineError `usage` where a flag is unknown, lacks its value or names no file */
export function parseMineFlags(argv: readonly string[], version: string): MineFlags | Printed {
  const command = createCommand('hn-mine', {
    description: 'Mine hard negatives for training embedding models and rerankers.',
    usage: '--input FILE [--pool FILE] [--range LO-HI] [--neg N] [options]',
  });
  command.version(version, '-V, --version', 'print the version').addHelpText('after', EXAMPLES);
  addOptions(command);
  const parsed = parseCommandLine(command, argv);
  return 'text' in parsed ? parsed : checkFiles(parsed);
}

function checkFiles(typed: Typed): MineFlags {
  const { pool = [], output, summary, rejected } = typed;
  const input = requireInput(typed.input, 'hn-mine');
  refuseLogFormat(typed.logFormat);
  const files = { input, pool: pool.find((path) => path === ''), output, summary, rejected };
  for (const [flag, path] of Object.entries(files)) {
    if (path === '') throw new HnMineError('usage', `--${flag}: expected a file (found an empty name)`);
  }
  const outputs = Object.entries({ output, summary, rejected });
  for (const [i, [flag, path]] of outputs.entries()) {
    const other = outputs.slice(0, i).find(([, earlier]) => path !== undefined && earlier === path);
    if (other) throw new HnMineError('usage', `--${flag} ${path}: is taken by --${other[0]}; give another file`);
  }
  return { ...typed, input, output: resolveOutput(output) };
}
