import { type JsEncoding, Tokenizer } from 'tokenizers';
import { HnMineError, reasonOf } from '../errors.js';

/** A text, or a pair of texts, as the model reads it. */
export interface Tokens {
  /** Special tokens included, no padding. */
  readonly ids: readonly number[];
  /** Of a pair: which of the two texts each token is of, as the model counts them. */
  readonly typeIds?: readonly number[];
  readonly isTruncated: boolean;
}

/** Cuts texts into tokens; each call waits for the one before. */
export interface TextTokenizer {
  readonly vocabularySize: number;
  /** @param maxLength the most tokens of a text, special ones included; nothing means no limit */
  tokenize(texts: readonly string[], maxLength: number | undefined): Promise<Tokens[]>;
  /** Joins each pair by the tokenizer's own template; where it is too long, the longer of the two is cut first. */
  tokenizePairs(pairs: readonly Pair[], maxLength: number | undefined): Promise<Tokens[]>;
}

/** A query and a passage that are read together. */
export type Pair = readonly [query: string, passage: string];

/**
 * @param source the text of a `tokenizer.json` without truncation and padding
 * @param name what messages call it
 * @throws HnMineError `model` where it is no tokenizer
 */
export function createTokenizer(source: string, name = 'tokenizer.json'): TextTokenizer {
  const tokenizer = loadTokenizer(source, name);
  const limit = (maxLength: number | undefined) => {
    if (maxLength === undefined) tokenizer.disableTruncation();
    else tokenizer.setTruncation(maxLength);
  };
  return {
    vocabularySize: tokenizer.getVocabSize(true),
    async tokenize(texts, maxLength) {
      limit(maxLength);
      return (await tokenizer.encodeBatch([...texts])).map(readEncoding);
    },
    async tokenizePairs(pairs, maxLength) {
      limit(maxLength);
      const encodings = pairs.map(([query, passage]) => tokenizer.encode(query, passage));
      return (await Promise.all(encodings)).map((encoding) => {
        return { ...readEncoding(encoding), typeIds: encoding.getTypeIds() };
      });
    },
  };
}

function loadTokenizer(source: string, name: string): Tokenizer {
  try {
    return Tokenizer.fromString(source);
  } catch (cause) {
    throw new HnMineError('model', `${name}: not a tokenizer that can be read (${reasonOf(cause)})`, { cause });
  }
}

function readEncoding(encoding: JsEncoding): Tokens {
  return { ids: encoding.getIds(), isTruncated: encoding.getOverflowing().length > 0 };
}
