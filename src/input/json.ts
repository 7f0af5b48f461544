import { HnMineError, reasonOf } from '../errors.js';
import { type Line, placeOf } from './lines.js';

/** A member of a JSON object as it stands in the source. */
export interface Member {
  readonly key: string;
  /** The source text of the value. */
  readonly value: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws HnMineError `input` where the line is no JSON object; names the column of a syntax error */
export function parseObject(line: Line): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (cause) {
    const found = describeSyntaxError(line.text) ?? abbreviate(reasonOf(cause), 200);
    throw new HnMineError('input', `${placeOf(line)}: not valid JSON (${found})`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HnMineError('input', `${placeOf(line)}: expected a JSON object (found ${describeKind(value)})`);
  }
  // Fields may be called `constructor`: what a record lacks is not to be found in a prototype.
  return Object.setPrototypeOf(value, null) as JsonObject;
}

/** What a JSON value is, for messages. */
export function describeKind(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/**
 * The members of a valid JSON object in order, values as source text, so that 64-bit integers and `1.0` survive.
 * A key that is repeated keeps its first place and, as for `JSON.parse`, its last value.
 */
export function splitMembers(source: string): Member[] {
  const members = new Map<string, string>();
  let at = skipSpace(source, source.indexOf('{') + 1);
  while (source[at] !== '}') {
    const keyEnd = skipString(source, at);
    const key = JSON.parse(source.slice(at, keyEnd)) as string;
    const start = skipSpace(source, source.indexOf(':', keyEnd) + 1);
    const end = skipValue(source, start);
    members.set(key, source.slice(start, end));
    at = skipSpace(source, end);
    if (source[at] === ',') at = skipSpace(source, at + 1);
  }
  return Array.from(members, ([key, value]) => ({ key, value }));
}

/** What `JSON.stringify` writes between the quotes of a string; well-formed, whatever the string is. */
export function escapeString(text: string): string {
  return !/["\\\u0000-\u001f]/.test(text) && text.isWellFormed() ? text : JSON.stringify(text).slice(1, -1);
}

/** The other way round. */
export function unescapeString(escaped: string): string {
  return JSON.parse(`"${escaped}"`) as string;
}

/** See `escapeString`, in UTF-8. */
export function escapeText(text: string): Uint8Array {
  return Buffer.from(escapeString(text));
}

/** Text of a source for a message of one line: cut where it is long, control characters spelled out. */
export function abbreviate(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** An ID in a message, cut where it is long. */
export function quoteId(id: string): string {
  return `"${abbreviate(id, 40)}"`;
}

/** A JSON value whose numbers have become strings of their source text: identifiers compare as strings. */
export function parseWithNumbersAsText(source: string): unknown {
  const parts: string[] = [];
  for (let at = 0; at < source.length; ) {
    const quote = source.indexOf('"', at);
    const end = quote === -1 ? source.length : quote;
    parts.push(source.slice(at, end).replace(/-?\d[\d.eE+-]*/g, '"$&"'));
    at = quote === -1 ? end : skipString(source, quote);
    parts.push(source.slice(end, at));
  }
  return JSON.parse(parts.join(''));
}

function skipSpace(source: string, start: number): number {
  let at = start;
  while (source.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** From an opening quote to past its closing one. */
function skipString(source: string, start: number): number {
  for (let at = source.indexOf('"', start + 1); ; at = source.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (source[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

function skipValue(source: string, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const char = source[at] as string;
    if (char === '"') {
      at = skipString(source, at);
    } else if (char === '{' || char === '[') {
      depth++;
      at++;
    } else if (depth > 0) {
      if (char === '}' || char === ']') depth--;
      at++;
    } else {
      at = skipScalar(source, at);
    }
    if (depth === 0) return at;
  }
}

function skipScalar(source: string, start: number): number {
  let at = start;
  while (!/[\s,}\]]/.test(source[at] as string)) at++;
  return at;
}

/** Where and why a text is not JSON, from a strict scan: V8 names the place only sometimes, and differently by version. */
function describeSyntaxError(source: string): string | undefined {
  try {
    return scanForSyntaxError(source);
  } catch {
    // A string of many megabytes exhausts the regular expression's stack.
    return undefined;
  }
}

function scanForSyntaxError(source: string): string {
  const tokens =
    /[\t\n\r ]+|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y;
  const open: string[] = [];
  let expected = 'value';
  for (let at = 0; at < source.length; at = tokens.lastIndex) {
    tokens.lastIndex = at;
    const token = tokens.exec(source)?.[0];
    if (token === undefined) return describeBadToken(source, at);
    if (/^[\t\n\r ]/.test(token)) continue;
    const next = advance(token, expected, open);
    if (next === undefined) return `unexpected ${quoteToken(token)} at column ${at + 1}`;
    expected = next;
  }
  return `unexpected end at column ${source.length + 1}`;
}

function describeBadToken(source: string, at: number): string {
  if (source[at] !== '"')
    return `unexpected ${quoteToken(String.fromCodePoint(source.codePointAt(at) as number))} at column ${at + 1}`;
  const start = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
  start.lastIndex = at;
  const end = at + (start.exec(source)?.[0].length ?? 1);
  if (/^\\?$/.test(source.slice(end, end + 2))) return `unterminated string at column ${at + 1}`;
  return `${source[end] === '\\' ? 'bad escape' : 'control character'} at column ${end + 1}`;
}

function quoteToken(token: string): string {
  return `'${abbreviate(token, 20)}'`;
}

/** One step of the grammar: what may follow `token`, or nothing where it may not stand here. */
function advance(token: string, expected: string, open: string[]): string | undefined {
  const isClose = token === '}' || token === ']';
  if (isClose) {
    if (open.at(-1) !== token || !['next', 'firstKey', 'firstItem'].includes(expected)) return undefined;
    open.pop();
    return open.length === 0 ? 'end' : 'next';
  }
  if (expected === 'next' && token === ',') return open.at(-1) === '}' ? 'key' : 'value';
  if (expected === 'colon') return token === ':' ? 'value' : undefined;
  if (expected === 'key' || expected === 'firstKey') return token.startsWith('"') ? 'colon' : undefined;
  if (!['value', 'firstItem'].includes(expected) || token === ',' || token === ':') return undefined;
  if (token === '{' || token === '[') open.push(token === '{' ? '}' : ']');
  if (token === '{') return 'firstKey';
  if (token === '[') return 'firstItem';
  return open.length === 0 ? 'end' : 'next';
}
