import type { MineConfig } from '../config/config.js';
import { namesEncoder } from '../config/needs-encoder.js';
import type { Dataset } from '../dataset.js';
import type { Embeddings, EncodeCounts, Encoder, OnVectors, Role } from '../embed/encoder.js';
import { HnMineError } from '../errors.js';
import { GrowingArray } from '../memory/growing-array.js';
import { type Hash64, hashText } from '../memory/hash.js';
import { HashTable } from '../memory/hash-table.js';
import { createMatrix, type Matrix } from '../memory/matrix.js';
import { listLazily, selectTexts, TextSpool, type Texts } from '../memory/text-spool.js';
import type { Workspace } from '../memory/workspace.js';
import type { Tools } from '../mine.js';
import { createPacer } from '../pacer.js';

/** The vectors of a dataset: the pool's passages first, then texts that are not in it but whose scores are wanted. */
export interface Vectors {
  readonly queries: Matrix;
  readonly passages: Matrix;
  /** The row of the vector of a row's query. */
  queryRow(position: number): number;
  /** The row of the vector of a positive or kept negative, by its text's hash. */
  passageRow(text: Hash64): number | undefined;
}

/** Which vectors are needed, each once. */
interface Wanted {
  /** For each mined row, the vector's row of its query. */
  readonly queryRows: GrowingArray<Int32Array>;
  /** The rows of the input that each query was first seen in, ascending. */
  readonly queryRecords: GrowingArray<Int32Array>;
  /** Texts that are not in the pool, whose vectors follow it, and the number of each. */
  readonly extras: TextSpool;
  readonly extraOf: HashTable;
}

