import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { HnMineError, type MinedRecord, mine } from '#dist/index.js';
import { TINY_RERANKER } from './rerank/score-pairs.js';
import { type ChoiceSettings, chooseByRules, type TestRun } from './rules/choice.js';
import { openCrossEncoder } from './rules/cross-encoder.js';
import { runOf } from './rules/other-engines.js';
import { manyRecords, RETRIEVERS, rerankSettings, sources } from './rules/random-reranking.js';
import { coarseVector } from './rules/random-runs.js';
import { joined, normal, type PassageRecord, type RuleRecords } from './rules/records.js';
import { makeTemporaryFolder, removeTemporaryFolders } from './temporary-folder.js';
import { writeVectors } from './vector-files.js';

/** The same once more with all parts as users have them: files of vectors and of runs, BM25 and the cross-encoder in workers. */

const model = await openCrossEncoder();
afterAll(async () => {
  await model.close();
  removeTemporaryFolders();
});

type Records = RuleRecords & { readonly pool: readonly PassageRecord[] };

/** All texts are passages, each with an ID of its own, as a run names them. */
function completePool({ input, pool = [] }: RuleRecords): Records {
  const own = input.flatMap(({ pos, neg = [] }) => [...pos, ...neg].map((text) => ({ text })));
  const passages = new Map([...pool, ...own].map((passage) => [joined(passage), passage]));
  const full = [...passages.values()].filter((passage) => normal(joined(passage)) !== '');
  return { input, pool: full.map((passage, i) => ({ ...passage, _id: `p${i}` })) };
}

/** An ID stands for all passages that are equal to its own after normalization: the first of them is ranked. */
function nameFirst(run: TestRun, { pool }: Records): TestRun {
  const texts = pool.map((passage) => normal(joined(passage)));
  return (query) => run(query).filter((place) => texts.indexOf(texts[place] as string) === place);
}

/** Writes a run as JSON. Queries that it does not rank are not in it. */
function writeRun(run: TestRun, { input }: Records): string {
  const file = join(makeTemporaryFolder(), 'run.json');
  const rankings = [...new Set(input.map(({ query }) => query))].map((query) => [query, run(query)] as const);
  const named = rankings.filter(([, places]) => places.length > 0);
  writeFileSync(
    file,
    JSON.stringify(Object.fromEntries(named.map(([query, places]) => [query, places.map((at) => `p${at}`)]))),
  );
  return file;
}

async function mineWith({ input, pool }: Records, flags: ChoiceSettings, run: string[]) {
  const { retriever, ...rest } = flags;
  const options = {
    ...rest,
    ...(run.length > 0 ? { run } : {}),
    ...(retriever.length > 0 ? { retriever } : {}),
    reranker: TINY_RERANKER,
    ranks: true,
    workers: 1,
    normalize: false,
    poolEmbeddings: [writeVectors(pool.map((passage) => coarseVector(joined(passage), 'passage')))],
    queryEmbeddings: [writeVectors(input.map(({ query }) => coarseVector(query, 'query')))],
  };
  const mined: MinedRecord[] = [];
  for await (const row of mine({ ...options, input, pool })) mined.push(row);
  return mined;
}

const round = (score: number | undefined) => Number(score?.toPrecision(7));

it('the rows that the library mines with a reranker are those of the rules, from every source of candidates', async () => {
  const seen = { rows: 0, negatives: 0 };
  const names = Object.keys(RETRIEVERS);
  let turn = 0;
  const property = fc.asyncProperty(manyRecords, rerankSettings, sources, async (given, someFlags, { orders }) => {
    const name = names[turn++ % names.length] as string;
    const some = completePool(given);
    const flags = { ...someFlags, retriever: RETRIEVERS[name] as ChoiceSettings['retriever'] };
    const runs = name.startsWith('run') ? orders.map((order) => nameFirst(runOf(order, some.pool.length), some)) : [];
    // A run that knows no query is refused.
    fc.pre(runs.every((run) => some.input.some(({ query }) => run(query).length > 0)));
    await model.scoreAll(some);
    const rules = chooseByRules(some, flags, coarseVector, { runs, rerank: model.scoreOf });
    const mined = await mineWith(
      some,
      flags,
      runs.map((run) => writeRun(run, some)),
    ).catch((error: unknown) => {
      if (error instanceof HnMineError && /^(--neg|--range|nothing to write)/.test(error.message)) return undefined;
      throw error;
    });
    const expected = rules.flatMap(({ negatives, posScores }, i) => {
      const scores = { pos_scores: posScores.map(round), neg_scores: negatives.map(({ score }) => round(score)) };
      const row = {
        ...some.input[i],
        neg: negatives.map(({ text }) => text),
        neg_ranks: negatives.map(({ rank }) => rank),
      };
      return negatives.length === 0 ? [] : [{ ...row, ...(flags.scores ? scores : {}) }];
    });
    if (mined === undefined) {
      // Refused for want of candidates, or of any negative.
      for (const { negatives } of rules) expect(negatives.length).toBeLessThan(flags.neg);
      return;
    }
    expect(mined).toEqual(expected);
    seen.rows += mined.length;
    seen.negatives += mined.reduce((sum, { neg }) => sum + neg.length, 0);
  });
  await fc.assert(property, { numRuns: 6, endOnFailure: true });
  expect(Math.min(seen.rows, seen.negatives)).toBeGreaterThan(0);
});
