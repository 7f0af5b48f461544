/**
 * A line, without its break, in parts that are copied once: to where they are written. Strings become UTF-8; bytes are UTF-8
 * already, and may be views of what others keep.
 */
export type LineParts = readonly (string | Uint8Array)[];

/** The line as text. */
export function joinParts(parts: LineParts): string {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))).toString();
}
