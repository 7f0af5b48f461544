import { type MineConfig, writesShortRows } from '../config/config.js';
import { namesEncoder, needsEncoder } from '../config/needs-encoder.js';
import type { Dataset, Inputs } from '../dataset.js';
import type { PlannedEncoder } from '../embed/planned-encoder.js';
import { HnMineError } from '../errors.js';
import { describeJudgements } from '../input/judged-queries.js';
import { isJudged } from '../input/judged-sources.js';
import type { Workspace } from '../memory/workspace.js';
import { type MinedRow, mineDataset, type Phase, prepareMining, type RerankedCounts, type Tools } from '../mine.js';
import { resolveDepths } from '../mining/rerank-rows.js';
import { openRuns } from '../mining/runs.js';
import type { Outlook } from '../outlook.js';
import type { PlannedReranker } from '../rerank/planned-reranker.js';
import { describeOutlook } from './describe-outlook.js';
import { openBm25 } from './open-bm25.js';
import { fetchEncoder, openEncoder, planReachableEncoder } from './open-encoder.js';
import { closeGiven, openGiven } from './open-given-vectors.js';
import { checkIndex, createIndex } from './open-index.js';
import { fetchReranker, openReranker, planReachableReranker } from './open-reranker.js';
import { openWorkspace } from './open-workspace.js';
import { describeRejection, refuseOutcome } from './rejection.js';
import type { RunContext } from './run-context.js';

/** What a run would do, as far as is known without a model. */
export interface RunPlan {
  readonly outlook: Outlook;
  readonly rows: number;
  readonly passages: number;
  /** Nothing where no text is to be encoded. */
  readonly model: string | undefined;
  /** The reranker, and the candidates of a row that it scores at first and at most. */
  readonly reranker?: { readonly name: string; readonly depth: number; readonly limit: number };
}

interface LocalModels {
  readonly encoder: PlannedEncoder | undefined;
  readonly reranker: PlannedReranker | undefined;
}

/**
 * Reads and checks everything that can be checked without loading a model.
 *
 * @throws HnMineError `usage`, `input` or `model`
 */
export async function planRun(inputs: Inputs, config: MineConfig, context: RunContext): Promise<RunPlan> {
  const workspace = openWorkspace(config, context);
  try {
    const { encoder, reranker, dataset, outlook, given } = await prepareRun(inputs, config, workspace, context);
    await closeGiven(given);
    return {
      outlook,
      rows: dataset.mined.end - dataset.mined.start,
      passages: dataset.pool.size,
      model: needsEncoder(config) ? (encoder?.name ?? config.model) : undefined,
      ...(config.reranker && { reranker: describeReranker(reranker?.name ?? config.reranker.join(), config) }),
    };
  } finally {
    workspace.close();
  }
}

/**
 * A whole run: yields the rows that are to be written, in input order.
 *
 * @throws HnMineError of every code but `output`
 */
export async function* runMining(inputs: Inputs, config: MineConfig, context: RunContext): AsyncGenerator<MinedRow> {
  const { tally, events } = context;
  const workspace = openWorkspace(config, context);
  try {
    const mine = (dataset: Dataset, tools: Tools) => mineDataset(dataset, config, tools);
    for await (const row of runWith(inputs, config, workspace, context, mine)) {
      const isWritten = row.negatives.length > 0 && (row.reason === undefined || writesShortRows(config));
      tally.addRow(row, isWritten);
      if (row.reason) events.onRejected?.(describeRejection(row, row.reason, config.neg, isWritten));
      if (isWritten) yield row;
    }
  } finally {
    workspace.close();
  }
  refuseOutcome(tally, config);
}

function describeReranker(name: string, config: MineConfig) {
  const { rerankDepth: depth, rerankLimit: limit } = resolveDepths(config);
  return { name, depth, limit };
}

/**
 * Reads and checks the inputs, finds the models, and does some work with them.
 *
 * @throws HnMineError of every code but `output`, or what the work throws
 */
