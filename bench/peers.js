import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from './child.js';
import { readInstructions } from './machine.js';
import { ROOT, SCRATCH } from './paths.js';

/** On Linux the usual package brings gigabytes of CUDA. */
const TORCH_WITHOUT_CUDA = [
  '--no-deps',
  '--extra-index-url',
  'https://download.pytorch.org/whl/cpu',
  'torch==2.13.0+cpu',
];

const PACKAGES = ['FlagEmbedding', 'sentence-transformers', 'transformers', 'torch', 'faiss-cpu', 'numpy'];

/** The peers as pip installs them. */
export const PEER_ENV = { ...withoutBlasSettings(process.env), HF_HUB_OFFLINE: '1' };

/** The same with the fastest code that the processor can run. */
export const TUNED_PEER_ENV = { ...PEER_ENV, ...chooseBlas() };

/** @param {NodeJS.ProcessEnv} env */
function withoutBlasSettings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('OPENBLAS_')));
}

/**
 * The OpenBLAS in faiss-cpu's wheel is of 2021: on a newer processor it falls back to SSE, at less than a third of the
 * speed. Named outright, its AVX-512 and AVX2 code runs there too.
 */
function chooseBlas() {
  const instructions = readInstructions();
  if (instructions.includes('avx512f')) return { OPENBLAS_CORETYPE: 'SkylakeX' };
  return instructions.includes('avx2') ? { OPENBLAS_CORETYPE: 'Haswell' } : {};
}

/** @param {string} name */
export function peerScript(name) {
  return path.join(ROOT, 'bench', 'peers', name);
}

/**
 * The Python of the environment with the peers: HN_MINE_BENCH_VENV, else one made here on first use.
 * @returns {Promise<string>}
 * @throws where there is no Python, or the packages cannot be installed
 */
export async function preparePython() {
  const given = process.env.HN_MINE_BENCH_VENV;
  if (given) return path.join(given, 'bin', 'python');
  const venv = path.join(SCRATCH, 'venv');
  const python = path.join(venv, 'bin', 'python');
  const installed = path.join(venv, 'installed');
  if (!existsSync(installed)) {
    console.error('Installing the peers into .bench/venv …');
    await runProgram('python3', ['-m', 'venv', venv]);
    const install = ['-m', 'pip', 'install', '--quiet'];
    if (process.platform === 'linux') await runProgram(python, [...install, ...TORCH_WITHOUT_CUDA]);
    await runProgram(python, [...install, '-r', peerScript('requirements.txt')]);
    writeFileSync(installed, '');
  }
  return python;
}

/**
 * The fp32 weights in the form the Python libraries read.
 * @param {string} python
 * @param {string} model a folder with onnx/model.onnx
 */
export async function prepareTorchModel(python, model) {
  if (existsSync(path.join(model, 'model.safetensors'))) return model;
  const target = path.join(SCRATCH, `${path.basename(model)}-torch`);
  await runProgram(python, [peerScript('torch_from_onnx.py'), model, target], { env: PEER_ENV });
  return target;
}

/**
 * A cross-encoder of the usual size with random weights, made here on first use.
 * @param {string} python
 */
export async function prepareCrossEncoder(python) {
  const target = path.join(SCRATCH, 'random-cross-encoder');
  const args = [peerScript('make_cross_encoder.py'), path.join(ROOT, 'models', 'all-MiniLM-L6-v2'), target];
  await runProgram(python, args, { env: PEER_ENV });
  return target;
}

/**
 * @param {string} python
 * @returns {Promise<Record<string, string>>}
 */
export async function readPeerVersions(python) {
  const program = [
    'import importlib.metadata, json, platform',
    `versions = {name: importlib.metadata.version(name) for name in ${JSON.stringify(PACKAGES)}}`,
    'print(json.dumps({"python": platform.python_version(), **versions}))',
  ].join('\n');
  const { stdout } = await runProgram(python, ['-c', program], { env: PEER_ENV });
  return JSON.parse(stdout);
}
