import type { Command } from 'commander';
import { HnMineError } from '../errors.js';
import { checkInputs } from '../inputs.js';
import {
  addOptions,
  createCommand,
  type Printed,
  parseCommandLine,
  refuseEmptyNames,
  refuseLogFormat,
  type Typed,
} from './command-line.js';

/** `hn-mine tune` as typed. */
export interface TuneFlags extends Typed {
  readonly hidePositives?: boolean;
}

/** What it does not take of the options of mining: it writes no rows, and scores are the encoder's. */
const LEFT_OUT: readonly string[] = [
  ...['output', 'shard', 'onShort', 'rejected', 'keepNeg', 'format', 'scores', 'ranks', 'ids', 'dryRun', 'rankBasis'],
  ...[
    'reranker',
    'rerankerModel',
    'rerankDepth',
    'rerankLimit',
    'rerankerRevision',
    'rerankerDtype',
    'rerankerMaxLength',
  ],
];

const DESCRIPTIONS = {
  range: 'windows of ranks, such as 10-210,0-50',
  neg: 'negatives a row (15)',
  sample: 'how they are taken: random, top, weighted (random)',
  skipLexical: "never mine a row's K best candidates by BM25, such as 0,20",
  relativeMargin: 'at most p - r·|p|, such as none,0.05',
  margin: 'at most p - m',
  maxScore: 'at most s',
  minScore: 'at least s',
  positiveWeight: 'skip the LO with the highest score + w · likeness to a positive, such as 0,0.5',
  maxPositiveSimilarity: 'cosine to any positive of the query below s, such as none,0.8',
  summary: 'write the figures as JSON',
  limit: 'try the first N rows only',
};

const AFTER = `
Each of --range, --neg, --sample, --skip-lexical, --relative-margin, --margin, --max-score, --min-score, --positive-weight and
--max-positive-similarity takes several values with commas between them, "none" for not set; every combination is tried. Without
any of them, some usual settings are.

Examples:
  hn-mine tune --input train.jsonl --pool corpus.jsonl --limit 2000
  hn-mine tune --input train.jsonl --pool corpus.jsonl --range 10-210,0-50 --relative-margin none,0.05,0.1
  hn-mine tune --beir datasets/fiqa --hide-positives --range 0-50,20-70,40-90 --positive-weight 0,0.5`;

export function createTuneCommand(): Command {
  const command = createCommand('hn-mine tune', {
    description: 'Try settings on your data: what each would give, without writing any row.',
    usage: '--input FILE --pool FILE [--range LO-HI,LO-HI…] [--hide-positives] [options]',
  });
  addOptions(command, (name) => !LEFT_OUT.includes(name), DESCRIPTIONS);
  command
    .optionsGroup('Data:')
    .option(
      '--hide-positives',
      'of rows with several positives hide all but the first in the pool, and count those that are mined: false negatives',
    )
    .addHelpText('after', AFTER);
  return command;
}

/**
 * @param argv the words after `tune`
 * @throws HnMineError `usage`
 */
export function parseTuneFlags(argv: readonly string[]): TuneFlags | Printed {
  const parsed = parseCommandLine(createTuneCommand(), argv);
  if ('text' in parsed) return parsed;
  const { hidePositives, ...settings } = parsed.settings;
  checkInputs({ ...parsed, minRelevance: settings.minRelevance });
  refuseLogFormat(parsed.logFormat);
  const { input, pool, queries, qrels, beir, split, summary } = parsed;
  if (hidePositives === true && pool === undefined && beir === undefined && qrels === undefined) {
    throw new HnMineError('usage', '--hide-positives: needs a --pool that holds them (found none)');
  }
  refuseEmptyNames({ input, pool, queries, qrels, beir, split, summary });
  return { ...parsed, settings, ...(hidePositives === true && { hidePositives }) };
}
