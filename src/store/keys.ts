import { digestText } from '../memory/hash.js';
import { createPacer } from '../pacer.js';
import { KEY_BYTES } from './segment.js';

/**
 * Keys of a store: the head of a SHA-256.
 *
 * @param nameOf the text that tells an item from all others
 */
export async function makeKeys<T>(items: readonly T[], nameOf: (item: T) => string): Promise<Uint8Array[]> {
  const pause = createPacer();
  const keys: Uint8Array[] = [];
  for (const item of items) {
    keys.push(Uint8Array.from(Buffer.from(digestText(nameOf(item)), 'latin1').subarray(0, KEY_BYTES)));
    await pause();
  }
  return keys;
}
