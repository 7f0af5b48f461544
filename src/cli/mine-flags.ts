import type { Command } from 'commander';
import { checkInputs } from '../inputs.js';
import {
  addOptions,
  createCommand,
  type Printed,
  parseCommandLine,
  refuseEmptyNames,
  refuseLogFormat,
  refuseSameOutputs,
  resolveOutput,
  type Typed,
} from './command-line.js';

/** The main command as typed: its rows are named in one way. */
export type MineFlags = Typed;

const EXAMPLES = `
Examples:
  hn-mine --input train.jsonl --pool corpus.jsonl --range 10-210 --neg 15 > mined.jsonl
  hn-mine --input train.jsonl --pool corpus.jsonl --model BAAI/bge-base-en-v1.5 --output mined.jsonl
  hn-mine --beir datasets/fiqa --format triplet --output triplets.jsonl
  hn-mine tune --input train.jsonl --pool corpus.jsonl --limit 2000
  hn-mine audit --input mined.jsonl --pool corpus.jsonl
  hn-mine embed --pool corpus.jsonl --output corpus.npy
  hn-mine score --input mined.jsonl --reranker BAAI/bge-reranker-base --output scored.jsonl
  zcat train.jsonl.gz | hn-mine --input - --pool corpus.jsonl --scores --ranks --output mined.jsonl.gz`;

export function createMineCommand(version: string): Command {
  const command = createCommand('hn-mine', {
    description: 'Mine hard negatives for training embedding models and rerankers.',
    usage: '--input FILE [--pool FILE] [--range LO-HI] [--neg N] [options]',
  });
  command.version(version, '-V, --version', 'print the version').addHelpText('after', EXAMPLES);
  addOptions(command);
  return command;
}

/** @throws HnMineError `usage` where a flag is unknown, lacks its value or names no file */
export function parseMineFlags(argv: readonly string[], version: string): MineFlags | Printed {
  const parsed = parseCommandLine(createMineCommand(version), argv);
  return 'text' in parsed ? parsed : checkFiles(parsed);
}

function checkFiles(typed: Typed): MineFlags {
  const { input, pool, queries, qrels, beir, split, output, summary, rejected } = typed;
  checkInputs({ ...typed, minRelevance: typed.settings.minRelevance });
  refuseLogFormat(typed.logFormat);
  refuseEmptyNames({ input, pool, queries, qrels, beir, split, output, summary, rejected });
  refuseSameOutputs({ output, summary, rejected });
  return { ...typed, output: resolveOutput(output) };
}
