/** Numbers that look random and are the same in every run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % end;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const TEXTS = [
  'a text',
  '',
  ' ',
  'größer 漢字 😀',
  '\\ud800',
  '\\udc00\\ud800',
  '\\u0000',
  '\\"',
  '\\\\',
  '\u2028',
  'x',
];
const NUMBERS = ['0', '-0', '7', '1.0', '9007199254740993', '1e999', '-1E-400', `1${'0'.repeat(400)}`, '0.1e+308'];
const NAMES = ['query', 'pos', 'neg', 'query_id', 'pos_ids', 'text', 'title', '_id', 'id', 'more', '', 'a\\nb'];
/** What every object inherits. */
export const PROTOTYPE_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
];
const NOISE = [...'{}[]:,"\\ \n\r\t\0', '\x1b[2J', '\x7f', '01', '+1', '.5', '1.', 'NaN', "'", '\ufeff', 'tru', '\\x'];

function makeValue(random: Random, depth = 3): string {
  const kind = random.below(depth === 0 ? 4 : 7);
  if (kind < 2) return `"${random.pick(TEXTS)}"`;
  if (kind === 2) return random.pick(NUMBERS);
  if (kind === 3) return random.pick(['true', 'false', 'null']);
  const values = random.list(4, () => makeValue(random, depth - 1));
  return kind === 4 ? `{${values.map((value) => `"${random.pick(NAMES)}": ${value}`).join(',')}}` : `[${values}]`;
}

const makeText = (random: Random) => `"${random.pick(TEXTS)}${random.pick(TEXTS)}"`;
const makeTexts = (random: Random) => `[${random.list(3, () => makeText(random)).join(', ')}]`;

/** An object that is a row, a passage, or nearly one of them. */
function makeRecord(random: Random): string {
  const members = random.list(2, () => [random.pick([...NAMES, ...PROTOTYPE_NAMES]), makeValue(random)]);
  if (random.below(8) > 0) members.push(['query', `"q${random.below(9)}"`], ['text', makeText(random)]);
  if (random.below(8) > 0) members.push(['pos', `["p", ${makeText(random)}]`]);
  if (random.below(3) > 0) members.push(['neg', makeTexts(random)], ['title', makeText(random)]);
  if (random.below(3) > 0) members.push(['query_id', random.pick(NUMBERS)], ['_id', `[${random.pick(NUMBERS)}, "b"]`]);
  return `{${members.map(([name, value]) => `"${name}"${random.pick([':', ' : '])}${value}`).join(',')}}`;
}

/** A few lines, most of them rows and passages. */
export function makeFile(random: Random): Buffer {
  const lines = Array.from({ length: 1 + random.below(4) }, () => makeRecord(random));
  const ends = random.pick(['\n', '\r\n', '\n\n', '\n \n']);
  return Buffer.from(random.pick(['', '', '\ufeff']) + lines.join(ends) + random.pick(['', ends]));
}

/** The same bytes but for one piece. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.below(12));
  const [head, piece, tail] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  const ways: readonly (() => Buffer[])[] = [
    () => [head],
    () => [head, tail],
    () => [head, piece, piece, tail],
    () => [head, random.bytes(piece.length), tail],
    () => [head, Buffer.from(random.pick(NOISE)), piece, tail],
    () => [head, Buffer.from(random.pick(NOISE)), tail],
    () => [head, tail, piece],
    () => [head, Buffer.from([(bytes[at] as number) ^ (1 << random.below(8))]), bytes.subarray(at + 1)],
  ];
  return Buffer.concat(random.pick(ways)());
}

/** How a file is made, whose every read must end well. */
type Maker = (random: Random) => Buffer;

export const MAKERS: readonly { what: string; count: number; make: Maker }[] = [
  { what: 'random bytes', count: 1500, make: (random) => random.bytes(random.below(200)) },
  {
    what: 'rows with random bytes among them',
    count: 1500,
    make: (random) =>
      Buffer.concat([makeFile(random), Buffer.from('\n'), random.bytes(random.below(9)), makeFile(random)]),
  },
  { what: 'valid and nearly valid rows', count: 2000, make: makeFile },
  { what: 'rows mutated once', count: 3000, make: (random) => mutate(random, makeFile(random)) },
  {
    what: 'rows mutated several times',
    count: 2000,
    make: (random) =>
      random.list(5, () => 0).reduce((bytes) => mutate(random, Buffer.concat([bytes, bytes])), makeFile(random)),
  },
  {
    what: 'text cut inside a character',
    count: 1500,
    make: (random) => {
      const bytes = Buffer.from(
        `{"query":"${'漢😀ü'.repeat(3)}","text":"${'😀'.repeat(4)}","pos":["${'ü漢'.repeat(3)}"]}`,
      );
      const start = random.below(2) * random.below(bytes.length);
      return Buffer.concat([bytes, Buffer.from('\n'), bytes.subarray(start, start + random.below(bytes.length))]);
    },
  },
  {
    what: 'pieces of JSON in any order',
    count: 1500,
    make: (random) => {
      const pieces = random.list(30, () => random.pick([...NOISE, ...NUMBERS, makeText(random), '{"query":', 'null']));
      return Buffer.from(pieces.join(''));
    },
  },
];
