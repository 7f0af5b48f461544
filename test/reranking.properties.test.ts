import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import type { Pair, Reranker } from '#dist/rerank/reranker.js';
import { hashVector, type MinedInMemory, mineInMemory } from './mine-in-memory.js';
import { checkRow, expectRightlyRefused } from './rules/always-true.js';
import { type ChoiceSettings, chooseByRules, type Rerank, type RowByRules, type TestRun } from './rules/choice.js';
import { openCrossEncoder } from './rules/cross-encoder.js';
import { openTestRun, runOf } from './rules/other-engines.js';
import { manyRecords, RETRIEVERS, rerankSettings, sources } from './rules/random-reranking.js';
import { coarseVector } from './rules/random-runs.js';
import { type RowRecord, type RuleRecords, textsOfPool } from './rules/records.js';

/** A reranker over every source of candidates, against a plain reading of the rules. */

/** Of few binary digits, as the vectors are: often equal, and met by bounds exactly. */
const coarseScore: Rerank = (query, passage) => Math.round((hashVector(`${query}?${passage}`)[0] as number) * 4) / 4;

const model = await openCrossEncoder();
afterAll(() => model.close());

/** Remembers what it was asked. */
function openReranker(rerank: Rerank) {
  const asked: Pair[] = [];
  const reranker: Reranker = {
    async score(pairs) {
      asked.push(...pairs);
      return { scores: Float64Array.from(pairs, (pair) => rerank(...pair)), truncated: 0 };
    },
    close: async () => {},
  };
  return { asked, openReranker: async () => reranker };
}

/** How a run is cut into parts: rows in one block, or each in one of its own. */
const cuts = fc.record({ shards: fc.integer({ min: 1, max: 3 }), isTight: fc.boolean() });

/** No pairs are scored but those that the rules need; each once where its rows are of one block. */
function checkAsked(asked: readonly Pair[], some: RuleRecords, rules: readonly RowByRules[], isWhole: boolean): void {
  const texts = new Set(textsOfPool(some));
  for (const query of new Set(some.input.map((row) => row.query))) {
    const ofQuery = some.input.flatMap((row, i) => (row.query === query ? [{ row, by: rules[i] as RowByRules }] : []));
    const own = ofQuery.flatMap(({ row, by }) => {
      const kept = by.negatives.filter(({ source, score }) => source === 'kept' && score !== undefined);
      return [...row.pos, ...kept.map(({ text }) => text)];
    });
    const scored = asked.filter(([one]) => one === query).map(([, passage]) => passage);
    for (const text of own) scored.splice(scored.indexOf(text), 1);
    const may = ofQuery.flatMap(({ by }) => by.mayScore ?? []);
    expect(scored.filter((text) => !texts.has(text) || !may.includes(text))).toEqual([]);
    if (isWhole) expect(scored).toEqual([...new Set(scored)]);
  }
}

interface Parts {
  readonly shards: number;
  readonly isTight: boolean;
  readonly runs: readonly TestRun[];
  readonly openReranker: () => Promise<Reranker>;
}

/** The rows of all shards. */
async function mineInParts(some: RuleRecords, flags: ChoiceSettings, { shards, isTight, runs, openReranker }: Parts) {
  const settings = {
    ...flags,
    reranker: 'of the test',
    ranks: true,
    retriever: flags.retriever.length === 0 ? undefined : flags.retriever,
    ...(runs.length > 0 ? { run: runs.map((_, i) => `run ${i}`) } : {}),
  };
  const plan = planMemory(2e9);
  const parts: MinedInMemory[] = [];
  for (let number = 1; number <= shards; number++) {
    const workspace = new Workspace(isTight ? { ...plan, mining: 1, encoding: 1 } : plan);
    const tools = { workspace, runs: runs.map(openTestRun), openReranker };
    parts.push(await mineInMemory(some, { ...settings, shard: `${number}/${shards}` }, coarseVector, tools));
  }
  return { rows: parts.flatMap(({ rows }) => rows), lines: parts.flatMap(({ lines }) => lines) };
}

const ORDINARY = ['window', 'random', 'skipped', 'kept', 'run too short'];
const RARER = ['rerank limit', 'too few candidates', 'pool too small', 'ceiling', 'refused'];

it.each([
  { title: 'scores that are often equal', rerank: coarseScore, numRuns: 200, meets: [...ORDINARY, ...RARER] },
  {
    title: 'the scores of a cross-encoder',
    rerank: model.scoreOf,
    prepare: model.scoreAll,
    numRuns: 80,
    meets: ORDINARY,
  },
])('$title choose the negatives of the rules from every source of candidates', async (kind) => {
  const { rerank, prepare, numRuns, meets } = kind;
  const seen = new Map<string, number>();
  const count = (what: string, more = 1) => seen.set(what, (seen.get(what) ?? 0) + more);
  const property = fc.asyncProperty(manyRecords, rerankSettings, sources, cuts, async (some, given, from, cut) => {
    const flags = { ...given, retriever: RETRIEVERS[from.name] as ChoiceSettings['retriever'] };
    const hasRuns = from.name.startsWith('run');
    const runs = hasRuns ? from.orders.map((order) => runOf(order, textsOfPool(some).length)) : [];
    await prepare?.(some);
    const rules = chooseByRules(some, flags, coarseVector, { runs, rerank });
    const { asked, openReranker: open } = openReranker(rerank);
    const mined = await mineInParts(some, flags, { runs, openReranker: open, ...cut }).catch((error: unknown) => {
      expectRightlyRefused(error, rules, flags);
      count('refused');
    });
    if (mined === undefined) return;
    for (const [i, row] of mined.rows.entries()) {
      const of = { record: some.input[i] as RowRecord, records: some, settings: flags, isReranked: true };
      checkRow({ ...of, mined: row, line: mined.lines[i] as string, rules: rules[i] as RowByRules });
      count(from.name, row.negatives.length);
      for (const { source } of row.negatives) count(source);
      if (row.reason) count(row.reason);
    }
    checkAsked(asked, some, rules, cut.shards === 1 && !cut.isTight);
  });
  await fc.assert(property, { numRuns });
  expect([...Object.keys(RETRIEVERS), ...meets].filter((what) => !seen.get(what))).toEqual([]);
});
