import { createHash } from 'node:crypto';
import { type MineConfig, type MineSettings, parseConfig } from '#dist/config/config.js';
import type { Embeddings, Encoder, Role } from '#dist/embed/encoder.js';
import { indexTexts } from '#dist/lexical/bm25-index.js';
import { createScan } from '#dist/lexical/bm25-scan.js';
import { type Bm25Search, weighTerms } from '#dist/lexical/bm25-search.js';
import type { Texts } from '#dist/memory/text-spool.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { type MinedRow, mineDataset, prepareMining, type Tools, type WrittenNegative } from '#dist/mine.js';
import type { Outlook } from '#dist/outlook.js';
import { formatRow } from '#dist/output/format-row.js';
import { joinParts } from '#dist/output/line-parts.js';
import { openVectors, type VectorPlace } from '#dist/search/passage-vectors.js';
import type { VectorIndex } from '#dist/search/vector-index.js';
import { searchByLoop } from './search/brute-force.js';

/** A text's vector; all of one length. */
export type Embed = (text: string, role: Role) => readonly number[];

/** A negative with its text in the place of what is written of it. */
export type ReadNegative = Omit<WrittenNegative, 'escaped'> & { readonly text: string };

export type ReadRow = Omit<MinedRow, 'negatives'> & { readonly negatives: readonly ReadNegative[] };

export interface MinedInMemory {
  readonly rows: readonly ReadRow[];
  /** As they would be written. */
  readonly lines: readonly string[];
  readonly outlook: Outlook;
}

export interface Records {
  readonly input: readonly object[];
  readonly pool?: readonly object[] | undefined;
}

/** Mines records with vectors that a function makes, searched by a loop. */
export async function mineInMemory(
  { input, pool }: Records,
  settings: MineSettings,
  embed: Embed = hashVector,
  tools: Partial<Tools> = {},
): Promise<MinedInMemory> {
  const config = parseConfig(settings);
  const { workspace = new Workspace(planMemory(2e9)) } = tools;
  const { dataset, outlook } = await prepareMining({ input, pool: pool && [pool] }, config, workspace, () => {});
  const rows: ReadRow[] = [];
  const lines: string[] = [];
  const mined = mineDataset(dataset, config, {
    openEncoder: async () => encoderOf(embed),
    createIndex: async (passages) => indexOf(passages),
    openBm25: (passages) => openBm25(passages, config, workspace),
    onProgress: () => {},
    onEncoded: () => {},
    workspace,
    ...tools,
  });
  for await (const row of mined) {
    rows.push(readRow(row));
    lines.push(joinParts(formatRow(row, config).line));
  }
  workspace.close();
  return { rows, outlook, lines };
}

function readRow(row: MinedRow): ReadRow {
  const read = ({ escaped, ...rest }: WrittenNegative) => ({ ...rest, text: JSON.parse(`"${Buffer.from(escaped)}"`) });
  return { ...row, negatives: row.negatives.map(read) };
}

export function encoderOf(embed: Embed): Encoder {
  return {
    async encode(texts, role, onVectors) {
      const vectors = Array.from(texts, (text) => embed(text, role));
      const dim = vectors[0]?.length ?? 0;
      onVectors(0, { data: Float32Array.from(vectors.flat()), dim, count: texts.length });
      return { truncated: 0 };
    },
    close: async () => {},
  };
}

export function indexOf(place: VectorPlace): VectorIndex {
  const passages = loadVectors(place);
  return {
    size: passages.count,
    search: async (queries, k) => searchByLoop(passages, queries, k),
    close: async () => {},
  };
}

/** BM25 in this thread: workers take longer to start than small pools to scan. */
export async function openBm25(passages: Texts, config: MineConfig, workspace: Workspace): Promise<Bm25Search> {
  const place = { workspace, memory: workspace.memory.postings };
  const index = await indexTexts(passages, { k1: config.bm25K1, b: config.bm25B }, place);
  const scan = createScan(index.postings, index.norms);
  return {
    search: async (texts, depth) => texts.map((text) => scan(weighTerms(index, text), depth)),
    close: async () => {},
  };
}

/** All vectors of a place in memory. */
export function loadVectors(place: VectorPlace): Embeddings {
  const { dim, count } = place;
  const data = new Float32Array(count * dim);
  openVectors(place).copyRows(0, count, data, 0);
  return { data, dim, count };
}

/** Three values in [-1, 1) from a hash of the text. */
export function hashVector(text: string): number[] {
  const digest = createHash('sha256').update(text).digest();
  return [0, 4, 8].map((at) => digest.readInt32BE(at) / 2 ** 31);
}

/** Passages score what the number in their text says, for every query. */
export const scoreInText: Embed = (text, role) => [role === 'query' ? 1 : Number(/-?\d+(\.\d+)?/.exec(text)?.[0] ?? 0)];

export const textsOf = ({ negatives }: ReadRow) => negatives.map(({ text }) => text);
