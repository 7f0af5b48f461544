import { createHash } from 'node:crypto';
import { HnMineError } from '../errors.js';
import { describeKind, parseObject } from './json.js';
import { type Line, placeOf, readLines, type Source } from './lines.js';
import { normalizeText } from './normalize.js';
import { missingField, readId } from './rows.js';

/** The names of the fields that a passage is read from. */
export interface PassageFields {
  readonly text: string;
  readonly title: string;
  /** The first of these that a passage has. */
  readonly id: readonly string[];
}

/** The 64 bits of a passage's text that its draws are made from. */
export interface TextHash {
  readonly high: number;
  readonly low: number;
}

/**
 * The distinct passages in first-seen order. A passage's *class* is the first passage whose text is equal after
 * normalization: no two passages of one class may stand in one row.
 */
export class Pool {
  readonly texts: string[] = [];
  /** Passages that were merged into an earlier one with the same text. */
  duplicates = 0;
  /** Passages without any text, which are left out. */
  empty = 0;
  /** Records read: passages, duplicates and empty ones. */
  recordCount = 0;
  /** The number of the record that each passage was first seen in. */
  readonly records: number[] = [];

  readonly #classes: number[] = [];
  readonly #classOfNormalized = new Map<string, number>();
  /** Only texts that are not in normalized form: the others are found by the map above. */
  readonly #passageOfText = new Map<string, number>();
  readonly #classesOfBareText = new Map<string, number[]>();
  readonly #classesOfId = new Map<string, number[]>();
  readonly #hashes: number[] = [];

  get size(): number {
    return this.texts.length;
  }

  /** How many passages differ after normalization. */
  get classCount(): number {
    return this.#classOfNormalized.size;
  }

  /**
   * @param passage its joined text; its text without the title, where it has one; its ID, where it has one
   * @returns the passage's position, which is an earlier one's where the text is the same
   */
  add(passage: { text: string; bareText?: string; id?: string }): number {
    const normalized = normalizeText(passage.text);
    const known = this.#find(passage.text, normalized);
    const position = known ?? this.#append(passage.text, normalized);
    if (known !== undefined) this.duplicates++;
    const found = this.classOf(position);
    if (passage.bareText !== undefined) pushTo(this.#classesOfBareText, normalizeText(passage.bareText), found);
    if (passage.id !== undefined) pushTo(this.#classesOfId, passage.id, found);
    return position;
  }

  /** The position of the passage with exactly this text. */
  positionOf(text: string): number | undefined {
    return this.#find(text, normalizeText(text));
  }

  classOf(position: number): number {
    return this.#classes[position] as number;
  }

  /** The classes of the passages that equal this normalized text, with or without their title. */
  *classesEqualTo(normalized: string): Generator<number> {
    const joined = this.#classOfNormalized.get(normalized);
    if (joined !== undefined) yield joined;
    yield* this.#classesOfBareText.get(normalized) ?? [];
  }

  classesWithId(id: string): readonly number[] {
    return this.#classesOfId.get(id) ?? [];
  }

  /** The first 64 bits of SHA-256 over the passage's UTF-8 text. */
  hashOf(position: number): TextHash {
    return { high: this.#hashes[2 * position] as number, low: this.#hashes[2 * position + 1] as number };
  }

  #find(text: string, normalized: string): number | undefined {
    const first = this.#classOfNormalized.get(normalized);
    return first !== undefined && this.texts[first] === text ? first : this.#passageOfText.get(text);
  }

  #append(text: string, normalized: string): number {
    const position = this.texts.push(text) - 1;
    this.records.push(this.recordCount);
    const first = this.#classOfNormalized.get(normalized);
    if (first === undefined) this.#classOfNormalized.set(normalized, position);
    else this.#passageOfText.set(text, position);
    this.#classes.push(first ?? position);
    const digest = createHash('sha256').update(text).digest();
    this.#hashes.push(digest.readUInt32BE(0), digest.readUInt32BE(4));
    return position;
  }
}

/**
 * Adds the passages of a source to the pool.
 *
 * @param onRecord called with the position of each record's passage, nothing for an empty one
 * @throws HnMineError `input`, naming file, line and field
 */
export async function readPassages(
  pool: Pool,
  source: Source,
  fields: PassageFields,
  onRecord: (position: number | undefined) => Promise<void> | undefined,
): Promise<void> {
  for await (const line of readLines(source, 'pool')) {
    const position = addPassage(pool, line, fields);
    pool.recordCount++;
    await onRecord(position);
  }
}

function addPassage(pool: Pool, line: Line, fields: PassageFields): number | undefined {
  const record = parseObject(line);
  const text = record[fields.text];
  if (text === undefined) throw missingField(line, record, fields.text, '--text-field');
  if (typeof text !== 'string') throw notText(line, fields.text, text);
  const title = record[fields.title] ?? '';
  if (typeof title !== 'string') throw notText(line, fields.title, title);
  const idField = fields.id.find((field) => record[field] != null);
  const id = idField === undefined ? undefined : readId(line, record, idField);
  const joined = title === '' ? text : `${title} ${text}`.trim();
  if (joined.trim() !== '') {
    return pool.add({ text: joined, ...(title === '' ? {} : { bareText: text }), ...(id === undefined ? {} : { id }) });
  }
  pool.empty++;
  return undefined;
}

function notText(line: Line, field: string, value: unknown): HnMineError {
  return new HnMineError('input', `${placeOf(line)}: "${field}" must be a string (found ${describeKind(value)})`);
}

function pushTo(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  // Classes mostly come in order: a list of many, as for passages without any text but a title, is rarely searched.
  else if (value > (list.at(-1) as number) || !list.includes(value)) list.push(value);
}
