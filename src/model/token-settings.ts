import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelFiles } from './model-files.js';
import { missing, parseJson, readJson } from './setting-files.js';

/** Where the tokenizer is read from, by each worker for itself: many megabytes of JSON would block the main thread. */
export interface TokenizerSource {
  readonly file: string;
  /** What messages call the file. */
  readonly name: string;
  /** Whether texts are lower-cased before the tokenizer's own normalizer. */
  readonly lowerCase: boolean;
}

/** What a model's folder says of how texts become its tokens. */
export interface TokenSettings {
  readonly tokenizer: TokenizerSource;
  /** Tokens that are read of a text or pair, special ones included. */
  readonly maxLength: number | undefined;
  /** The most tokens that the model has positions for. */
  readonly maxPositions: number | undefined;
  readonly vocabularySize: number | undefined;
}

const count = z.number().int().positive().nullish();

const modelConfig = z.looseObject({
  vocab_size: count,
  max_position_embeddings: count,
  model_type: z.string().nullish(),
  pad_token_id: z.number().nullish(),
});
const tokenizerConfig = z.looseObject({ model_max_length: z.number().nullish() });
const transformerConfig = z.looseObject({ max_seq_length: count, do_lower_case: z.boolean().nullish() });

/**
 * Reads the files of Transformers and sentence-transformers.
 *
 * @param transformer the folder of the Transformer module; `''` where it is the model's own
 * @throws HnMineError `model`, naming the file that is missing or odd
 */
export function readTokenSettings(files: ModelFiles, transformer: string): TokenSettings {
  const config = readModelConfig(files, transformer, modelConfig);
  const base = readJson(files, join(transformer, 'sentence_bert_config.json'), transformerConfig) ?? {};
  const tokenizer = readJson(files, join(transformer, 'tokenizer_config.json'), tokenizerConfig) ?? {};
  const maxPositions = countPositions(config);
  return {
    tokenizer: findTokenizer(files, transformer, base.do_lower_case === true),
    maxLength: base.max_seq_length ?? smaller(readLimit(tokenizer.model_max_length), maxPositions),
    maxPositions,
    vocabularySize: config.vocab_size ?? undefined,
  };
}

/** `config.json` of the Transformer module, else of the model. @throws HnMineError `model` where there is none */
export function readModelConfig<T>(files: ModelFiles, transformer: string, schema: z.ZodType<T>): T {
  const config = readJson(files, join(transformer, 'config.json'), schema) ?? readJson(files, 'config.json', schema);
  if (config === undefined) throw missing(files, 'config.json', "copy it from the model's repository");
  return config;
}

/** Tokenizers without a limit are saved with 10^30. */
function readLimit(length: number | null | undefined): number | undefined {
  return length == null || length > 2 ** 31 - 1 ? undefined : length;
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  const least = Math.min(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(least) ? least : undefined;
}

/** RoBERTa and its kin keep the positions up to their padding token's for padding. */
function countPositions(config: z.output<typeof modelConfig>): number | undefined {
  const positions = config.max_position_embeddings ?? undefined;
  const isOffset = ['roberta', 'xlm-roberta', 'camembert', 'mpnet'].includes(config.model_type ?? '');
  return positions !== undefined && isOffset ? positions - 1 - (config.pad_token_id ?? 1) : positions;
}

function findTokenizer(files: ModelFiles, transformer: string, lowerCase: boolean): TokenizerSource {
  const { folder, name } = files;
  const found = ['', transformer]
    .map((below) => join(below, 'tokenizer.json'))
    .find((file) => existsSync(join(folder, file)));
  if (found !== undefined) return { file: join(folder, found), name: `${name}/${found}`, lowerCase };
  const advice = 'save it with AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(DIR)';
  throw missing(files, 'tokenizer.json', advice);
}

/**
 * The text of a `tokenizer.json` without its own truncation and padding, which stem from earlier use: this program sets its
 * own.
 *
 * @throws HnMineError `model` where the file is no JSON object
 */
export function readTokenizer({ file, name, lowerCase }: TokenizerSource): string {
  const schema = z.looseObject({ normalizer: z.unknown().optional() });
  const tokenizer = parseJson(readFileSync(file, 'utf8'), name, schema);
  const own = tokenizer.normalizer == null ? [] : [tokenizer.normalizer];
  const normalizer = lowerCase
    ? { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...own] }
    : tokenizer.normalizer;
  return JSON.stringify({ ...tokenizer, normalizer, truncation: null, padding: null });
}
