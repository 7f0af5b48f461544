import type { MineConfig } from './config/config.js';
import type { Dataset } from './dataset.js';
import type { Embeddings, EncodeResult, Encoder, Role } from './embed/encoder.js';
import { HnMineError } from './errors.js';
import type { Row } from './input/rows.js';
import type { Tools } from './mine.js';
import type { GivenVectors } from './npy/given-vectors.js';
import { createPacer } from './pacer.js';

/** The vectors of a dataset: the pool's passages first, then texts that are not in it but whose scores are wanted. */
export interface Vectors {
  readonly queries: Embeddings;
  readonly queryRows: ReadonlyMap<string, number>;
  readonly passages: Embeddings;
  /** The row of a positive's or kept negative's vector. */
  passageRow(text: string): number | undefined;
}

/** Which vectors are needed, each once. */
interface Wanted {
  /** The vector's row of a query, and the rows of the input that each was first seen in. */
  readonly queryRows: ReadonlyMap<string, number>;
  readonly queryRecords: readonly number[];
  /** The rows of texts that are not in the pool, after it. */
  readonly extraRows: ReadonlyMap<string, number>;
}

/**
 * Embeds every distinct query, passage and positive once, or takes the vectors that are given.
 *
 * @throws HnMineError `input` where given vectors do not fit each other or what is mined
 */
export async function embedDataset(dataset: Dataset, config: MineConfig, tools: Tools): Promise<Vectors> {
  const { pool } = dataset;
  const { given } = tools;
  const { queryRows, queryRecords, extraRows } = await listWanted(dataset, config);
  if (given?.queries && given.passages && extraRows.size > 0 && config.model === undefined) {
    throw new HnMineError(
      'input',
      `--pool-embeddings: ${extraRows.size} texts whose scores are needed are not in the pool; add them to it, or give the vectors' --model`,
    );
  }
  const total = queryRows.size + pool.size + extraRows.size;
  tools.onProgress('embedding', 0, total);
  const encoder = openOnce(tools.openEncoder);
  try {
    const encode = async (texts: readonly string[], role: Role, done: number) => {
      if (texts.length === 0) return NOTHING;
      return (await encoder.open()).encode(texts, role, (more) => tools.onProgress('embedding', done + more, total));
    };
    const queries = given?.queries
      ? { ...NOTHING, embeddings: await copyVectors(given.queries, queryRecords, queryRows.size) }
      : await encode([...queryRows.keys()], 'query', 0);
    const passages = given?.passages
      ? await encode([...extraRows.keys()], 'passage', queryRows.size + pool.size)
      : await encode([...pool.texts, ...extraRows.keys()], 'passage', queryRows.size);
    const all = given?.passages
      ? await joinVectors(given.passages, pool.records, passages.embeddings)
      : passages.embeddings;
    refuseOtherLength(queries.embeddings, all);
    tools.onEncoded({
      truncated: { queries: queries.truncated, passages: passages.truncated },
      texts: { distinct: total, reused: (queries.reused ?? 0) + (passages.reused ?? 0) },
    });
    const passageRow = (text: string) => pool.positionOf(text) ?? extraRows.get(text);
    return { queries: queries.embeddings, queryRows, passages: all, passageRow };
  } finally {
    await encoder.close();
    await given?.queries?.close();
    await given?.passages?.close();
  }
}

const NOTHING: EncodeResult = { embeddings: { data: new Float32Array(0), dim: 0, count: 0 }, truncated: 0 };

async function listWanted(dataset: Dataset, config: MineConfig): Promise<Wanted> {
  const { pool } = dataset;
  const pause = createPacer();
  const queryRows = new Map<string, number>();
  const queryRecords: number[] = [];
  const extraRows = new Map<string, number>();
  const { start, end } = dataset.mined;
  for (let position = start; position < end; position++) {
    const row = dataset.rows[position] as Row;
    if (!queryRows.has(row.query)) {
      queryRows.set(row.query, queryRows.size);
      queryRecords.push(position);
    }
    for (const text of listScoredTexts(dataset, position, config)) {
      if (!extraRows.has(text) && pool.positionOf(text) === undefined) extraRows.set(text, pool.size + extraRows.size);
    }
    await pause();
  }
  return { queryRows, queryRecords, extraRows };
}

/** Opened when it is first needed, closed only then. */
function openOnce(open: () => Promise<Encoder>) {
  let opened: Promise<Encoder> | undefined;
  return {
    open: () => {
      opened ??= open();
      return opened;
    },
    close: async () => {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** @param count rows to make room for, those of the records first */
async function copyVectors(given: GivenVectors, records: readonly number[], count: number): Promise<Embeddings> {
  const data = new Float32Array(new SharedArrayBuffer(count * given.dim * Float32Array.BYTES_PER_ELEMENT));
  await given.copy(records, data);
  return { data, dim: given.dim, count };
}

async function joinVectors(given: GivenVectors, records: readonly number[], more: Embeddings): Promise<Embeddings> {
  const all = await copyVectors(given, records, records.length + more.count);
  if (more.count > 0) {
    refuseOtherLength(more, all);
    all.data.set(more.data, records.length * all.dim);
  }
  return all;
}

function refuseOtherLength(some: Embeddings, others: Embeddings): void {
  if (some.dim === others.dim) return;
  throw new HnMineError(
    'input',
    `--pool-embeddings, --query-embeddings: vectors of ${some.dim} and of ${others.dim} values cannot be compared; both must be of one model`,
  );
}

/** The texts beside the pool's whose vectors one row needs. */
function listScoredTexts({ rows, exclusionsOf }: Dataset, position: number, config: MineConfig): readonly string[] {
  const { pos, neg } = rows[position] as Row;
  const looksAtSiblings = config.positiveWeight !== 0 || config.maxPositiveSimilarity !== undefined;
  const positives = looksAtSiblings ? exclusionsOf(position).positives : pos;
  return config.keepNeg && config.scores ? [...positives, ...neg] : positives;
}
