import { Command, CommanderError } from 'commander';
import { ENCODER_OPTIONS } from '../config/score-options.js';
import { HnMineError } from '../errors.js';

const LOG_FORMATS = ['pretty', 'json'] as const;

/** The command line as typed; the values in `settings` are checked later. */
export interface Flags {
  /** `-` for standard input. */
  readonly input: string;
  readonly pool?: string[];
  /** Nothing for standard output. */
  readonly output?: string;
  readonly rejected?: string;
  readonly summary?: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly logFormat: (typeof LOG_FORMATS)[number];
  readonly progress: boolean;
  readonly dryRun?: boolean;
  /** What `parseConfig` takes, by option name. */
  readonly settings: Record<string, unknown>;
}

/** A command line that asked for text only: `--help`, `--version`. */
export interface Printed {
  readonly text: string;
}

const OWN_FLAGS = [
  'input',
  'pool',
  'output',
  'rejected',
  'summary',
  'quiet',
  'verbose',
  'logFormat',
  'progress',
  'dryRun',
];

const COMMANDS = ['embed', 'score', 'cache'];

/** Opened as a file, `/dev/stdout` would cut off what a redirection appends to. */
const STDOUT_NAMES = ['-', '/dev/stdout'];

const EXAMPLES = `
Examples:
  hn-mine --input train.jsonl --pool corpus.jsonl --range 10-210 --neg 15 > mined.jsonl
  hn-mine --input train.jsonl --pool corpus.jsonl --model BAAI/bge-base-en-v1.5 --output mined.jsonl
  hn-mine embed --pool corpus.jsonl --output corpus.npy
  hn-mine score --input mined.jsonl --reranker BAAI/bge-reranker-base --output scored.jsonl
  zcat train.jsonl.gz | hn-mine --input - --pool corpus.jsonl --scores --ranks --output mined.jsonl.gz`;

/** @throws HnMineError `usage` where a flag is unknown, lacks its value or names no file */
export function parseFlags(argv: readonly string[], version: string): Flags | Printed {
  const parsed = parseWith(describeCommand(version), argv);
  return 'text' in parsed ? parsed : { ...checkFiles(parsed), settings: parsed.settings };
}

export type Typed = Omit<Flags, 'input'> & { readonly input?: string };

/** @throws HnMineError `usage` where a flag is unknown or lacks its value */
export function parseWith(command: Command, argv: readonly string[]): Typed | Printed {
  let text = '';
  command.exitOverride().configureOutput({ writeOut: (part) => (text += part), writeErr: () => {} });
  refuseFlagsAsValues(command, argv);
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text };
    throw new HnMineError('usage', describeMistake(error, command.args), { cause: error });
  }
  const typed = command.opts();
  const settings = Object.fromEntries(Object.entries(typed).filter(([name]) => !OWN_FLAGS.includes(name)));
  return { ...(typed as Omit<Typed, 'settings'>), settings };
}

/** What `hn-mine embed` takes of the flags of the main command. */
const EMBED_FLAGS: readonly string[] = [
  ...['input', 'pool', 'output', 'limit', 'shard'],
  ...['queryField', 'posField', 'negField', 'queryIdField', 'textField', 'titleField', 'passageIdField'],
  ...ENCODER_OPTIONS,
  ...['batchTokens', 'batchSize', 'offline'],
  ...['workers', 'memory', 'gpu', 'cacheDir', 'cache', 'quiet', 'verbose', 'logFormat', 'progress'],
];

/** What they mean there. */
const EMBED_DESCRIPTIONS: Readonly<Record<string, string>> = {
  input: 'embed the queries of these rows, JSONL; - for standard input; gzip is seen',
  pool: 'embed these passages, JSONL, repeatable; gzip is seen',
  output: 'the NumPy file, float32, a row for each record',
  limit: 'embed the first N records only',
  shard: 'embed the Ith of N equal parts of the records; their files joined are the whole',
};

