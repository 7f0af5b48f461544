import { type JsEncoding, Tokenizer } from 'tokenizers';
import { HnMineError, reasonOf } from '../errors.js';

/** A text as the model reads it. */
export interface Tokens {
  /** Special tokens included, no padding. */
  readonly ids: readonly number[];
  readonly isTruncated: boolean;
}

/** Cuts texts into tokens; each call waits for the one before. */
export interface TextTokenizer {
  readonly vocabularySize: number;
  /** @param maxLength the most tokens of a text, special ones included; nothing means no limit */
  tokenize(texts: readonly string[], maxLength: number | undefined): Promise<Tokens[]>;
}

/**
 * @param source the text of a `tokenizer.json` without truncation and padding
 * @param name what messages call it
 * @throws HnMineError `model` where it is no tokenizer
 */
export function createTokenizer(source: string, name = 'tokenizer.json'): TextTokenizer {
  const tokenizer = loadTokenizer(source, name);
  return {
    vocabularySize: tokenizer.getVocabSize(true),
    async tokenize(texts, maxLength) {
      if (maxLength === undefined) tokenizer.disableTruncation();
      else tokenizer.setTruncation(maxLength);
      return (await tokenizer.encodeBatch([...texts])).map(readEncoding);
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
