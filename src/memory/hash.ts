import { createHash } from 'node:crypto';

/** 64 bits of a hash. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** The first 64 bits of SHA-256 over the UTF-8 text; over UTF-16 where it holds lone surrogates, which UTF-8 cannot tell apart. */
export function hashText(text: string): Hash64 {
  const digest = createHash('sha256')
    .update(text, text.isWellFormed() ? 'utf8' : 'utf16le')
    .digest();
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) };
}