/** The vectors of a dataset as they come. */
export interface Embedding {
  /** Those of passages, which come first: an index can be made of them while queries are embedded. */
  readonly passages: Promise<Matrix>;
  readonly vectors: Promise<Vectors>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/**
 * Embeds every distinct passage, positive and query once, or takes the vectors that are given. Its promises are rejected with
 * HnMineError `input` where given vectors do not fit each other or what is mined, `output` where the workspace is full.
 */
export function embedDataset(dataset: Dataset, config: MineConfig, tools: Tools): Embedding {
  const encoder = openOnce(tools.openEncoder);
  const embedded = embedPassages(dataset, config, tools, encoder);
  const vectors = embedded.then((found) => embedQueries(dataset, tools, encoder, found)).finally(encoder.close);
  const passages = embedded.then(({ matrix }) => matrix);
  // Their errors are thrown where they are awaited; until then they are not unhandled.
  for (const promise of [passages, vectors]) promise.catch(() => {});
  const close = async () => {
    await encoder.close();
    await vectors.catch(() => {});
  };
  return { passages, vectors, close };
}

interface EmbeddedPassages {
  readonly wanted: Wanted;
  readonly matrix: Matrix;
  readonly counts: EncodeCounts;
}

async function embedPassages(
  dataset: Dataset,
  config: MineConfig,
  tools: Tools,
  encoder: OpenOnce,
): Promise<EmbeddedPassages> {
  const { pool } = dataset;
  const { given, workspace } = tools;
  const wanted = await listWanted(dataset, config, workspace);
  const { queryRecords, extras } = wanted;
  if (given?.queries && given.passages && extras.length > 0 && !namesEncoder(config)) {
    throw new HnMineError(
      'input',
      `--pool-embeddings: ${extras.length} texts whose scores are needed are not in the pool; add them to it, or give the vectors' --model`,
    );
  }
  const count = pool.size + extras.length;
  const encode = createEncode(tools, encoder, count + queryRecords.length);
  const target = createTarget(workspace, workspace.memory.passageVectors, count);
  const counts = given?.passages
    ? await given.passages.read(pool.records, target.from(0)).then(() => NOTHING)
    : await encode(pool.texts, 'passage', target.from(0), 0);
  const more = await encode(extras, 'passage', target.from(pool.size), pool.size);
  return { wanted, matrix: target.matrix, counts: addCounts(counts, more) };
}

async function embedQueries(
  dataset: Dataset,
  tools: Tools,
  encoder: OpenOnce,
  passages: EmbeddedPassages,
): Promise<Vectors> {
  const { pool, mined } = dataset;
  const { given, workspace } = tools;
  const { queryRows, queryRecords, extras, extraOf } = passages.wanted;
  const before = pool.size + extras.length;
  const total = before + queryRecords.length;
  const encode = createEncode(tools, encoder, total);
  const target = createTarget(workspace, workspace.memory.queryVectors, queryRecords.length);
  const records = queryRecords.view();
  const counts = given?.queries
    ? await given.queries.read(records, target.from(0)).then(() => NOTHING)
    : await encode(queriesOf(dataset, records), 'query', target.from(0), before);
  refuseOtherLength(target.matrix, passages.matrix);
  tools.onEncoded({
    truncated: { queries: counts.truncated, passages: passages.counts.truncated },
    texts: { distinct: total, reused: addCounts(counts, passages.counts).reused ?? 0 },
  });
  return {
    queries: target.matrix,
    passages: passages.matrix,
    queryRow: (position) => queryRows.at(position - mined.start),
    passageRow: (text) => {
      const extra = extraOf.get(text);
      return extra === undefined ? pool.positionOfHash(text) : pool.size + extra;
    },
  };
}

/** Returns what encodes texts, and tells the progress of all that are to be embedded. */
function createEncode({ onProgress }: Tools, encoder: OpenOnce, total: number) {
  return async (texts: Texts, role: Role, onVectors: OnVectors, before: number): Promise<EncodeCounts> => {
    onProgress('embedding', before, total);
    if (texts.length === 0) return NOTHING;
    return (await encoder.open()).encode(texts, role, onVectors, (done) =>
      onProgress('embedding', before + done, total),
    );
  };
}

const NOTHING: EncodeCounts = { truncated: 0, reused: 0 };

function addCounts(a: EncodeCounts, b: EncodeCounts): EncodeCounts {
  return { truncated: a.truncated + b.truncated, reused: (a.reused ?? 0) + (b.reused ?? 0) };
}

async function listWanted(dataset: Dataset, config: MineConfig, workspace: Workspace): Promise<Wanted> {
  const { pool } = dataset;
  const pause = createPacer();
  const queryOf = new HashTable();
  const queryRows = new GrowingArray((length) => new Int32Array(length));
  const queryRecords = new GrowingArray((length) => new Int32Array(length));
  const extras = new TextSpool(workspace, workspace.memory.rowTexts);
  const extraOf = new HashTable();
  const scoredTextsOf = createScoredTexts(dataset, config);
  const { start, end } = dataset.mined;
  for (let position = start; position < end; position++) {
    const hash = hashText(dataset.rows.read(position).query);
    const known = queryOf.get(hash) ?? queryRecords.push(position);
    queryOf.set(hash, known);
    queryRows.push(known);
    for (const text of scoredTextsOf(position)) {
      const hash = hashText(text);
      if (extraOf.get(hash) === undefined && pool.positionOf(text, hash) === undefined)
        extraOf.set(hash, extras.add(text));
    }
    await pause();
  }
  return { queryRows, queryRecords, extras, extraOf };
}

/** Returns what lists the texts beside the pool's whose vectors a row needs. */
function createScoredTexts({ rows, siblings }: Dataset, config: MineConfig): (position: number) => Generator<string> {
  const { maxPositiveSimilarity, reranker, scores, keepNeg } = config;
  const looksAtKept = keepNeg && (maxPositiveSimilarity !== undefined || (scores && reranker === undefined));
  const looksAtSiblings = config.positiveWeight !== 0 || maxPositiveSimilarity !== undefined;
  const listed = new Uint8Array(looksAtSiblings ? rows.length : 0);
  return function* (position) {
    const { pos, neg } = rows.read(position);
    if (reranker === undefined) yield* pos;
    if (looksAtKept) yield* neg.filter((text) => text.trim() !== '');
    const group = siblings.groupOf(position);
    if (!looksAtSiblings || listed[group] === 1) return;
    listed[group] = 1;
    for (const sibling of siblings.of(position)) yield* rows.read(sibling).pos;
  };
}

/** The queries of some rows. Sizes are those of whole lines, which may hold much else. */
function queriesOf({ rows }: Dataset, records: Int32Array): Texts {
  const queries = listLazily(
    rows.length,
    (position) => rows.read(position).query,
    (position) => rows.sizeOf(position),
  );
  return selectTexts(queries, records);
}

interface OpenOnce {
  open(): Promise<Encoder>;
  close(): Promise<void>;
}

/** Opened when it is first needed, closed only then. */
function openOnce(open: () => Promise<Encoder>): OpenOnce {
  let opened: Promise<Encoder> | undefined;
  let closed: Promise<void> | undefined;
  return {
    open: () => {
      if (closed) throw new HnMineError('aborted', 'closed while work was under way');
      opened ??= open();
      return opened;
    },
    close: () => {
      closed ??= Promise.resolve(opened?.catch(() => undefined)).then((encoder) => encoder?.close());
      return closed;
    },
  };
}

/** A matrix that is made when its first vectors come, and with them their length. */
function createTarget(workspace: Workspace, limit: number, count: number) {
  let matrix: Matrix | undefined;
  return {
    get matrix(): Matrix {
      if (matrix === undefined) throw new Error('there are no texts');
      return matrix;
    },
    from(start: number): OnVectors {
      const take = (first: number, vectors: Embeddings): void => {
        matrix ??= createMatrix(workspace, limit, count, vectors.dim);
        refuseOtherLength(vectors, matrix);
        if (vectors.count > 0) matrix.write(start + first, vectors.data);
      };
      return Object.defineProperty(take, 'takesAnyOrder', { get: () => matrix?.isInMemory === true });
    },
  };
}

function refuseOtherLength(some: { readonly dim: number }, others: { readonly dim: number }): void {
  if (some.dim === others.dim) return;
  throw new HnMineError(
    'input',
    `--pool-embeddings, --query-embeddings: vectors of ${some.dim} and of ${others.dim} values cannot be compared; both must be of one model`,
  );
}