/**
 * The flags of `hn-mine embed`.
 *
 * @param argv the words after `embed`
 * @throws HnMineError `usage`
 */
export function parseEmbedFlags(argv: readonly string[], version: string): (EmbedFlags & { text?: never }) | Printed {
  const command = new Command('hn-mine embed')
    .description('Write the vectors of a pool (or of queries) as a NumPy file, row for record.')
    .usage('--pool FILE --output FILE.npy [--shard I/N] [options]')
    .helpOption('-h, --help', 'print this help')
    .allowExcessArguments(false);
  takeOptions(command, version, EMBED_FLAGS, EMBED_DESCRIPTIONS);
  const parsed = parseWith(command, argv);
  if ('text' in parsed) return parsed;
  const { input, pool, output, logFormat, settings } = parsed;
  if ((input === undefined) === (pool === undefined)) {
    const found = input === undefined ? 'neither' : 'both';
    throw new HnMineError('usage', `embed: expected --pool for passages or --input for queries (found ${found})`);
  }
  if (output === undefined)
    throw new HnMineError('usage', '--output: expected a file such as pool.npy (found nothing)');
  refuseLogFormat(logFormat);
  return { ...parsed, output, settings };
}

/**
 * Gives another command some of the main command's options.
 *
 * @param descriptions by name, where they mean something else there
 */
export function takeOptions(
  command: Command,
  version: string,
  names: readonly string[],
  descriptions: Readonly<Record<string, string>> = {},
): void {
  for (const option of describeCommand(version).options) {
    const name = option.attributeName();
    if (!names.includes(name)) continue;
    option.description = descriptions[name] ?? option.description;
    command.addOption(option);
  }
}

/** `hn-mine embed` as typed. */
export type EmbedFlags = Omit<Flags, 'input' | 'output'> & { readonly input?: string; readonly output: string };

/** Else `--input --pool corpus.jsonl` would read a file named `--pool`. */
function refuseFlagsAsValues({ options }: Command, argv: readonly string[]): void {
  argv.forEach((word, i) => {
    const next = argv[i + 1];
    const lacksValue = options.some(({ long, required }) => long === word && required);
    if (lacksValue && options.some(({ long }) => long === next))
      throw new HnMineError('usage', `${word}: expected a value (found ${next})`);
  });
}

function describeMistake({ code, message }: CommanderError, words: readonly string[]): string {
  const [, quoted = ''] = /'(\S+)[^']*'/.exec(message) ?? [];
  const [, meant] = /Did you mean (.*)\?/.exec(message) ?? [];
  if (code === 'commander.optionMissingArgument') return `${quoted}: expected a value (found nothing)`;
  if (code === 'commander.unknownOption')
    return `${quoted}: no such option; ${meant ? `did you mean ${meant}?` : 'see hn-mine --help'}`;
  if (code === 'commander.excessArguments' && COMMANDS.includes(words[0] ?? ''))
    return `${words[0]}: expected before all options; see hn-mine ${words[0]} --help`;
  if (code === 'commander.excessArguments')
    return `${words[0]}: expected options only; name each file with its own --input or --pool`;
  return message.replace(/^error: /, '').replaceAll('\n', ' ');
}

function checkFiles(typed: Typed): Flags {
  const { input, pool = [], output, summary, rejected, logFormat } = typed;
  if (input === undefined) {
    const expected = 'expected a file, or - for standard input';
    throw new HnMineError('usage', `--input: ${expected} (found nothing); see hn-mine --help`);
  }
  refuseLogFormat(logFormat);
  for (const [flag, path] of Object.entries({
    input,
    pool: pool.find((path) => path === ''),
    output,
    summary,
    rejected,
  })) {
    if (path === '') throw new HnMineError('usage', `--${flag}: expected a file (found an empty name)`);
  }
  const outputs = Object.entries({ output, summary, rejected });
  for (const [i, [flag, path]] of outputs.entries()) {
    const other = outputs.slice(0, i).find(([, earlier]) => path !== undefined && earlier === path);
    if (other) throw new HnMineError('usage', `--${flag} ${path}: is taken by --${other[0]}; give another file`);
  }
  return { ...typed, input, output: resolveOutput(output) };
}

