import { GrowingArray } from '../memory/growing-array.js';
import { TextSpool } from '../memory/text-spool.js';
import { parseRow, type Row, type RowFields } from './rows.js';

/** Rows by position. */
export interface Rows {
  readonly length: number;
  read(position: number): Row;
  /** Bytes of the row's line. */
  sizeOf(position: number): number;
}

/** Rows are read several times, mostly one after the other. */
const RECENT_ROWS = 64;

/** Rows as their source lines, on disk where they are many; each is parsed again when it is read. */
export class RowStore implements Rows {
  readonly #lines: TextSpool;
  readonly #numbers = new GrowingArray((length) => new Uint32Array(length));
  readonly #fields: RowFields;
  readonly #recent: { position: number; row: Row }[] = [];
  /** Of a single source. */
  #file = '';

  constructor(fields: RowFields, lines = new TextSpool()) {
    this.#fields = fields;
    this.#lines = lines;
  }

  get length(): number {
    return this.#lines.length;
  }

  /** @throws HnMineError `output` where the disk is full */
  add({ line }: Row): number {
    this.#file = line.file;
    this.#numbers.push(line.number);
    return this.#lines.add(line.text);
  }

  read(position: number): Row {
    const recent = this.#recent[position % RECENT_ROWS];
    if (recent?.position === position) return recent.row;
    const line = { file: this.#file, number: this.#numbers.at(position), text: this.#lines.at(position) };
    const row = parseRow(line, this.#fields);
    this.#recent[position % RECENT_ROWS] = { position, row };
    return row;
  }

  sizeOf(position: number): number {
    return this.#lines.sizeOf(position);
  }
}
