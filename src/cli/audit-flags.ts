import type { Command } from 'commander';
import { SCORE_OPTIONS } from '../config/score-options.js';
import { HnMineError } from '../errors.js';
import {
  addOptions,
  createCommand,
  type Printed,
  parseCommandLine,
  refuseEmptyNames,
  refuseLogFormat,
  refuseSameOutputs,
  requireInput,
  type Typed,
} from './command-line.js';

/** `hn-mine audit` as typed. */
export interface AuditFlags extends Typed {
  readonly input: string;
  /** Where defects are listed. */
  readonly findings?: string;
}

/** What it takes of the options. */
const TAKEN: readonly string[] = [
  ...[
    'config',
    'input',
    'pool',
    'queryIdField',
    'textField',
    'titleField',
    'passageIdField',
    'positiveScore',
    'scores',
  ],
  ...['summary', 'quiet', 'verbose', 'logFormat', 'progress'],
  ...SCORE_OPTIONS,
];

const DESCRIPTIONS = {
  input: 'rows {"query", "pos", "neg"} of any tool, as JSONL or Parquet; - for standard input',
  pool: 'passages that the negatives should be among, repeatable; finds positives by ID and without their title as well',
  scores: 'score all texts, by the encoder or the reranker, and tell how many negatives score above their positive',
  reranker: "score with a cross-encoder, an ONNX model with one label or a server (repeatable), in the encoder's place",
  summary: 'write the figures as JSON',
};

const AFTER = `
The exit code is 1 where a negative is a positive of its row or of a row with the same query, the query itself, blank, or there
twice, or where a row has no negative, or scores that are not one number for each text.

Examples:
  hn-mine audit mined.jsonl
  hn-mine audit mined.jsonl --pool corpus.jsonl --scores --findings defects.jsonl`;

export function createAuditCommand(): Command {
  const command = createCommand('hn-mine audit', {
    description: 'Check a mined file, of this or any other tool, for what harms training.',
    usage: 'MINED.jsonl [--pool FILE] [--scores] [options]',
  });
  addOptions(command, (name) => TAKEN.includes(name), DESCRIPTIONS);
  command
    .optionsGroup('Output:')
    .option('--findings <file>', 'list the defects as JSONL: {"line", "query", "defect", "text"}')
    .addHelpText('after', AFTER);
  return command;
}

/**
 * @param argv the words after `audit`
 * @throws HnMineError `usage`
 */
export function parseAuditFlags(argv: readonly string[]): AuditFlags | Printed {
  // The file may stand alone, as the first word.
  const isNamed = argv[0] !== undefined && !argv[0].startsWith('-');
  const parsed = parseCommandLine(createAuditCommand(), isNamed ? ['--input', ...argv] : argv);
  if ('text' in parsed) return parsed;
  const input = requireInput(parsed.input, 'hn-mine audit');
  const { findings, ...typed } = parsed.settings as { findings?: string; [option: string]: unknown };
  const { reranker, model, embedder } = typed;
  const idle = Object.entries({ model, embedder }).find(([, value]) => value !== undefined);
  if (reranker !== undefined && idle)
    throw new HnMineError('usage', `--${idle[0]}: is of the encoder, which a --reranker takes the place of`);
  // Whoever names a model wants its scores.
  const scores = typed.scores === true || reranker !== undefined || idle !== undefined;
  const settings = { ...typed, ...(scores && { scores }) };
  refuseLogFormat(parsed.logFormat);
  const { pool, summary } = parsed;
  refuseEmptyNames({ input, pool, findings, summary });
  refuseSameOutputs({ summary, findings });
  return { ...parsed, input, settings, ...(findings === undefined ? {} : { findings }) };
}