export async function* runWith<T>(
  inputs: Inputs,
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
  work: (dataset: Dataset, tools: Tools) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const { tally, events } = context;
  const { dataset, given, runs, ...local } = await prepareRun(inputs, config, workspace, context);
  const onProgress = (phase: Phase, done: number, total?: number) => {
    tally.enter(phase);
    events.onProgress?.(phase, done, total);
  };
  try {
    const { encoder, reranker } = await completeModels(local, config, context);
    if (reranker)
      tally.reranker = { model: reranker.name, pairs: 0, truncated: reranker.countsTruncated ? 0 : null, reused: 0 };
    const isGiven = given.queries && given.passages && !namesEncoder(config);
    tally.model = isGiven ? 'given vectors' : (encoder?.name ?? null);
    yield* work(dataset, {
      onProgress,
      given,
      runs,
      workspace,
      openEncoder: () => openEncoder(encoder as PlannedEncoder, config, workspace, context),
      createIndex: (passages, queries) => createIndex(passages, config, workspace, { env: context.env, queries }),
      ...(reranker && {
        openReranker: () => openReranker(reranker, config, context),
        onReranked: (counts: RerankedCounts) => tally.addReranked(counts),
      }),
      openBm25: (passages) => openBm25(passages, config, workspace, onProgress),
      onEncoded: (counts) => {
        tally.encoded = counts;
      },
    });
  } finally {
    await closeGiven(given);
  }
}

/** Fetches what is not on this machine, now that nothing else is wrong. */
async function completeModels(local: LocalModels, config: MineConfig, context: RunContext) {
  const encoder = needsEncoder(config) ? (local.encoder ?? (await fetchEncoder(config, context))) : undefined;
  const reranker = local.reranker ?? (await fetchReranker(config, 'model', context));
  await reranker?.check();
  const advice = reranker ? '' : '; --scores would';
  const notes = encoder?.notes ?? [`nothing asks for scores of the encoder, so no text is encoded${advice}`];
  for (const note of [...notes, ...(reranker?.notes ?? [])]) context.events.onNote?.(note);
  return { encoder, reranker };
}

/** The models, where they are on this machine, and the dataset: all that can be found wrong before the work. */
async function prepareRun(inputs: Inputs, config: MineConfig, workspace: Workspace, context: RunContext) {
  const { tally, events } = context;
  if (config.poolEmbeddings && inputs.pool === undefined) {
    throw new HnMineError('usage', '--pool-embeddings: needs the --pool whose vectors they are');
  }
  if (config.queryEmbeddings && (isJudged(inputs.input) || inputs.reshape)) {
    const odd = isJudged(inputs.input) ? 'judged queries' : 'rows with hidden positives';
    throw new HnMineError('usage', `--query-embeddings: needs the rows of an --input as they are (found ${odd})`);
  }
  const encoder = needsEncoder(config) ? await planReachableEncoder(config, context) : undefined;
  const reranker = await planReachableReranker(config, 'model', context);
  await checkIndex(config, workspace, context.env);
  const onProgress = (phase: Phase, done: number) => events.onProgress?.(phase, done);
  const { dataset, outlook } = await prepareMining(inputs, config, workspace, onProgress);
  tally.dataset = dataset;
  tally.positives = { distinct: outlook.positives, notInPool: outlook.positivesNotInPool };
  const judged = dataset.judgements && describeJudgements(dataset.judgements);
  for (const note of judged?.notes ?? []) events.onNote?.(note);
  for (const warning of judged?.warnings ?? []) events.onWarning?.(warning);
  for (const warning of describeOutlook(outlook, dataset.limitedCount, config)) events.onWarning?.(warning);
  const runs = await openRuns(config.run ?? [], dataset, workspace, (warning) => events.onWarning?.(warning));
  return { encoder, reranker, dataset, outlook, runs, given: await openGiven(dataset, config) };
}
