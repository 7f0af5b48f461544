/** Rows and passages as a plain reading of the rules sees them: all compared with all, nothing remembered. */

export interface RowRecord {
  readonly query: string;
  readonly pos: readonly string[];
  readonly neg?: readonly string[];
  readonly query_id?: string | number;
  readonly pos_ids?: readonly (string | number)[];
  readonly [field: string]: unknown;
}

export interface PassageRecord {
  readonly text: string;
  readonly title?: string;
  readonly _id?: string | number;
}

/** Without `pool`, the positives and negatives of the input are the pool. */
export interface RuleRecords {
  readonly input: readonly RowRecord[];
  readonly pool?: readonly PassageRecord[] | undefined;
}

const normalized = new Map<string, string>();

/** Unicode NFC, white space collapsed, trimmed. */
export function normal(text: string): string {
  const known = normalized.get(text) ?? text.normalize('NFC').split(/\s+/).filter(Boolean).join(' ');
  normalized.set(text, known);
  return known;
}

/** The first of those that are equal after normalization. */
export function oneOfEach<T extends { readonly text: string }>(items: readonly T[]): T[] {
  const first = new Map(items.toReversed().map((item) => [normal(item.text), item]));
  return items.filter((item) => first.get(normal(item.text)) === item);
}

export const joined = ({ title = '', text }: PassageRecord) => (title === '' ? text : `${title} ${text}`.trim());

export function passagesOf({ input, pool }: RuleRecords): readonly PassageRecord[] {
  const passages = pool ?? input.flatMap(({ pos, neg = [] }) => [...pos, ...neg].map((text) => ({ text })));
  return passages.filter((passage) => normal(joined(passage)) !== '');
}

/** The distinct texts of the pool in first-seen order. */
export const textsOfPool = (records: RuleRecords) => [...new Set(passagesOf(records).map(joined))];

/** The rows of one query: by the same ID, by the same text, or linked through other rows by either. */
export function siblingsOf(input: readonly RowRecord[], position: number): RowRecord[] {
  const group = new Set([position]);
  for (let before = 0; before < group.size; ) {
    before = group.size;
    for (const [i, one] of input.entries()) {
      if ([...group].some((member) => shareQuery(input[member] as RowRecord, one))) group.add(i);
    }
  }
  return [...group].sort((a, b) => a - b).map((member) => input[member] as RowRecord);
}

function shareQuery(a: RowRecord, b: RowRecord): boolean {
  const sameId = a.query_id !== undefined && b.query_id !== undefined && String(a.query_id) === String(b.query_id);
  return sameId || normal(a.query) === normal(b.query);
}

/** The normalized texts that no row of a family may take: its queries and positives, in the pool or not. */
export function forbiddenTexts(family: readonly RowRecord[], passages: readonly PassageRecord[]): Set<string> {
  const asked = family.flatMap(({ query, pos }) => [query, ...pos]).map(normal);
  const ids = new Set(family.flatMap(({ pos_ids = [] }) => pos_ids).map(String));
  const answers = passages.filter(({ _id }) => _id !== undefined && ids.has(String(_id)));
  return new Set([...asked, ...equalTexts(asked, passages), ...answers.map((answer) => normal(joined(answer)))]);
}

/** The normalized joined texts of the passages that equal one of some texts, with or without their title. */
export function equalTexts(texts: readonly string[], passages: readonly PassageRecord[]): string[] {
  const wanted = new Set(texts.map(normal));
  const equal = passages.filter((passage) => wanted.has(normal(joined(passage))) || wanted.has(normal(passage.text)));
  return equal.map((passage) => normal(joined(passage)));
}
