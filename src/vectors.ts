import type { MineConfig } from './config/config.js';
import type { Dataset } from './dataset.js';
import type { Embeddings } from './embed/encoder.js';
import type { Row } from './input/rows.js';
import type { Tools } from './mine.js';
import { createPacer } from './pacer.js';

/** The vectors of a dataset: the pool's passages first, then texts that are not in it but whose scores are wanted. */
export interface Vectors {
  readonly queries: Embeddings;
  readonly queryRows: ReadonlyMap<string, number>;
  readonly passages: Embeddings;
  /** The row of a positive's or kept negative's vector. */
  passageRow(text: string): number | undefined;
}

/** Embeds every distinct query, passage and positive once. */
export async function embedDataset(dataset: Dataset, config: MineConfig, tools: Tools): Promise<Vectors> {
  const { pool } = dataset;
  const pause = createPacer();
  const queryRows = new Map<string, number>();
  const extraRows = new Map<string, number>();
  const { start, end } = dataset.mined;
  for (let position = start; position < end; position++) {
    const row = dataset.rows[position] as Row;
    if (!queryRows.has(row.query)) queryRows.set(row.query, queryRows.size);
    for (const text of listScoredTexts(dataset, position, config)) {
      if (!extraRows.has(text) && pool.positionOf(text) === undefined) extraRows.set(text, pool.size + extraRows.size);
    }
    await pause();
  }
  const total = queryRows.size + pool.size + extraRows.size;
  tools.onProgress('embedding', 0, total);
  const encoder = await tools.openEncoder();
  try {
    const onQuery = (done: number) => tools.onProgress('embedding', done, total);
    const queries = await encoder.encode([...queryRows.keys()], 'query', onQuery);
    const onPassage = (done: number) => tools.onProgress('embedding', queryRows.size + done, total);
    const passages = await encoder.encode([...pool.texts, ...extraRows.keys()], 'passage', onPassage);
    tools.onEncoded({
      truncated: { queries: queries.truncated, passages: passages.truncated },
      texts: { distinct: total, reused: (queries.reused ?? 0) + (passages.reused ?? 0) },
    });
    const passageRow = (text: string) => pool.positionOf(text) ?? extraRows.get(text);
    return { queries: queries.embeddings, queryRows, passages: passages.embeddings, passageRow };
  } finally {
    await encoder.close();
  }
}

/** The texts beside the pool's whose vectors one row needs. */
function listScoredTexts({ rows, exclusionsOf }: Dataset, position: number, config: MineConfig): readonly string[] {
  const { pos, neg } = rows[position] as Row;
  const looksAtSiblings = config.positiveWeight !== 0 || config.maxPositiveSimilarity !== undefined;
  const positives = looksAtSiblings ? exclusionsOf(position).positives : pos;
  return config.keepNeg && config.scores ? [...positives, ...neg] : positives;
}
