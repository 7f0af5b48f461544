import { Command, Option } from 'commander';
import { SCORE_OPTIONS } from '../config/score-options.js';
import { HnMineError } from '../errors.js';
import { type Flags, type Printed, parseWith, refuseLogFormat, resolveOutput, takeOptions } from './flags.js';

/** `hn-mine score` as typed. */
export type ScoreFlags = Omit<Flags, 'pool' | 'summary' | 'rejected' | 'dryRun'>;

/** What it takes of the flags of the main command, beside the options of scoring. */
const OWN_FLAGS = ['input', 'output', 'quiet', 'verbose', 'logFormat', 'progress'];

const DESCRIPTIONS = {
  input: 'rows {"query", "pos", "neg"} as JSONL, one an object; - for standard input; gzip is seen',
  reranker: "score with a cross-encoder, an ONNX model with one label, in the encoder's place",
};

const EXAMPLES = `
Examples:
  hn-mine score --input mined.jsonl --reranker BAAI/bge-reranker-base --output scored.jsonl
  hn-mine score --input mined.jsonl --reranker ./reranker --activation sigmoid > scored.jsonl`;

/**
 * The flags of `hn-mine score`.
 *
 * @param argv the words after `score`
 * @throws HnMineError `usage`
 */
export function parseScoreFlags(argv: readonly string[], version: string): (ScoreFlags & { text?: never }) | Printed {
  const command = new Command('hn-mine score')
    .description('Add the scores of a reranker, or of an encoder, to the positives and negatives of mined rows.')
    .usage('--input MINED.jsonl [--output FILE] [--reranker MODEL | --model MODEL] [options]')
    .helpOption('-h, --help', 'print this help')
    .allowExcessArguments(false);
  const wanted = [...OWN_FLAGS, ...SCORE_OPTIONS] as readonly string[];
  takeOptions(command, version, wanted, DESCRIPTIONS);
  command.addOption(
    new Option(
      '--activation <name>',
      "what a reranker's logits go through: none, model (its own) or sigmoid (none)",
    ).helpGroup('Reranking:'),
  );
  command.addHelpText('after', EXAMPLES);
  const parsed = parseWith(command, argv);
  if ('text' in parsed) return parsed;
  const { input, output, logFormat } = parsed;
  if (input === undefined) {
    const expected = 'expected a file, or - for standard input';
    throw new HnMineError('usage', `--input: ${expected} (found nothing); see hn-mine score --help`);
  }
  refuseLogFormat(logFormat);
  return { ...parsed, input, output: resolveOutput(output) };
}
