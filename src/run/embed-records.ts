import type { MineConfig } from '../config/config.js';
import { cutShard, passageFields, rowFields } from '../dataset.js';
import type { Embeddings, Role } from '../embed/encoder.js';
import { HnMineError } from '../errors.js';
import type { Source } from '../input/lines.js';
import { Pool, readPassages } from '../input/pool.js';
import { readRows } from '../input/rows.js';
import { GrowingArray } from '../memory/growing-array.js';
import { createMatrix, type Matrix } from '../memory/matrix.js';
import { selectTexts, TextSpool } from '../memory/text-spool.js';
import type { Workspace } from '../memory/workspace.js';
import { makeNpyHeader } from '../npy/npy.js';
import { createPacer } from '../pacer.js';
import { openConfiguredEncoder } from './open-encoder.js';
import type { RunContext } from './run-context.js';

/** What to embed: passages of pools, or the queries of an input. */
export type RecordSources = { readonly pool: readonly Source[] } | { readonly input: Source };

/** A matrix that is written piece by piece: its header, then rows of little-endian float32. */
export interface EmbeddedRecords {
  readonly count: number;
  readonly dim: number;
  readonly truncated: number;
  pieces(): AsyncGenerator<Uint8Array>;
}

const ROWS_AT_ONCE = 4096;

/** A record without text. */
const EMPTY = -1;

/**
 * Embeds records, each distinct text once: a row for each record of the shard, in order. The row of an empty passage, which is
 * never mined, is zero.
 *
 * @throws HnMineError of every code but `output`
 */
export async function embedRecords(
  sources: RecordSources,
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
): Promise<EmbeddedRecords> {
  const { texts, positions, role } = await readTexts(sources, config, workspace, context);
  const { start, end } = cutShard(Math.min(config.limit ?? positions.length, positions.length), config.shard);
  const records = positions.view().subarray(start, end);
  const wanted = Int32Array.from(new Set(records.filter((position) => position !== EMPTY)));
  const rowOf = new Int32Array(texts.length);
  wanted.forEach((position, row) => {
    rowOf[position] = row;
  });
  const { encoder } = await openConfiguredEncoder(config, workspace, context);
  let matrix: Matrix | undefined;
  try {
    const onProgress = (done: number) => context.events.onProgress?.('embedding', done, wanted.length);
    const takeVectors = (first: number, { data, dim }: Embeddings) => {
      matrix ??= createMatrix(workspace, workspace.memory.passageVectors, wanted.length, dim);
      matrix.write(first, data);
    };
    const { truncated } = await encoder.encode(selectTexts(texts, wanted), role, takeVectors, onProgress);
    const vectors = matrix as Matrix;
    return { count: records.length, dim: vectors.dim, truncated, pieces: () => cutPieces(records, rowOf, vectors) };
  } finally {
    await encoder.close();
  }
}

async function* cutPieces(records: Int32Array, rowOf: Int32Array, vectors: Matrix): AsyncGenerator<Uint8Array> {
  const { dim } = vectors;
  yield makeNpyHeader(records.length, dim);
  for (let at = 0; at < records.length; at += ROWS_AT_ONCE) {
    const some = records.subarray(at, at + ROWS_AT_ONCE);
    const piece = new Float32Array(some.length * dim);
    some.forEach((position, i) => {
      if (position !== EMPTY) piece.set(vectors.row(rowOf[position] as number), i * dim);
    });
    yield new Uint8Array(piece.buffer);
  }
}

/** Distinct texts, and which of them each record has. */
async function readTexts(sources: RecordSources, config: MineConfig, workspace: Workspace, { events }: RunContext) {
  const pause = createPacer();
  const positions = new GrowingArray((length) => new Int32Array(length));
  const note = (position: number | undefined) => {
    positions.push(position ?? EMPTY);
    events.onProgress?.('reading', positions.length);
    return pause();
  };
  const pool = new Pool(new TextSpool(workspace, workspace.memory.passageTexts));
  const role: Role = 'input' in sources ? 'query' : 'passage';
  if ('input' in sources) {
    for await (const row of readRows(sources.input, rowFields(config))) await note(pool.add({ text: row.query }));
  } else {
    for (const source of sources.pool) await readPassages(pool, source, passageFields(config), note);
  }
  if (pool.size === 0) throw new HnMineError('input', 'nothing to embed: the files hold no records');
  return { texts: pool.texts, positions, role };
}
