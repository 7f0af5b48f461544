import { readFileSync } from 'node:fs';
import { flagOf } from '../config/flag-name.js';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';
import { describeKind } from '../input/json.js';
import { OPTIONS } from './option-list.js';

const FLAG = '--config';

/** Options that are on unless they are said to be off. */
const ON_BY_DEFAULT = Object.values(OPTIONS)
  .flatMap((options) => Object.keys(options))
  .filter((flags) => flags.startsWith('--no-'))
  .map((flags) => flags.slice('--no-'.length));

/**
 * Puts the flags of `--config` files where these stand on a command line: before all others, so that those win.
 *
 * @param words of a command, its name left out
 * @throws HnMineError `input` where a file is missing or holds no flags
 */
export function expandConfigs(words: readonly string[]): string[] {
  const rest: string[] = [];
  const configured: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const next = words[i + 1];
    if (word.startsWith(`${FLAG}=`)) {
      configured.push(...readFlags(word.slice(FLAG.length + 1)));
    } else if (word === FLAG && next !== undefined && !next.startsWith('--')) {
      configured.push(...readFlags(next));
      i++;
    } else {
      // Without a file, it is refused as any flag without its value.
      rest.push(word);
    }
  }
  return [...configured, ...rest];
}

function readFlags(file: string): string[] {
  const value = parseFile(file);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const expected = 'expected an object of flags, such as {"range": "10-60"}';
    throw new HnMineError('input', `${file}: ${expected} (found ${describeKind(value)})`);
  }
  return Object.entries(value).flatMap(([name, one]) => toWords(file, name.replace(/^--/, ''), one));
}

function parseFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const isMissing = hasErrno(cause, 'ENOENT');
    const reason =
      cause instanceof SyntaxError ? `not valid JSON (${reasonOf(cause)})` : `cannot be read (${reasonOf(cause)})`;
    throw new HnMineError('input', `${FLAG} ${file}: ${isMissing ? 'no such file' : reason}`, { cause });
  }
}

function toWords(file: string, name: string, value: unknown): string[] {
  const flag = flagOf(name);
  if (value === null) return [];
  if (value === true) return ON_BY_DEFAULT.includes(name) ? [] : [flag];
  if (value === false) return ON_BY_DEFAULT.includes(name) ? [`--no-${name}`] : [];
  if (Array.isArray(value)) return value.flatMap((one) => toWords(file, name, one));
  if (typeof value === 'string' || typeof value === 'number') {
    const text = String(value);
    return text.startsWith('-') ? [`${flag}=${text}`] : [flag, text];
  }
  const expected = 'expected text, a number, true, false or a list of them';
  throw new HnMineError('input', `${file}: "${name}": ${expected} (found ${describeKind(value)})`);
}
