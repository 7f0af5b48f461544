import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HnMineError } from '../errors.js';

/** A model's folder on this machine and the graph chosen in it. */
export interface ModelFiles {
  /** What messages call the model: the folder or the hub's ID. */
  readonly name: string;
  readonly folder: string;
  /** Relative to the folder. */
  readonly graph: string;
}

/** What a model is to do: how it is exported, and which flags name it. */
export interface ModelTask {
  readonly flag: string;
  readonly dtypeFlag: string;
  readonly exportTask: string;
  /** What messages call such a model. */
  readonly noun: string;
}

export const ENCODING: ModelTask = {
  flag: '--model',
  dtypeFlag: '--dtype',
  exportTask: 'feature-extraction',
  noun: 'text encoder',
};

export const RERANKING: ModelTask = {
  flag: '--reranker',
  dtypeFlag: '--reranker-dtype',
  exportTask: 'text-classification',
  noun: 'reranker',
};

/** What messages about a model say of it. */
export interface NamedModel {
  readonly name: string;
  readonly task?: ModelTask;
}

/** What the graph's file is called for a `--dtype`, as Transformers.js and Optimum name them; others are `model_DTYPE.onnx`. */
const GRAPH_NAMES: Readonly<Record<string, string>> = { fp32: 'model.onnx', q8: 'model_quantized.onnx' };

const GRAPH = /^(?:onnx\/)?[^/]+\.onnx$/;

/** What is read from a model's folder besides its graph; `*` stands for one folder or file name. */
const SETTING_FILES = [
  /^(?:config|tokenizer|tokenizer_config|modules|sentence_bert_config|config_sentence_transformers)\.json$/,
  /^\d+_[^/]*\/(?:config|sentence_bert_config|tokenizer|tokenizer_config)\.json$/,
  /^\d+_Dense\/model\.safetensors$/,
];

/** Whether a flag names a folder rather than a model on the hub. */
export function isModelFolder(model: string): boolean {
  return /^[./~]|^[A-Za-z]:|\\/.test(model) || statSync(model, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** @throws HnMineError `model` where the folder is missing or has no such graph */
export function findModelFiles(
  folder: string,
  dtype: string | undefined,
  { name = folder, task = ENCODING }: Partial<NamedModel> = {},
): ModelFiles {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new HnMineError(
      'model',
      `${task.flag} ${folder}: no such folder; give a folder with onnx/model.onnx or a model's ID on the hub`,
    );
  }
  const paths = ['', 'onnx/'].flatMap((below) => listFiles(join(folder, below)).map((file) => below + file));
  return { name, folder, graph: chooseGraph(paths, dtype, { name, task }) };
}

/**
 * The graph for a dtype: `fp32` where none is named, else the only one there is.
 *
 * @param paths all paths of the folder or repository
 * @throws HnMineError `model`, with the graphs that there are
 */
export function chooseGraph(
  paths: readonly string[],
  dtype: string | undefined,
  { name, task = ENCODING }: NamedModel,
): string {
  const graphs = paths.filter((path) => GRAPH.test(path)).sort();
  if (graphs.length === 0) {
    const advice = `export one with "optimum-cli export onnx --model ${name} --task ${task.exportTask} DIR"`;
    throw new HnMineError('model', `${name}: no ONNX graph (looked for onnx/*.onnx and *.onnx); ${advice}`);
  }
  const wanted = GRAPH_NAMES[dtype ?? 'fp32'] ?? `model_${dtype}.onnx`;
  const chosen = graphs.find((path) => path === `onnx/${wanted}`) ?? graphs.find((path) => path === wanted);
  if (chosen !== undefined) return chosen;
  if (dtype === undefined && graphs.length === 1) return graphs[0] as string;
  const asked =
    dtype === undefined ? `no ${wanted}; choose with ${task.dtypeFlag}` : `${task.dtypeFlag} ${dtype}: no ${wanted}`;
  throw new HnMineError('model', `${name}: ${asked} (found ${graphs.join(', ')})`);
}

/** What a user should know where no graph of the usual name was there to take. */
export function noteOnlyGraph({ name, graph }: ModelFiles): string[] {
  return basename(graph) === 'model.onnx' ? [] : [`${name}: takes ${graph}, the only graph there`];
}

/** The files of a repository that a run needs: settings, tokenizer, and one graph with its external data. */
export function selectModelFiles(paths: readonly string[], dtype: string | undefined, model: NamedModel): string[] {
  const graph = chooseGraph(paths, dtype, model);
  return paths.filter(
    (path) => path === graph || isDataOf(graph, path) || SETTING_FILES.some((file) => file.test(path)),
  );
}

/** The paths of a graph and its external data. */
export function listGraphFiles({ folder, graph }: ModelFiles): string[] {
  const below = graph.includes('/') ? 'onnx/' : '';
  const paths = listFiles(join(folder, below)).map((file) => below + file);
  const files = paths.filter((path) => path === graph || isDataOf(graph, path));
  return files.sort().map((path) => join(folder, path));
}

/** The bytes of a graph's weights, external data included. */
export function measureGraph(files: ModelFiles): number {
  return listGraphFiles(files).reduce((sum, path) => sum + statSync(path).size, 0);
}

/** `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`. */
function isDataOf(graph: string, path: string): boolean {
  return path.startsWith(`${graph}_data`) || path === `${graph}.data`;
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
