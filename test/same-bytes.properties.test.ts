import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MineSettings } from '#dist/config/config.js';
import type { Encoder } from '#dist/embed/encoder.js';
import { HnMineError } from '#dist/errors.js';
import { type MemoryPlan, Workspace } from '#dist/memory/workspace.js';
import type { Tools } from '#dist/mine.js';
import { createFlatIndex, type FlatOptions } from '#dist/search/flat.js';
import { mineInMemory } from './mine-in-memory.js';
import { coarseVector, records, settings } from './rules/random-runs.js';
import type { RuleRecords } from './rules/records.js';

/** The same seed gives the same bytes, however the work is cut. */

const flags = settings.map((some) => ({ ...some, scores: true, ranks: true }));

/** Nothing where the run is refused. */
async function linesOf(
  some: RuleRecords,
  given: MineSettings,
  tools: Partial<Tools> = {},
): Promise<string[] | undefined> {
  try {
    return [...(await mineInMemory(some, given, coarseVector, tools)).lines];
  } catch (error) {
    if (error instanceof HnMineError) return undefined;
    throw error;
  }
}

const bytes = fc.constantFrom(0, 300, 2000, 1e6);
const memoryPlan: fc.Arbitrary<MemoryPlan> = fc.record({
  rowTexts: bytes,
  passageTexts: bytes,
  queryVectors: bytes,
  passageVectors: bytes,
  postings: bytes,
  runs: bytes,
  encoding: fc.constantFrom(1, 1e6),
  mining: fc.constantFrom(1, 2000, 1e6),
  searching: fc.constantFrom(1e6, 1e9),
});

/** Encodes so many texts at once, the last ones first. */
function encoderOfBatches(size: number): Encoder {
  return {
    async encode(texts, role, onVectors) {
      const all = Array.from(texts, (text) => coarseVector(text, role));
      const starts = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => i * size);
      for (const start of starts.reverse()) {
        const batch = all.slice(start, start + size);
        onVectors(start, { data: Float32Array.from(batch.flat()), dim: 3, count: batch.length });
      }
      return { truncated: 0 };
    },
    close: async () => {},
  };
}

/** How a run is cut into parts. */
const cut = fc.record({
  plan: memoryPlan,
  batch: fc.integer({ min: 1, max: 7 }),
  shards: fc.integer({ min: 1, max: 4 }),
});

/** How the built-in search is cut. */
const flatOptions: fc.Arbitrary<FlatOptions> = fc.record({
  tileSize: fc.integer({ min: 1, max: 9 }),
  blockSize: fc.integer({ min: 1, max: 4 }),
  workers: fc.integer({ min: 1, max: 3 }),
});

describe('the same lines come', () => {
  it('for any memory, batches of texts and split into shards', async () => {
    let compared = 0;
    const property = fc.asyncProperty(records, flags, cut, async (some, given, { plan, batch, shards }) => {
      const whole = await linesOf(some, given);
      const parts: (string[] | undefined)[] = [];
      for (let number = 1; number <= shards; number++) {
        const tools = { workspace: new Workspace(plan), openEncoder: async () => encoderOfBatches(batch) };
        parts.push(await linesOf(some, { ...given, shard: `${number}/${shards}` }, tools));
      }
      expect(whole === undefined ? new Set(parts) : parts.flat()).toEqual(whole ?? new Set([undefined]));
      compared += whole?.length ?? 0;
    });
    await fc.assert(property, { numRuns: 80 });
    expect(compared).toBeGreaterThan(50);
  });

  it('from the built-in index for any tiles, blocks and workers', async () => {
    let compared = 0;
    const property = fc.asyncProperty(records, flags, flatOptions, async (some, given, options) => {
      const expected = await linesOf(some, given);
      if (expected === undefined) return;
      const createIndex: Tools['createIndex'] = (passages) => createFlatIndex(passages, options);
      expect(await linesOf(some, given, { createIndex })).toEqual(expected);
      compared += expected.length;
    });
    await fc.assert(property, { numRuns: 12 });
    expect(compared).toBeGreaterThan(5);
  });
});
