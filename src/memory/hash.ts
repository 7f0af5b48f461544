import * as crypto from 'node:crypto';

/** 64 bits of a hash. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** The last text and its hash: the same text is mostly looked up several times in a row. */
let last: { readonly text: string; readonly hash: Hash64 } | undefined;

/** The first 64 bits of `digestText`. */
export function hashText(text: string): Hash64 {
  if (last?.text === text) return last.hash;
  const digest = digestText(text);
  const hash = { high: readUint32(digest, 0), low: readUint32(digest, 4) };
  last = { text, hash };
  return hash;
}

/**
 * SHA-256 over the UTF-8 text, a character a byte; over UTF-16 where it holds lone surrogates, which UTF-8 cannot tell apart.
 */
export function digestText(text: string): string {
  return digestBytes(text.isWellFormed() ? text : Buffer.from(text, 'utf16le'));
}

/** SHA-256 over bytes, or over the UTF-8 of well-formed text, a character a byte. */
// Four times as fast as a hash object where the digest is a string ("binary" is Latin-1); Node has it since 20.12.
export const digestBytes: (data: string | Uint8Array) => string =
  crypto.hash === undefined
    ? (data) => crypto.createHash('sha256').update(data).digest('binary')
    : (data) => crypto.hash('sha256', data, 'binary');

function readUint32(digest: string, at: number): number {
  const byte = (i: number) => digest.charCodeAt(at + i);
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}

/** `fmix32` of MurmurHash3 (Austin Appleby, public domain), which spreads every input bit over all output bits. */
export function mixBits(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
