import type { Command } from 'commander';
import { SCORE_OPTIONS } from '../config/score-options.js';
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

/** `hn-mine score` as typed. */
export interface ScoreFlags extends Typed {
  readonly input: string;
}

/** What it takes of the options. */
const TAKEN: readonly string[] = [
  ...['config', 'input', 'output', 'quiet', 'verbose', 'logFormat', 'progress'],
  ...SCORE_OPTIONS,
];

const DESCRIPTIONS = {
  input: 'rows {"query", "pos", "neg"} as JSONL, one an object; - for standard input; gzip is seen',
  reranker: "score with a cross-encoder, an ONNX model with one label or a server (repeatable), in the encoder's place",
};

const EXAMPLES = `
Examples:
  hn-mine score --input mined.jsonl --reranker BAAI/bge-reranker-base --output scored.jsonl
  hn-mine score --input mined.jsonl --reranker ./reranker --activation sigmoid > scored.jsonl`;

export function createScoreCommand(): Command {
  const command = createCommand('hn-mine score', {
    description: 'Add the scores of a reranker, or of an encoder, to the positives and negatives of mined rows.',
    usage: '--input MINED.jsonl [--output FILE] [--reranker MODEL | --model MODEL] [options]',
  });
  addOptions(command, (name) => TAKEN.includes(name), DESCRIPTIONS);
  command
    .optionsGroup('Reranking:')
    .option('--activation <name>', "what a reranker's logits go through: none, model (its own) or sigmoid (none)")
    .addHelpText('after', EXAMPLES);
  return command;
}

/**
 * @param argv the words after `score`
 * @throws HnMineError `usage`
 */
export function parseScoreFlags(argv: readonly string[]): ScoreFlags | Printed {
  const parsed = parseCommandLine(createScoreCommand(), argv);
  if ('text' in parsed) return parsed;
  const input = requireInput(parsed.input, 'hn-mine score');
  refuseLogFormat(parsed.logFormat);
  return { ...parsed, input, output: resolveOutput(parsed.output) };
}
