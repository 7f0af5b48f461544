import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MineConfig } from './config/config.js';
import type { Dataset, Inputs, Outlook } from './dataset.js';
import type { Encoder, Role } from './embed/encoder.js';
import { identifyEncoder, keyOfText, nameIdentity } from './embed/encoder-identity.js';
import { type EncoderPlan, planEncoder, startRowEncoder } from './embed/onnx-encoder.js';
import { createStoredEncoder } from './embed/stored-encoder.js';
import { HnMineError } from './errors.js';
import { placeOf } from './input/lines.js';
import type { Bm25Search } from './lexical/bm25-search.js';
import { describeMachine } from './machine.js';
import type { Texts } from './memory/text-spool.js';
import { planMemory, Workspace } from './memory/workspace.js';
import { type MinedRow, mineDataset, type Phase, prepareMining, type ShortReason } from './mine.js';
import type { HubOptions } from './model/hub.js';
import { chooseEncoder, fetchModel, findLocalModel } from './model/locate-model.js';
import type { ModelFiles } from './model/model-files.js';
import { openGivenVectors } from './npy/given-vectors.js';
import { fetchReranker, planLocalReranker, tellDownloads } from './open-reranker.js';
import { checkReranker, startReranker } from './rerank/onnx-reranker.js';
import { resolveDepths } from './rerank-rows.js';
import { openRuns } from './runs.js';
import type { VectorPlace } from './search/passage-vectors.js';
import type { VectorIndex } from './search/vector-index.js';
import { defaultCacheFolder, EMBEDDINGS } from './store/cache-folder.js';
import { EmbeddingStore } from './store/embedding-store.js';
import { findNetworkType } from './store/network-folder.js';
import type { Tally } from './summary.js';

/** A row that got fewer negatives than asked for: a line of `--rejected`. */
export interface Rejection {
  readonly line: string;
  readonly query: string;
  readonly reason: ShortReason;
  readonly asked: number;
  readonly found: number;
  readonly written: boolean;
}

/** Whom a run tells what; each is optional news, none changes the result. */
export interface RunEvents {
  onProgress?(phase: Phase, done: number, total?: number): void;
  onDownload?(file: string, done: number, total: number): void;
  /** Something a user should know that is not wrong. */
  onNote?(message: string): void;
  onWarning?(message: string): void;
  onRejected?(rejection: Rejection): void;
}

/** What a run needs besides its inputs. */
export interface RunContext {
  readonly tally: Tally;
  readonly events: RunEvents;
  /** Where the hub's settings (`HF_*`) are looked up. */
  readonly env: HubOptions['env'];
}

/** Of the machine's memory, where `--memory` does not say. */
const DEFAULT_MEMORY_SHARE = 0.5;

/** What a run would do, as far as is known without a model. */
export interface RunPlan {
  readonly outlook: Outlook;
  readonly rows: number;
  readonly passages: number;
  readonly model: string;
  /** The reranker, and the candidates of a row that it scores at first and at most. */
  readonly reranker?: { readonly name: string; readonly depth: number; readonly limit: number };
}

/**
 * Reads and checks everything that can be checked without loading a model.
 *
 * @throws HnMineError `usage`, `input` or `model`
 */
