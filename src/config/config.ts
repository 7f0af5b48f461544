import { z } from 'zod';
import { HnMineError } from '../errors.js';
import { flagOf } from './flag-name.js';
import {
  addresses,
  decimal,
  devices,
  fieldName,
  files,
  flag,
  instructionFormat,
  isAddress,
  memorySize,
  milvusAddress,
  oneOf,
  POOLINGS,
  poolings,
  quote,
  RETRIEVERS,
  type RetrieverName,
  range,
  reranker,
  retrievers,
  shard,
  text,
  wholeNumber,
} from './values.js';

const SAMPLES = ['random', 'top', 'weighted'] as const;
const POSITIVE_SCORES = ['min', 'max', 'mean'] as const;
const RANK_BASES = ['candidates', 'raw'] as const;
const BACKFILLS = ['random', 'next', 'none'] as const;
const ON_SHORT = ['keep', 'drop', 'fail'] as const;
const INDEXES = ['flat', 'faiss', 'milvus'] as const;
const FORMATS = ['jsonl', 'triplet', 'n-tuple', 'labeled-pair', 'labeled-list'] as const;

const schema = z.strictObject({
  queryField: fieldName.default('query'),
  posField: fieldName.default('pos'),
  negField: fieldName.default('neg'),
  textField: fieldName.default('text'),
  titleField: fieldName.default('title'),
  queryIdField: fieldName.default('query_id'),
  passageIdField: fieldName.optional(),
  minRelevance: decimal(0).default(1),
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
  embedder: addresses('HN_MINE_EMBEDDER_KEY').optional(),
  embedderModel: text.min(1, 'expected the name of a model (found nothing)').optional(),
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

  reranker: reranker.optional(),
  rerankerModel: text.min(1, 'expected the name of a model (found nothing)').optional(),
  rerankerRevision: text.optional(),
  rerankerDtype: text.optional(),
  rerankerMaxLength: wholeNumber(1).optional(),
  rerankDepth: wholeNumber(1).optional(),
  rerankLimit: wholeNumber(1).optional(),

  gpu: devices.optional(),
  workers: wholeNumber(1).optional(),
  memory: memorySize.optional(),
  index: oneOf(INDEXES).default('flat'),
  milvusAddress: milvusAddress.optional(),
  milvusDatabase: text.min(1, 'expected the name of a database (found nothing)').optional(),
  poolEmbeddings: z.array(text).min(1).optional(),
  queryEmbeddings: z.array(text).min(1).optional(),
  cache: flag.default(true),
  cacheDir: text.min(1, 'expected a folder (found nothing)').optional(),

  format: oneOf(FORMATS).default('jsonl'),
  scores: flag.default(false),
  ranks: flag.default(false),
  ids: flag.default(false),
});

/** The options as typed: what `parseConfig` accepts. */
export type MineSettings = z.input<typeof schema>;

/** Every option with its default resolved. */
export type MineConfig = Omit<z.output<typeof schema>, 'retriever'> & {
  /** Those whose rankings are fused, along with the runs. */
  readonly retriever: readonly ('dense' | 'bm25')[];
};

/** The output fields that only this program writes; no other field may have their names. */
export const WRITTEN_FIELDS = ['pos_scores', 'neg_scores', 'neg_ranks', 'pos_ids', 'neg_ids'] as const;

/** The names of all columns that training examples have beside the query's. */
const EXAMPLE_COLUMNS = /^(positive|negative(_\d+)?|passages?|scores?|labels?)$/;

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
  refuseModelFlags(config);
  refuseMilvusFlags(config);
  refuseExampleFlags(config);
  refuseSharedFields(config);
  return config;
}

