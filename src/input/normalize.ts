/** White space that is not a single space, which most of it is. */
const ODD_SPACE = /\s{2,}|[^\S ]/g;
const NEEDS_WORK = /[^\x21-\x7e ]|^ | $| {2}/;

/** The last text, and what it became: a row's texts are looked at several times in a row. */
let [last, lastNormalized] = ['', ''];

/**
 * The form in which two texts are compared, never embedded or written: Unicode NFC, white space collapsed, trimmed.
 * Returns the text itself where it has that form already.
 */
export function normalizeText(text: string): string {
  if (text === last) return lastNormalized;
  const normalized = NEEDS_WORK.test(text) ? text.normalize('NFC').replace(ODD_SPACE, ' ').trim() : text;
  [last, lastNormalized] = [text, normalized];
  return normalized;
}