export async function planRun(inputs: Inputs, config: MineConfig, context: RunContext): Promise<RunPlan> {
  const workspace = openWorkspace(config, context);
  try {
    const { local, dataset, outlook, given } = await prepareRun(inputs, config, workspace, context);
    await closeGiven(given);
    return {
      outlook,
      rows: dataset.mined.end - dataset.mined.start,
      passages: dataset.pool.size,
      model: local?.files.name ?? (config.model as string),
      ...(config.reranker !== undefined && { reranker: describeReranker(config.reranker, config) }),
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
    for await (const row of mineInputs(inputs, config, workspace, context)) {
      const isWritten = row.negatives.length > 0 && (row.reason === undefined || config.onShort !== 'drop');
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

async function* mineInputs(
  inputs: Inputs,
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
): AsyncGenerator<MinedRow> {
  const { tally, events } = context;
  const { local, localReranker, dataset, given, runs } = await prepareRun(inputs, config, workspace, context);
  const onProgress = (phase: Phase, done: number, total?: number) => {
    tally.enter(phase);
    events.onProgress?.(phase, done, total);
  };
  try {
    const model = local ?? (await fetchAndPlan(config, context));
    const reranker = localReranker ?? (await fetchReranker(config, 'model', context));
    if (reranker) {
      tally.reranker = { model: reranker.name, pairs: 0, truncated: 0 };
      await checkReranker(reranker);
    }
    tally.model = given.queries && given.passages && config.model === undefined ? 'given vectors' : model.files.name;
    for (const note of [...model.plan.notes, ...(reranker?.notes ?? [])]) events.onNote?.(note);
    yield* mineDataset(dataset, config, {
      onProgress,
      given,
      runs,
      workspace,
      openEncoder: () => openEncoder(model, config, workspace, context),
      createIndex: (passages) => createIndex(passages, config, workspace),
      ...(reranker && {
        openReranker: () => startReranker(reranker),
        onReranked: (pairs: number, truncated: number) => tally.addReranked(pairs, truncated),
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

/**
 * Temporary files lie beside the store, since the platform's folder for them is often memory itself; but not on another
 * machine where that can be helped.
 */
export function openWorkspace({ cache, cacheDir, memory }: MineConfig, { env }: RunContext): Workspace {
  const cached = cacheDir ?? defaultCacheFolder(env);
  const folders = !cache ? [tmpdir()] : findNetworkType(cached) ? [tmpdir(), cached] : [cached, tmpdir()];
  return new Workspace(planMemory(memory ?? DEFAULT_MEMORY_SHARE * describeMachine().memory), folders);
}

async function prepareRun(inputs: Inputs, config: MineConfig, workspace: Workspace, { tally, events }: RunContext) {
  if (config.poolEmbeddings && inputs.pool === undefined) {
    throw new HnMineError('usage', '--pool-embeddings: needs the --pool whose vectors they are');
  }
  const files = findLocalModel(chooseEncoder(config));
  const local = files && (await planModel(files, config));
  const localReranker = await planLocalReranker(config, 'model');
  await checkIndex(config, workspace);
  const onProgress = (phase: Phase, done: number) => events.onProgress?.(phase, done);
  const { dataset, outlook } = await prepareMining(inputs, config, workspace, onProgress);
  tally.dataset = dataset;
  tally.positives = { distinct: outlook.positives, notInPool: outlook.positivesNotInPool };
  for (const warning of describeOutlook(outlook, dataset.limitedCount, config)) events.onWarning?.(warning);
  const runs = await openRuns(config.run ?? [], dataset, workspace, (warning) => events.onWarning?.(warning));
  return { local, localReranker, dataset, outlook, runs, given: await openGiven(dataset, config) };
}

/** Finds the model, on this machine or on the hub, and opens an encoder whose model is loaded when it is first needed. */
export async function openConfiguredEncoder(
  config: MineConfig,
  workspace: Workspace,
  context: RunContext,
): Promise<{ name: string; encoder: Encoder }> {
  const files = findLocalModel(chooseEncoder(config));
  const model = files ? await planModel(files, config) : await fetchAndPlan(config, context);
  for (const note of model.plan.notes) context.events.onNote?.(note);
  return { name: model.files.name, encoder: await openEncoder(model, config, workspace, context) };
}

async function fetchAndPlan(config: MineConfig, context: RunContext): Promise<PlannedModel> {
  return planModel(await fetchModel(chooseEncoder(config), tellDownloads(context)), config);
}

async function openGiven({ rows, pool }: Dataset, { poolEmbeddings, queryEmbeddings, normalize }: MineConfig) {
  const open = (flag: string, files: readonly string[] | undefined, what: string, count: number) =>
    files && openGivenVectors(flag, files, { count, what, normalize });
  const queries = await open('--query-embeddings', queryEmbeddings, 'rows of the input', rows.length);
  try {
    return {
      queries,
      passages: await open('--pool-embeddings', poolEmbeddings, 'passages of the pool', pool.recordCount),
    };
  } catch (error) {
    await queries?.close();
    throw error;
  }
}

async function closeGiven({ queries, passages }: Awaited<ReturnType<typeof openGiven>>): Promise<void> {
  await queries?.close();
  await passages?.close();
}

interface PlannedModel {
  readonly files: ModelFiles;
  readonly plan: EncoderPlan;
}

async function planModel(files: ModelFiles, config: MineConfig): Promise<PlannedModel> {
  return { files, plan: await planEncoder(files, config, describeMachine()) };
}

/** An optional package or a device that does not load is told before anything is read: an index of one passage shows it. */
async function checkIndex(config: MineConfig, workspace: Workspace): Promise<void> {
  if (config.index === 'flat' && config.gpu === undefined) return;
  const source = new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT);
  const index = await createIndex({ source, dim: 1, count: 1 }, config, workspace);
  await index.close();
}

function describeOutlook(outlook: Outlook, rows: number, { range, neg, backfill }: MineConfig): string[] {
  const warnings: string[] = [];
  if (outlook.shortWindows > 0) {
    const { leastCandidates: least, mostCandidates: most } = outlook;
    const candidates = least === most ? `${most}` : `${least} to ${most}`;
    const filled =
      backfill === 'random'
        ? `random backfill makes up for it${least < neg ? ' where a row has so many' : ''}`
        : `--backfill ${backfill} leaves them short`;
    warnings.push(
      `--range ${range.low}-${range.high}: the window cannot give --neg ${neg} in ${outlook.shortWindows} of ${rows} rows ` +
        `(candidates a row: ${candidates}); ${filled}`,
    );
  }
  if (outlook.positivesNotInPool > outlook.positives / 2) {
    warnings.push(
      `${outlook.positivesNotInPool} of ${outlook.positives} positives are not in the pool; is it the right one?`,
    );
  }
  return warnings;
}

/** With the store of this encoder's vectors, unless they depend on more than their texts. */
async function openEncoder(
  { files, plan }: PlannedModel,
  config: MineConfig,
  { memory: { encoding } }: Workspace,
  { env, events }: RunContext,
): Promise<Encoder> {
  const start = () => startRowEncoder(plan);
  const setup = plan.setups[0] as EncoderPlan['setups'][0];
  const isReproducible = !setup.quantizesBatch || (config.batchSize ?? 1) === 1;
  if (!config.cache || !isReproducible) return createStoredEncoder(start, undefined, encoding);
  const identity = await identifyEncoder(files, setup);
  const cacheFolder = config.cacheDir ?? defaultCacheFolder(env);
  const folder = join(cacheFolder, EMBEDDINGS, nameIdentity(identity));
  const warn = (message: string) => events.onWarning?.(message);
  const network = findNetworkType(cacheFolder);
  if (network) warn(describeNetworkFolder(cacheFolder, network));
  try {
    const store = await EmbeddingStore.open(folder, { model: files.name, ...identity }, warn);
    const keyed = { store, keyOf: (text: string, role: Role) => keyOfText(setup, text, role) };
    return createStoredEncoder(start, keyed, encoding);
  } catch (error) {
    // Nobody asked for the platform's folder, and some accounts have none.
    if (config.cacheDir !== undefined || !(error instanceof HnMineError)) throw error;
    warn(`${error.message}; going on without`);
    return createStoredEncoder(start, undefined, encoding);
  }
}

function describeNetworkFolder(folder: string, type: string): string {
  return `${folder}: on a network file system (${type}), where keeping vectors is slow; give a --cache-dir on a local disk`;
}

async function createIndex(
  passages: VectorPlace,
  { index, gpu, workers }: MineConfig,
  { memory }: Workspace,
): Promise<VectorIndex> {
  const threads = workers ?? describeMachine().cores;
  if (index === 'faiss') {
    const { createFaissIndex } = await import('./search/faiss.js');
    return createFaissIndex(passages, { threads });
  }
  const { createFlatIndex } = await import('./search/flat.js');
  return createFlatIndex(passages, { workers: threads, gpu, memory: memory.searching });
}

async function openBm25(
  passages: Texts,
  { bm25K1, bm25B, workers }: MineConfig,
  workspace: Workspace,
  onProgress: (phase: Phase, done: number, total: number) => void,
): Promise<Bm25Search> {
  const { indexTexts } = await import('./lexical/bm25-index.js');
  const { createBm25Search } = await import('./lexical/bm25-search.js');
  const settings = { k1: bm25K1, b: bm25B };
  const place = { workspace, memory: workspace.memory.postings };
  const index = await indexTexts(passages, settings, place, (share) => {
    onProgress('indexing', Math.floor(share * passages.length), passages.length);
  });
  return createBm25Search(index, workers ?? describeMachine().cores);
}

function describeRejection(
  { row, negatives }: MinedRow,
  reason: ShortReason,
  asked: number,
  written: boolean,
): Rejection {
  return { line: placeOf(row.line), query: row.query, reason, asked, found: negatives.length, written };
}

function refuseOutcome({ written, short, rejected }: Tally, { onShort, neg, shard }: MineConfig): void {
  if (onShort === 'fail' && short > 0) {
    throw new HnMineError(
      'input',
      `--on-short fail: ${short} of ${written + rejected} rows have fewer than ${neg} negatives; --rejected FILE lists them`,
    );
  }
  if (written > 0 || shard !== undefined) return;
  const few = onShort === 'drop' ? `all ${neg} negatives` : 'a negative';
  throw new HnMineError('input', `nothing to write: no row got ${few}; --rejected FILE lists them`);
}
