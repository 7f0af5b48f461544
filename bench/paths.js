import { existsSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..');

/** Made by the bench and ignored by git: the Python environment, converted weights, vectors. */
export const SCRATCH = path.join(ROOT, '.bench');

export const RESULTS = path.join(ROOT, 'bench', 'results');

const SHARED = path.resolve(ROOT, '..', 'shared');

/** SciFact where it is at hand, else the fixtures. */
export function findData() {
  const scifact = path.join(SHARED, 'data', 'scifact-2k');
  return existsSync(scifact) ? scifact : path.join(ROOT, 'fixtures');
}

/** Debian's package descriptions where they are at hand. */
export function findLargeData() {
  const folder = path.join(SHARED, 'data', 'debian-65k');
  if (!existsSync(folder)) return undefined;
  return { input: path.join(folder, 'train.jsonl.gz'), pool: path.join(folder, 'pool.jsonl.gz') };
}

/** The folder of a data set where it is at hand. @param {string} name */
export function findShared(name) {
  const folder = path.join(SHARED, 'data', name);
  return existsSync(folder) ? folder : undefined;
}

/** @param {string | undefined} given */
export function findFp32Model(given) {
  const folder = given ? path.resolve(given) : path.join(SHARED, 'models', 'all-MiniLM-L6-v2');
  return existsSync(path.join(folder, 'onnx', 'model.onnx')) ? folder : undefined;
}

/** @param {string | undefined} given */
export function findFp32Reranker(given) {
  if (given === undefined) return undefined;
  const folder = path.resolve(given);
  if (existsSync(path.join(folder, 'onnx', 'model.onnx'))) return folder;
  throw new Error(`--fp32-reranker: expected a folder with onnx/model.onnx (found none in ${given})`);
}
