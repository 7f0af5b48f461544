import type { MineConfig } from './config/config.js';
import { cutShard, passageFields, rowFields } from './dataset.js';
import type { Role } from './embed/encoder.js';
import { HnMineError } from './errors.js';
import type { Source } from './input/lines.js';
import { Pool, readPassages } from './input/pool.js';
import { readRows } from './input/rows.js';
import { makeNpyHeader } from './npy/npy.js';
import { createPacer } from './pacer.js';
import { openConfiguredEncoder, type RunContext } from './run.js';

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

/**
 * Embeds records, each distinct text once: a row for each record of the shard, in order. The row of an empty passage, which is
 * never mined, is zero.
 *
 * @throws HnMineError of every code but `output`
 */
export async function embedRecords(
  sources: RecordSources,
  config: MineConfig,
  context: RunContext,
): Promise<EmbeddedRecords> {
  const { texts, positions, role } = await readTexts(sources, config, context);
  const { start, end } = cutShard(Math.min(config.limit ?? positions.length, positions.length), config.shard);
  const rows = new Map<string, number>();
  const rowOfRecord = positions.slice(start, end).map((position) => {
    if (position === undefined) return undefined;
    const text = texts[position] as string;
    const row = rows.get(text) ?? rows.size;
    rows.set(text, row);
    return row;
  });
  const encoder = await openConfiguredEncoder(config, context);
  try {
    const onProgress = (done: number) => context.events.onProgress?.('embedding', done, rows.size);
    const { embeddings, truncated } = await encoder.encode([...rows.keys()], role, onProgress);
    const { data, dim } = embeddings;
    return {
      count: rowOfRecord.length,
      dim,
      truncated,
      async *pieces() {
        yield makeNpyHeader(rowOfRecord.length, dim);
        for (let at = 0; at < rowOfRecord.length; at += ROWS_AT_ONCE) {
          const some = rowOfRecord.slice(at, at + ROWS_AT_ONCE);
          const piece = new Float32Array(some.length * dim);
          some.forEach((row, i) => {
            if (row !== undefined) piece.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
          });
          yield new Uint8Array(piece.buffer);
        }
      },
    };
  } finally {
    await encoder.close();
  }
}

/** Distinct texts, and which of them each record has. */
async function readTexts(sources: RecordSources, config: MineConfig, { events }: RunContext) {
  const pause = createPacer();
  const positions: (number | undefined)[] = [];
  const note = (position: number | undefined) => {
    positions.push(position);
    events.onProgress?.('reading', positions.length);
    return pause();
  };
  const pool = new Pool();
  const role: Role = 'input' in sources ? 'query' : 'passage';
  if ('input' in sources) {
    for await (const row of readRows(sources.input, rowFields(config))) await note(pool.add({ text: row.query }));
  } else {
    for (const source of sources.pool) await readPassages(pool, source, passageFields(config), note);
  }
  if (pool.size === 0) throw new HnMineError('input', 'nothing to embed: the files hold no records');
  return { texts: pool.texts, positions, role };
}
