import { z } from 'zod';
import { HnMineError } from '../errors.js';
import { formatSize, parseSize } from './size.js';

export const SAMPLES = ['random', 'top', 'weighted'] as const;
export const POSITIVE_SCORES = ['min', 'max', 'mean'] as const;
export const RANK_BASES = ['candidates', 'raw'] as const;
export const BACKFILLS = ['random', 'next', 'none'] as const;
export const ON_SHORT = ['keep', 'drop', 'fail'] as const;
export const RETRIEVERS = ['dense', 'bm25', 'hybrid'] as const;
export const INDEXES = ['flat', 'faiss'] as const;
export const POOLINGS = ['cls', 'max', 'mean', 'mean_sqrt_len', 'weightedmean', 'lasttoken'] as const;

const wholeNumber = (least: number) =>
  z.union([z.number(), z.string()]).transform((typed, context) => {
    const value = typeof typed === 'string' && /^-?\d+$/.test(typed) ? Number(typed) : typed;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
    const atLeast = least === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${least}`;
    return refuse(context, `expected a whole number${atLeast} (found ${quote(typed)})`);
  });

/** @param least @param most both included */
const decimal = (least = -Infinity, most = Infinity) =>
  z.union([z.number(), z.string()]).transform((typed, context) => {
    const value = typeof typed === 'string' && typed.trim() !== '' ? Number(typed) : typed;
    if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
    const range = `${least === -Infinity ? '' : ` of at least ${least}`}${most === Infinity ? '' : ` and at most ${most}`}`;
    return refuse(context, `expected a number${range} (found ${quote(typed)})`);
  });

const oneOf = <const T extends readonly string[]>(choices: T) =>
  z.enum(choices, { error: (issue) => `expected one of ${choices.join(', ')} (found ${quote(issue.input)})` });

const flag = z.boolean({ error: (issue) => `expected true or false (found ${quote(issue.input)})` });

const text = z.string({ error: (issue) => `expected text (found ${quote(issue.input)})` });

const fieldName = text.min(1, 'expected the name of a field (found an empty one)');

const range = z.union([text, z.tuple([z.number(), z.number()])]).transform((typed, context) => {
  const [, low, high] =
    typeof typed === 'string' ? (/^(\d+)-(\d+)$/.exec(typed.trim()) ?? []) : ['', ...typed.map(String)];
  const bounds = { low: Number(low), high: Number(high) };
  const isWhole = Number.isSafeInteger(bounds.low) && Number.isSafeInteger(bounds.high) && bounds.low >= 0;
  if (!isWhole) return refuse(context, `expected LO-HI, such as 10-210 (found ${quote(typed)})`);
  if (bounds.low < bounds.high) return bounds;
  return refuse(context, `expected LO-HI with LO below HI (found LO ${bounds.low} and HI ${bounds.high})`);
});

const shard = text.transform((typed, context) => {
  const [, number, of] = /^(\d+)\/(\d+)$/.exec(typed.trim()) ?? [];
  const parsed = { number: Number(number), of: Number(of) };
  if (number === undefined) return refuse(context, `expected I/N, such as 1/4 (found ${quote(typed)})`);
  if (parsed.number >= 1 && parsed.number <= parsed.of) return parsed;
  return refuse(context, `expected I/N with I from 1 to N (found I ${number} and N ${of})`);
});

const instructionFormat = text.transform((typed, context) => {
  const parts = typed.replaceAll('\\n', '\n').split('{}');
  if (parts.length === 3) return parts as [string, string, string];
  return refuse(context, `expected two {}, for instruction and query (found ${quote(typed)})`);
});

const poolings = z.union([text, z.array(text)]).transform((typed, context) => {
  const modes = typeof typed === 'string' ? typed.split(',') : typed;
  const odd = modes.find((mode) => !POOLINGS.includes(mode as never));
  if (odd === undefined && modes.length > 0) return modes as (typeof POOLINGS)[number][];
  return refuse(context, `expected one or more of ${POOLINGS.join(', ')} (found ${quote(odd ?? typed)})`);
});

const retrievers = z
  .union([z.enum(RETRIEVERS), text, z.array(z.enum(RETRIEVERS)), z.array(text)])
  .transform((typed, context) => {
    const names = [typed].flat();
    const odd = names.find((name) => !RETRIEVERS.includes(name as never));
    if (odd === undefined && names.length > 0) return names as (typeof RETRIEVERS)[number][];
    return refuse(context, `expected one of ${RETRIEVERS.join(', ')} (found ${quote(odd ?? typed)})`);
  });

const files = z.union([text, z.array(text)]).transform((typed, context) => {
  const names = [typed].flat();
  if (names.length > 0 && !names.includes('')) return names;
  return refuse(context, `expected a file (found ${names.length > 0 ? 'an empty name' : 'none'})`);
});

const devices = z.union([z.boolean(), text, z.array(z.number())]).transform((typed, context) => {
  if (typeof typed === 'boolean') return typed ? [0] : undefined;
  const ids = typeof typed === 'string' ? typed.split(',').map((id) => (/^\d+$/.test(id) ? Number(id) : -1)) : typed;
  if (ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids;
  return refuse(context, `expected device numbers, such as 0 or 0,1 (found ${quote(typed)})`);
});

/** Less could not hold what is under way. */
const LEAST_MEMORY = 64e6;

const memorySize = z.union([z.number(), text]).transform((typed, context) => {
  const bytes = typeof typed === 'string' ? parseSize(typed) : typed;
  if (bytes !== undefined && bytes >= LEAST_MEMORY && bytes < Number.POSITIVE_INFINITY) return bytes;
  return refuse(context, `expected a size of at least ${formatSize(LEAST_MEMORY)}, such as 2g (found ${quote(typed)})`);
});

const schema = z.strictObject({
  queryField: fieldName.default('query'),
  posField: fieldName.default('pos'),
  negField: fieldName.default('neg'),
  textField: fieldName.default('text'),
  titleField: fieldName.default('title'),
  queryIdField: fieldName.default('query_id'),
  passageIdField: fieldName.optional(),
  limit: wholeNumber(1).optional(),
  shard: shard.optional(),

  range: range.prefault('10-210'),
  neg: wholeNumber(1).default(15),
  sample: oneOf(SAMPLES).default('random'),
  seed: wholeNumber(Number.MIN_SAFE_INTEGER).default(42),
  rankBasis: oneOf(RANK_BASES).default('candidates'),
  backfill: oneOf(BACKFILLS).default('random'),
  onShort: oneOf(ON_SHORT).default('keep'),
  keepNeg: flag.default(false),
  maxScore: decimal().optional(),
  minScore: decimal().optional(),
  margin: decimal().optional(),
  relativeMargin: decimal().optional(),
  positiveScore: oneOf(POSITIVE_SCORES).default('min'),
  positiveWeight: decimal(0).default(0),
  maxPositiveSimilarity: decimal(-1, 1).optional(),
  sampleSharpness: decimal(0).default(100),
  sampleOffset: decimal().default(0),

  retriever: retrievers.optional(),
  run: files.optional(),
  skipLexical: wholeNumber(0).default(0),
  bm25K1: decimal(0).default(1.2),
  bm25B: decimal(0, 1).default(0.75),
  rrfK: decimal(0).default(60),

  model: text.min(1, 'expected a folder or a model ID (found nothing)').optional(),
  revision: text.optional(),
  dtype: text.optional(),
  queryInstruction: text.optional(),
  queryInstructionFormat: instructionFormat.prefault('{}{}'),
  passageInstruction: text.optional(),
  queryMaxLength: wholeNumber(1).optional(),
  passageMaxLength: wholeNumber(1).optional(),
  pooling: poolings.optional(),
  normalize: flag.default(true),
  batchTokens: wholeNumber(1).default(512),
  batchSize: wholeNumber(1).optional(),
  offline: flag.default(false),

  reranker: text.min(1, 'expected a folder or a model ID (found nothing)').optional(),
  rerankerRevision: text.optional(),
  rerankerDtype: text.optional(),
  rerankerMaxLength: wholeNumber(1).optional(),
  rerankDepth: wholeNumber(1).optional(),
  rerankLimit: wholeNumber(1).optional(),

  gpu: devices.optional(),
  workers: wholeNumber(1).optional(),
  memory: memorySize.optional(),
  index: oneOf(INDEXES).default('flat'),
  poolEmbeddings: z.array(text).min(1).optional(),
  queryEmbeddings: z.array(text).min(1).optional(),
  cache: flag.default(true),
  cacheDir: text.min(1, 'expected a folder (found nothing)').optional(),

  scores: flag.default(false),
  ranks: flag.default(false),
});

/** The options as typed: what `parseConfig` accepts. */
export type MineSettings = z.input<typeof schema>;

/** Every option with its default resolved. */
export type MineConfig = Omit<z.output<typeof schema>, 'retriever'> & {
  /** Those whose rankings are fused, along with the runs. */
  readonly retriever: readonly ('dense' | 'bm25')[];
};

/** The output fields that only this program writes; no other field may have their names. */
export const WRITTEN_FIELDS = ['pos_scores', 'neg_scores', 'neg_ranks'] as const;

/** @throws HnMineError `usage`, with the flag, what was expected and what was found */
export function parseConfig(settings: MineSettings): MineConfig {
  const parsed = schema.safeParse(settings, { reportInput: true });
  if (!parsed.success) throw new HnMineError('usage', describeIssue(parsed.error.issues[0]));
  const config = { ...parsed.data, retriever: resolveRetrievers(parsed.data) };
  const { low, high } = config.range;
  if (config.neg > high - low) {
    throw new HnMineError(
      'usage',
      `--neg ${config.neg}: the window ${low}-${high} holds ${high - low} ranks; widen --range or lower --neg`,
    );
  }
  if (config.rankBasis === 'raw' && config.positiveWeight !== 0) {
    throw new HnMineError('usage', '--positive-weight: ranks must count candidates (found --rank-basis raw)');
  }
  if (low === 0 && config.positiveWeight !== 0) {
    throw new HnMineError(
      'usage',
      `--positive-weight: needs ranks to skip (found --range 0-${high}); such as --range 20-${high + 20}`,
    );
  }
  if (config.minScore !== undefined && config.maxScore !== undefined && config.minScore > config.maxScore) {
    throw new HnMineError(
      'usage',
      `--min-score ${config.minScore}: is above --max-score ${config.maxScore}, so no passage qualifies`,
    );
  }
  refuseRerankFlags(config);
  refuseSharedFields(config);
  return config;
}

function refuseRerankFlags(config: MineConfig): void {
  const { reranker, rankBasis, range, rerankDepth = range.high, rerankLimit } = config;
  if (reranker === undefined) {
    const odd = (
      ['rerankerRevision', 'rerankerDtype', 'rerankerMaxLength', 'rerankDepth', 'rerankLimit'] as const
    ).find((option) => config[option] !== undefined);
    if (odd) throw new HnMineError('usage', `${flagOf(odd)}: needs a --reranker (found none)`);
    return;
  }
  if (rankBasis === 'raw') {
    throw new HnMineError('usage', '--reranker: ranks must count candidates (found --rank-basis raw)');
  }
  if (rerankLimit !== undefined && rerankLimit < rerankDepth) {
    throw new HnMineError(
      'usage',
      `--rerank-limit ${rerankLimit}: is below the --rerank-depth of ${rerankDepth}; raise it or lower --rerank-depth`,
    );
  }
}

/** A run ranks alone unless retrievers are named as well. */
function resolveRetrievers({ retriever, run }: z.output<typeof schema>): MineConfig['retriever'] {
  const named: readonly (typeof RETRIEVERS)[number][] = retriever ?? (run ? [] : ['dense']);
  return (['dense', 'bm25'] as const).filter((name) => named.includes(name) || named.includes('hybrid'));
}

/** `queryField` → `--query-field`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const option = String(issue?.path[0] ?? 'options');
  const message =
    issue?.code === 'invalid_union' ? `expected another type of value (found ${quote(issue.input)})` : issue?.message;
  return `${flagOf(option)}: ${message}`;
}

function refuseSharedFields(config: MineConfig): void {
  const rowFields = ['queryField', 'posField', 'negField', 'queryIdField'] as const;
  for (const names of [rowFields, ['textField', 'titleField', 'passageIdField'] as const]) {
    const taken = new Map<string, string>(
      names === rowFields ? WRITTEN_FIELDS.map((name) => [name, 'the output']) : [],
    );
    for (const option of names) {
      const field = config[option];
      const other = field === undefined ? undefined : taken.get(field);
      if (other !== undefined) throw new HnMineError('usage', `${flagOf(option)}: "${field}" is taken by ${other}`);
      if (field !== undefined) taken.set(field, flagOf(option));
    }
  }
}

function refuse(context: z.core.$RefinementCtx, message: string): never {
  context.issues.push({ code: 'custom', message, input: context.value });
  return z.NEVER;
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
