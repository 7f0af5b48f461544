import type { Command } from 'commander';
import { ENCODER_OPTIONS } from '../config/score-options.js';
import { HnMineError } from '../errors.js';
import {
  addOptions,
  createCommand,
  type Printed,
  parseCommandLine,
  refuseLogFormat,
  type Typed,
} from './command-line.js';

/** `hn-mine embed` as typed: either an input or pools. */
export interface EmbedFlags extends Typed {
  readonly output: string;
}

/** What it takes of the options. */
const TAKEN: readonly string[] = [
  ...['config', 'input', 'pool', 'output', 'limit', 'shard'],
  ...['queryField', 'posField', 'negField', 'queryIdField', 'textField', 'titleField', 'passageIdField'],
  ...ENCODER_OPTIONS,
  ...['batchTokens', 'batchSize', 'offline'],
  ...['workers', 'memory', 'gpu', 'cacheDir', 'cache', 'quiet', 'verbose', 'logFormat', 'progress'],
];

const DESCRIPTIONS = {
  input: 'embed the queries of these rows, JSONL; - for standard input; gzip is seen',
  pool: 'embed these passages, JSONL, repeatable; gzip is seen',
  output: 'the NumPy file, float32, a row for each record',
  limit: 'embed the first N records only',
  shard: 'embed the Ith of N equal parts of the records; their files joined are the whole',
};

export function createEmbedCommand(): Command {
  const command = createCommand('hn-mine embed', {
    description: 'Write the vectors of a pool (or of queries) as a NumPy file, row for record.',
    usage: '--pool FILE --output FILE.npy [--shard I/N] [options]',
  });
  addOptions(command, (name) => TAKEN.includes(name), DESCRIPTIONS);
  return command;
}

/**
 * @param argv the words after `embed`
 * @throws HnMineError `usage`
 */
export function parseEmbedFlags(argv: readonly string[]): EmbedFlags | Printed {
  const parsed = parseCommandLine(createEmbedCommand(), argv);
  if ('text' in parsed) return parsed;
  const { input, pool, output, logFormat } = parsed;
  if ((input === undefined) === (pool === undefined)) {
    const found = input === undefined ? 'neither' : 'both';
    throw new HnMineError('usage', `embed: expected --pool for passages or --input for queries (found ${found})`);
  }
  if (output === undefined)
    throw new HnMineError('usage', '--output: expected a file such as pool.npy (found nothing)');
  refuseLogFormat(logFormat);
  return { ...parsed, output };
}
