/** White space that is not a single space, which most of it is. */
const ODD_SPACE = /\s{2,}|[^\S ]/g;
const NEEDS_WORK = /[^\x21-\x7e ]|^ | $| {2}/;

/**
 * The form in which two texts are compared, never embedded or written: Unicode NFC, white space collapsed, trimmed.
 * Returns the text itself where it has that form already.
 */
export function normalizeText(text: string): string {
  if (!NEEDS_WORK.test(text)) return text;
  return text.normalize('NFC').replace(ODD_SPACE, ' ').trim();
}
