import { HnMineError } from '../errors.js';
import { GrowingArray } from '../memory/growing-array.js';
import { type Hash64, hashText } from '../memory/hash.js';
import { HashLists, HashTable } from '../memory/hash-table.js';
import { listLazily, TextSpool, type Texts } from '../memory/text-spool.js';
import { describeKind, escapeString, parseObject, unescapeString } from './json.js';
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

/**
 * The distinct passages in first-seen order, texts on disk where they are many, and about 50 bytes a passage in memory. A
 * passage's *class* is the first passage whose text is equal after normalization: no two passages of one class may stand in
 * one row.
 */
export class Pool {
  /** Passages that were merged into an earlier one with the same text. */
  duplicates = 0;
  /** Passages without any text, which are left out. */
  empty = 0;
  /** Records read: passages, duplicates and empty ones. */
  recordCount = 0;

  /** As they are written, since each is written many times and read a few: see `escapeString`. */
  readonly #escaped: TextSpool;
  readonly #ids: TextSpool | undefined;
  readonly #classes = new GrowingArray((length) => new Int32Array(length));
  readonly #records = new GrowingArray((length) => new Int32Array(length));
  readonly #hashes = new GrowingArray((length) => new Uint32Array(length));
  /** 1 for a text that is not its own escaped form. */
  readonly #isOther = new GrowingArray((length) => new Uint8Array(length));
  readonly #passageOfText = new HashTable();
  /** Only of classes whose first text is not in normalized form: the others are found by the table above. */
  readonly #classOfNormalized = new HashTable();
  readonly #classesOfBareText = new HashLists();
  readonly #classesOfId = new HashLists();
  #classCount = 0;

  /**
   * @param texts where the texts go: in memory, unless told otherwise
   * @param ids where the passages' IDs go, if they are to be read again
   */
  constructor(texts = new TextSpool(), ids?: TextSpool) {
    this.#escaped = texts;
    this.#ids = ids;
  }

  get size(): number {
    return this.#escaped.length;
  }

  get texts(): Texts {
    return listLazily(
      this.size,
      (position) => this.#textAt(position),
      (position) => this.#escaped.sizeOf(position),
    );
  }

  /** A passage's text as it is written, in UTF-8, to be read only: see `escapeString`. */
  escapedAt(position: number): Uint8Array {
    return this.#escaped.bytesAt(position);
  }

  /** How many passages differ after normalization. */
  get classCount(): number {
    return this.#classCount;
  }

  /** The number of the record that each passage was first seen in, ascending. */
  get records(): Int32Array {
    return this.#records.view();
  }

  /**
   * @param passage its joined text; its text without the title, where it has one; its ID, where it has one
   * @returns the passage's position, which is an earlier one's where the text is the same
   */
  add(passage: { text: string; bareText?: string; id?: string }): number {
    const hash = hashText(passage.text);
    const known = this.#find(passage.text, hash);
    const position = known ?? this.#append(passage.text, hash);
    if (known !== undefined) this.duplicates++;
    else this.#ids?.add(passage.id ?? '');
    const found = this.classOf(position);
    if (passage.bareText !== undefined) this.#classesOfBareText.add(hashText(normalizeText(passage.bareText)), found);
    if (passage.id !== undefined) this.#classesOfId.add(hashText(passage.id), found);
    return position;
  }

  /** The position of the passage with exactly this text. */
  positionOf(text: string, hash = hashText(text)): number | undefined {
    return this.#find(text, hash);
  }

  /** The position of the passage whose text has this hash. */
  positionOfHash(hash: Hash64): number | undefined {
    return this.#passageOfText.get(hash);
  }

  classOf(position: number): number {
    return this.#classes.at(position);
  }

  /** The class of each passage. */
  get classes(): Int32Array {
    return this.#classes.view();
  }

  /** The hash of each passage's text, its high and its low half: see `hashText`. */
  get hashes(): Uint32Array {
    return this.#hashes.view();
  }

  /** The class of the passages that equal this normalized text. */
  classOfText(normalized: string, hash: Hash64): number | undefined {
    const position = this.#find(normalized, hash);
    if (position !== undefined) return this.classOf(position);
    const found = this.#classOfNormalized.get(hash);
    return found !== undefined && normalizeText(this.#textAt(found)) === normalized ? found : undefined;
  }

  /** The classes of the passages that equal this normalized text, with or without their title. */
  classesEqualTo(normalized: string, hash = hashText(normalized)): readonly number[] {
    const joined = this.classOfText(normalized, hash);
    const bare = this.#classesOfBareText.size === 0 ? [] : [...this.#classesOfBareText.get(hash)];
    return joined === undefined ? bare : [joined, ...bare];
  }

  classesWithId(id: string): number[] {
    return [...this.#classesOfId.get(hashText(id))];
  }

  /** Whether any passage has one. */
  get hasIds(): boolean {
    return this.#classesOfId.size > 0;
  }

  /** The ID of the record that a passage was first seen in; null where it had none; nothing where IDs are not kept. */
  idAt(position: number): string | null | undefined {
    return this.#ids && (this.#ids.at(position) || null);
  }

  /** The ID of the passage with this text, or else of one that equals it after normalization: see `idAt`. */
  idOfText(text: string): string | null | undefined {
    const position = this.positionOf(text) ?? this.classesEqualTo(normalizeText(text))[0];
    return this.#ids && (position === undefined ? null : this.idAt(position));
  }

  /** Hashes only propose: a text is the same where it reads the same. */
  #find(text: string, hash: Hash64): number | undefined {
    const position = this.#passageOfText.get(hash);
    return position !== undefined && this.#textAt(position) === text ? position : undefined;
  }

  #textAt(position: number): string {
    const escaped = this.#escaped.at(position);
    return this.#isOther.at(position) === 0 ? escaped : unescapeString(escaped);
  }

  #append(text: string, hash: Hash64): number {
    const normalized = normalizeText(text);
    const isNormalized = normalized === text;
    const normalizedHash = isNormalized ? hash : hashText(normalized);
    const first = this.classOfText(normalized, normalizedHash);
    const escaped = escapeString(text);
    const position = this.#escaped.add(escaped);
    this.#isOther.push(escaped === text ? 0 : 1);
    this.#records.push(this.recordCount);
    this.#hashes.push(hash.high);
    this.#hashes.push(hash.low);
    this.#passageOfText.set(hash, position);
    this.#classes.push(first ?? position);
    if (first !== undefined) return position;
    this.#classCount++;
    if (!isNormalized) this.#classOfNormalized.set(normalizedHash, position);
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