function refuseRerankFlags(config: MineConfig): void {
  const { reranker, rankBasis, range, rerankDepth = range.high, rerankLimit } = config;
  if (reranker === undefined) {
    const odd = ([...RERANKER_OPTIONS, 'rerankerModel', 'rerankDepth', 'rerankLimit'] as const).find(
      (option) => config[option] !== undefined,
    );
    if (odd) throw new HnMineError('usage', `${flagOf(odd)}: needs a --reranker (found none)`);
    return;
  }
  refuseOtherRerankerFlags(config);
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

/** The values of options that take one of a few. */
export const CHOICES = {
  sample: SAMPLES,
  positiveScore: POSITIVE_SCORES,
  rankBasis: RANK_BASES,
  backfill: BACKFILLS,
  onShort: ON_SHORT,
  index: INDEXES,
  format: FORMATS,
  retriever: RETRIEVERS,
  pooling: POOLINGS,
} as const satisfies Partial<Record<keyof MineSettings, readonly string[]>>;

/** What is of a reranker in ONNX alone. */
const RERANKER_OPTIONS = ['rerankerRevision', 'rerankerDtype', 'rerankerMaxLength'] as const;

function refuseOtherRerankerFlags(config: MineConfig): void {
  if (!isServed(config)) {
    if (config.rerankerModel === undefined) return;
    throw new HnMineError('usage', '--reranker-model: needs the address of a server as --reranker (found a model)');
  }
  const odd = RERANKER_OPTIONS.find((option) => config[option] !== undefined);
  if (odd === undefined) return;
  throw new HnMineError(
    'usage',
    `${flagOf(odd)}: is of an ONNX model, which the server of --reranker takes the place of`,
  );
}

/** Whether the reranker is one that servers have. */
export function isServed({ reranker }: Pick<MineConfig, 'reranker'>): boolean {
  return reranker?.some(isAddress) ?? false;
}

/** Whether rows with fewer negatives than asked for can be written: every tuple has all of them. */
export function writesShortRows({ onShort, format }: MineConfig): boolean {
  return onShort !== 'drop' && format !== 'n-tuple';
}

/** What is of an ONNX model alone. */
const MODEL_OPTIONS = ['model', 'revision', 'dtype', 'queryMaxLength', 'passageMaxLength', 'pooling'] as const;

function refuseModelFlags(config: MineConfig): void {
  if (config.embedder === undefined) {
    if (config.embedderModel === undefined) return;
    throw new HnMineError('usage', '--embedder-model: needs an --embedder (found none)');
  }
  const odd = MODEL_OPTIONS.find((option) => config[option] !== undefined);
  if (odd === undefined) return;
  throw new HnMineError('usage', `${flagOf(odd)}: is of an ONNX model, which an --embedder takes the place of`);
}

function refuseMilvusFlags(config: MineConfig): void {
  const odd = (['milvusAddress', 'milvusDatabase'] as const).find((option) => config[option] !== undefined);
  if (config.index === 'milvus' || odd === undefined) return;
  throw new HnMineError('usage', `${flagOf(odd)}: needs --index milvus (found --index ${config.index})`);
}

function refuseExampleFlags({ format, ranks, ids, queryField }: MineConfig): void {
  if (format === 'jsonl') return;
  const flag = ranks ? '--ranks' : '--ids';
  if (ranks || ids) throw new HnMineError('usage', `${flag}: needs rows to be written to (found --format ${format})`);
  if (EXAMPLE_COLUMNS.test(queryField)) {
    throw new HnMineError('usage', `--query-field: "${queryField}" is taken by a column of --format ${format}`);
  }
}

/** A run ranks alone unless retrievers are named as well. */
function resolveRetrievers({ retriever, run }: z.output<typeof schema>): MineConfig['retriever'] {
  const named: readonly RetrieverName[] = retriever ?? (run ? [] : ['dense']);
  return (['dense', 'bm25'] as const).filter((name) => named.includes(name) || named.includes('hybrid'));
}

/** Looks at one option alone. @throws HnMineError `usage` where no configuration could have this value */
export function checkOption(option: keyof MineSettings, value: unknown): void {
  const parsed = schema.shape[option].safeParse(value, { reportInput: true });
  if (!parsed.success) throw new HnMineError('usage', `${flagOf(option)}: ${parsed.error.issues[0]?.message}`);
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
