import type { MineConfig } from '../config/config.js';
import type { Dataset } from '../dataset.js';
import type { Tools } from '../mine.js';
import { createPacer } from '../pacer.js';
import type { Pair, Reranker } from '../rerank/reranker.js';
import { type PairList, scoreList } from '../rerank/score-list.js';
import { DEEPER } from '../select/negatives.js';
import type { Ranking } from '../select/ranking.js';
import { type RerankSettings, selectReranked } from '../select/reranked.js';
import type { Choice } from './choice.js';
import { type ChosenRow, chosenFor, listOwnTexts, type RowTask, withScores } from './mine-row.js';

/** Fewer than without a reranker, since each takes hundreds of pairs; enough of them to keep every worker busy. */
const BLOCK_ROWS = 64;

/** A row and what the reranker has said of it; rows of a block with the same query share that. */
interface RerankedTask extends RowTask {
  readonly known: Map<number, number>;
}

interface Reranking {
  readonly dataset: Dataset;
  readonly settings: MineConfig & RerankSettings;
  score(pairs: PairList): Promise<Float64Array>;
}

/** By the scores of a reranker: rows say which pairs they need, and those of many rows are scored together. */
export function createRerankedChoice(reranker: Reranker, dataset: Dataset, config: MineConfig, tools: Tools): Choice {
  const settings = { ...config, ...resolveDepths(config) };
  const { range, positiveWeight, rerankDepth } = settings;
  const reranking = { dataset, settings, score: createScoring(reranker, dataset, rerankDepth, tools) };
  return {
    blockRows: BLOCK_ROWS,
    depth: positiveWeight === 0 ? rerankDepth : Math.max(range.high, range.low + rerankDepth),
    mayLookBelow: false,
    prepare: (tasks) => scoreOwnTexts(tasks, reranking),
    finish: (tasks, rankings) => finishRows(tasks as readonly RerankedTask[], rankings, reranking),
  };
}

/** Where the flags do not say: all of the window's ranks, and ten times that. */
export function resolveDepths({ range, rerankDepth = range.high, rerankLimit = 10 * rerankDepth }: MineConfig) {
  return { rerankDepth, rerankLimit };
}

/** Counts pairs and tells how far they are; how many there will be is a guess, since rows may go deeper. */
function createScoring(reranker: Reranker, { mined, pool }: Dataset, depth: number, tools: Tools): Reranking['score'] {
  const expected = (mined.end - mined.start) * (1 + Math.min(depth, pool.classCount));
  const { encoding } = tools.workspace.memory;
  let [done, pending] = [0, 0];
  return async (pairs) => {
    pending += pairs.length;
    let before = 0;
    const {
      scores,
      truncated,
      reused = 0,
    } = await scoreList(reranker, pairs, encoding / 2, (scored) => {
      done += scored - before;
      pending -= scored - before;
      before = scored;
      tools.onProgress('reranking', done, Math.max(expected, done + pending));
    });
    tools.onReranked?.({ pairs: pairs.length, truncated, reused });
    return scores;
  };
}

/** Positives, and kept negatives where scores are written. */
async function scoreOwnTexts(tasks: readonly RowTask[], { settings, score }: Reranking): Promise<RerankedTask[]> {
  const pairs = tasks.flatMap((task) => {
    return listOwnTexts(task, settings).map((text): Pair => [task.row.query, text]);
  });
  const scores = await score({
    length: pairs.length,
    at: (i) => pairs[i] as Pair,
    sizeOf: (i) => (pairs[i] as Pair)[0].length + (pairs[i] as Pair)[1].length,
  });
  const known = new Map(tasks.map(({ row }) => [row.query, new Map<number, number>()]));
  let end = 0;
  return tasks.map((task) => {
    const start = end;
    end += listOwnTexts(task, settings).length;
    const scored = withScores(task, [...scores.subarray(start, end)], settings);
    return { ...scored, known: known.get(task.row.query) as Map<number, number> };
  });
}

async function finishRows(
  tasks: readonly RerankedTask[],
  rankings: readonly Ranking[],
  reranking: Reranking,
): Promise<(ChosenRow | undefined)[]> {
  const { settings, dataset } = reranking;
  const pause = createPacer();
  const rows = new Array<ChosenRow | undefined>(tasks.length).fill(undefined);
  let open = tasks.map((_, i) => i);
  while (open.length > 0) {
    const waiting: number[] = [];
    const wanted = createWanted(dataset);
    for (const i of open) {
      const task = tasks[i] as RerankedTask;
      const { known, view, kept } = task;
      const found = selectReranked(
        rankings[i] as Ranking,
        (passage) => known.get(passage),
        view,
        settings,
        settings.neg - kept.length,
      );
      if (found !== DEEPER && 'unscored' in found) {
        wanted.add(task, found.unscored);
        waiting.push(i);
      } else if (found !== DEEPER) {
        rows[i] = chosenFor(task, found);
      }
      await pause();
    }
    wanted.take(await reranking.score(wanted.pairs));
    open = waiting;
  }
  return rows;
}

/** Pairs of queries and passages of the pool, each once. */
function createWanted({ pool: { texts } }: Dataset) {
  const asked = new Map<RerankedTask['known'], Set<number>>();
  const items: { task: RerankedTask; passage: number }[] = [];
  const at = (i: number) => items[i] as (typeof items)[number];
  const pairs: PairList = {
    get length() {
      return items.length;
    },
    at: (i) => [at(i).task.row.query, texts.at(at(i).passage)],
    sizeOf: (i) => at(i).task.row.query.length + texts.sizeOf(at(i).passage),
  };
  return {
    pairs,
    add(task: RerankedTask, passages: readonly number[]) {
      const seen = asked.get(task.known) ?? new Set();
      asked.set(task.known, seen);
      for (const passage of passages) {
        if (!seen.has(passage)) items.push({ task, passage });
        seen.add(passage);
      }
    },
    take(scores: Float64Array) {
      for (const [i, { task, passage }] of items.entries()) task.known.set(passage, scores[i] as number);
    },
  };
}