/** @returns nothing for standard output */
export function resolveOutput(output: string | undefined): string | undefined {
  return output !== undefined && STDOUT_NAMES.includes(output) ? undefined : output;
}

export function refuseLogFormat(logFormat: string): void {
  if ((LOG_FORMATS as readonly string[]).includes(logFormat)) return;
  const found = JSON.stringify(logFormat);
  throw new HnMineError('usage', `--log-format: expected one of ${LOG_FORMATS.join(', ')} (found ${found})`);
}

function describeCommand(version: string): Command {
  const collect = (path: string, paths: string[] = []) => [...paths, path];
  return new Command('hn-mine')
    .description('Mine hard negatives for training embedding models and rerankers.')
    .usage('--input FILE [--pool FILE] [--range LO-HI] [--neg N] [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)

    .optionsGroup('Data:')
    .option('--input <file>', 'rows {"query", "pos"} as JSONL, one an object; - for standard input; gzip is seen')
    .option(
      '--pool <file>',
      'passages {"text"} to mine from, repeatable (the positives and negatives of the input)',
      collect,
    )
    .option('--output <file>', 'where the rows go, gzip where it ends in .gz (standard output)')
    .option('--query-field <name>', 'field of the query ("query")')
    .option('--pos-field <name>', 'field of the positives ("pos")')
    .option('--neg-field <name>', 'field of the negatives ("neg")')
    .option('--query-id-field <name>', 'field of the query\'s ID, by which rows are siblings ("query_id")')
    .option('--text-field <name>', 'field of a passage\'s text ("text")')
    .option('--title-field <name>', 'field of a passage\'s title, put before its text ("title")')
    .option('--passage-id-field <name>', 'field of a passage\'s ID ("_id", else "id")')
    .option('--limit <n>', 'mine the first N rows only')
    .option('--shard <i/n>', 'mine the Ith of N equal parts of the rows; their outputs joined are the whole')

    .optionsGroup('Mining:')
    .option('--range <lo-hi>', 'window of ranks to take negatives from, LO included, HI not (10-210)')
    .option('--neg <n>', 'negatives a row (15)')
    .option('--sample <how>', 'from the window: random, top for its best, or weighted (random)')
    .option('--sample-sharpness <a>', 'weighted: by exp(-a·(score - p - b)²), as SimANS (100)')
    .option('--sample-offset <b>', 'weighted: the b (0)')
    .option('--seed <n>', 'seed of the random choice (42)')
    .option('--rank-basis <what>', 'ranks count candidates, or raw: all passages, as FlagEmbedding has it (candidates)')
    .option('--backfill <how>', 'where the window is too small: random, next (the ranks past it), none (random)')
    .option('--on-short <what>', 'rows with fewer negatives: keep, drop, or fail (keep)')
    .option('--keep-neg', 'keep the negatives that rows came with, before mined ones')

    .optionsGroup('Candidates:')
    .option(
      '--retriever <name>',
      'what ranks the pool: dense, bm25, or hybrid for both; repeatable, fused by reciprocal rank (dense)',
      collect,
    )
    .option('--run <file>', 'take rankings of IDs from a TREC run or JSON, repeatable, fused like retrievers', collect)
    .option('--skip-lexical <k>', "never mine a row's K best candidates by BM25 (0)")
    .option('--bm25-k1 <k1>', 'how much repeated words count (1.2)')
    .option('--bm25-b <b>', 'how much long passages are held back, 0 to 1 (0.75)')
    .option('--rrf-k <k>', 'of reciprocal rank fusion, 1 / (k + rank) (60)')

    .optionsGroup('Reranking:')
    .option(
      '--reranker <dir|id>',
      'score candidates with a cross-encoder, an ONNX model with one label, and choose by its scores',
    )
    .option('--rerank-depth <n>', "a row's best candidates that it scores (HI)")
    .option('--rerank-limit <n>', 'the most it scores where a row is still short (10 x depth)')
    .option('--reranker-dtype <name>', 'which of its graphs: fp32, fp16, q8, … (fp32)')
    .option('--reranker-max-length <tokens>', "tokens it reads of a pair (the model's)")

    .optionsGroup("False negatives (p is the score of the row's positive):")
    .option('--relative-margin <r>', 'at most p - r·|p|, such as 0.05')
    .option('--margin <m>', 'at most p - m')
    .option('--max-score <s>', 'at most s')
    .option('--min-score <s>', 'at least s')
    .option('--positive-score <how>', 'p of several positives: min, max or mean (min)')
    .option('--positive-weight <w>', 'skip the LO with the highest score + w · likeness to a positive, such as 0.5 (0)')
    .option('--max-positive-similarity <s>', 'cosine to any positive of the query below s')

    .optionsGroup('Model:')
    .option(
      '--model <dir|id>',
      'folder with an ONNX model, or its ID on the Hugging Face hub (built-in all-MiniLM-L6-v2)',
    )
    .option('--revision <name>', 'branch, tag or commit on the hub (main)')
    .option('--dtype <name>', 'which graph: fp32, fp16, q8, int8, … (built-in: q8; else fp32)')
    .option('--query-instruction <text>', 'put before queries; "" for nothing (the model\'s own)')
    .option('--query-instruction-format <format>', 'how instruction and query are joined ("{}{}")')
    .option('--passage-instruction <text>', 'put before passages; "" for nothing (the model\'s own)')
    .option('--query-max-length <tokens>', "tokens read of a query (the model's)")
    .option('--passage-max-length <tokens>', "tokens read of a passage (the model's)")
    .option(
      '--pooling <modes>',
      "cls, mean, max, mean_sqrt_len, weightedmean, lasttoken, or several with commas (the model's)",
    )
    .option('--no-normalize', 'rank by inner product of the vectors as they are')
    .option('--batch-tokens <n>', 'tokens a batch (512)')
    .option('--batch-size <n>', 'texts a batch, instead of --batch-tokens')
    .option('--offline', 'never download; use the Hugging Face cache')

    .optionsGroup('Machine:')
    .option('--workers <n>', 'processor cores to use (all)')
    .option(
      '--memory <size>',
      'bytes for texts, vectors and search; more goes to disk, such as 2g (half of what is there)',
    )
    .option('--gpu [ids]', 'encode and search on CUDA devices, such as 0 or 0,1')
    .option('--index <name>', 'search with flat (built-in) or faiss (needs the package faiss-node); both exact (flat)')

    .option(
      '--pool-embeddings <file>',
      'take the vectors of the pool from .npy files, row for record, repeatable',
      collect,
    )
    .option(
      '--query-embeddings <file>',
      'take the vectors of the queries from .npy files, row for row, repeatable',
      collect,
    )
    .option('--cache-dir <dir>', "where vectors are kept for later runs (the platform's cache folder)")
    .option('--no-cache', 'neither use nor keep vectors')

    .optionsGroup('Output:')
    .option('--scores', 'write pos_scores and neg_scores')
    .option('--ranks', 'write neg_ranks, null for random backfill')
    .option('--summary <file>', 'write figures of the run as JSON')
    .option('--rejected <file>', 'list rows with fewer negatives than asked for, with the reason, as JSONL')

    .optionsGroup('People:')
    .option('--quiet', 'warnings and errors only')
    .option('--verbose', 'stack traces of errors')
    .option('--log-format <name>', 'pretty or json', 'pretty')
    .option('--no-progress', 'no progress')
    .option('--dry-run', 'read and check everything, say what a run would do, load no model')
    .addHelpText('after', EXAMPLES);
}
