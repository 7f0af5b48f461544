import type { ColumnSource, SchemaElement } from 'hyparquet-writer';
import type { Member } from '../input/json.js';

/** What a column of values can hold: one kind of value, or of lists of values; JSON texts hold everything else. */
type Scalar = 'text' | 'whole' | 'number' | 'switch';
type Kind = 'nothing' | Scalar | 'json' | { readonly listOf: 'nothing' | Scalar };

/** Of a column: values without any kind, those of no record included, are null. */
export interface Column {
  readonly name: string;
  readonly kind: Kind;
}

const WHOLE_NUMBER = /^-?(0|[1-9]\d*)$/;
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Finds the columns that hold all records that it is shown. */
export class ColumnFinder {
  readonly #kinds = new Map<string, Kind>();

  /** @param record the members of an object */
  add(record: readonly Member[]): void {
    for (const { key, value } of record) {
      const known = this.#kinds.get(key) ?? 'nothing';
      // What is JSON stays it.
      if (known !== 'json') this.#kinds.set(key, join(known, kindOf(value)));
    }
  }

  /** In the order in which they were first seen. */
  get columns(): readonly Column[] {
    return Array.from(this.#kinds, ([name, kind]) => ({ name, kind }));
  }
}

function kindOf(source: string): Kind {
  if (source[0] !== '[') return scalarOf(source) ?? 'json';
  let elements: Scalar | 'nothing' = 'nothing';
  for (const kind of source.includes('"') ? kindsOfValues(JSON.parse(source)) : splitNumbers(source).map(scalarOf)) {
    const joined: Scalar | 'nothing' | undefined = kind && joinScalars(elements, kind);
    if (joined === undefined) return 'json';
    elements = joined;
  }
  return { listOf: elements };
}

/** Of a list with texts: beside these only nulls are of a kind with them. */
function kindsOfValues(values: readonly unknown[]): (Scalar | 'nothing' | undefined)[] {
  return values.map((value) => (typeof value === 'string' ? 'text' : value === null ? 'nothing' : undefined));
}

function scalarOf(source: string): Scalar | 'nothing' | undefined {
  if (source[0] === '[' || source[0] === '{') return undefined;
  if (source[0] === '"') return 'text';
  if (source === 'null') return 'nothing';
  if (source === 'true' || source === 'false') return 'switch';
  if (!WHOLE_NUMBER.test(source)) return 'number';
  const value = BigInt(source);
  return value >= LEAST && value <= MOST ? 'whole' : 'number';
}

/** The kind of both; nothing where there is none but JSON. */
function joinScalars(a: Scalar | 'nothing', b: Scalar | 'nothing'): Scalar | 'nothing' | undefined {
  if (a === b || b === 'nothing') return a;
  if (a === 'nothing') return b;
  const isNumeric = (kind: Scalar) => kind === 'whole' || kind === 'number';
  return isNumeric(a) && isNumeric(b) ? 'number' : undefined;
}

function join(a: Kind, b: Kind): Kind {
  if (a === 'nothing') return b;
  if (b === 'nothing') return a;
  if (a === 'json' || b === 'json') return 'json';
  if (typeof a === 'string' || typeof b === 'string') {
    return typeof a === 'string' && typeof b === 'string' ? (joinScalars(a, b) ?? 'json') : 'json';
  }
  const listOf = joinScalars(a.listOf, b.listOf);
  return listOf === undefined ? 'json' : { listOf };
}

/** The sources of the elements of a list without texts; of lists and objects among them the beginning shows what they are. */
function splitNumbers(source: string): string[] {
  const inner = source.slice(1, -1).trim();
  return inner === '' ? [] : inner.split(',').map((element) => element.trim());
}

const TYPES: Readonly<Record<Scalar | 'json' | 'nothing', Partial<SchemaElement>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  // Without the older `converted_type`, with which the library would write the value anew.
  json: { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } },
  whole: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  switch: { type: 'BOOLEAN' },
  // Of what is always null, or an empty list, any type will do.
  nothing: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

/** The schema of columns, lists in the three levels that all readers know. */
export function describeColumns(columns: readonly Column[]): SchemaElement[] {
  const optional = { repetition_type: 'OPTIONAL' } as const;
  return [
    { name: 'schema', num_children: columns.length },
    ...columns.flatMap(({ name, kind }): SchemaElement[] => {
      if (typeof kind === 'string') return [{ name, ...optional, ...TYPES[kind] }];
      return [
        { name, ...optional, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', ...optional, ...TYPES[kind.listOf] },
      ];
    }),
  ];
}

/** The values of some records in these columns. */
export function fillColumns(columns: readonly Column[], records: readonly (readonly Member[])[]): ColumnSource[] {
  const sources = records.map((record) => new Map(record.map(({ key, value }) => [key, value])));
  return columns.map(({ name, kind }) => ({ name, data: sources.map((source) => readValue(source.get(name), kind)) }));
}

function readValue(source: string | undefined, kind: Kind): unknown {
  if (source === undefined || source === 'null') return null;
  if (kind === 'json') return Buffer.from(source);
  if (kind === 'whole') return BigInt(source);
  if (typeof kind === 'string') return JSON.parse(source);
  if (kind.listOf !== 'whole') return JSON.parse(source);
  return splitNumbers(source).map((element) => (element === 'null' ? null : BigInt(element)));
}
