// Ours and the peers side by side: see README.md here.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, readOurVersions } from './machine.js';
import { measureCommand } from './measures/command.js';
import { measureEncode } from './measures/encode.js';
import { Skipped } from './measures/measure.js';
import { measureMemory } from './measures/memory.js';
import { measureRerank } from './measures/rerank.js';
import { measureScale } from './measures/scale.js';
import { measureSearch } from './measures/search.js';
import { measureStartup } from './measures/startup.js';
import { findData, findFp32Model, findFp32Reranker, findLargeData, ROOT, SCRATCH } from './paths.js';
import { preparePython, prepareTorchModel, readPeerVersions } from './peers.js';
import { createResultsFile, formatTable, judge } from './report.js';

/** @type {Record<string, import('./measures/measure.js').Measure>} */
const MEASURES = {
  command: measureCommand,
  encode: measureEncode,
  rerank: measureRerank,
  search: measureSearch,
  startup: measureStartup,
  memory: measureMemory,
  scale: measureScale,
};

/** What nothing is compared with. */
const WITHOUT_PEERS = ['startup', 'memory'];

/** What needs the weights in fp32. */
const WITH_WEIGHTS = ['command', 'encode'];

const options = readOptionsOrExit();
const machine = describeMachine();
const fp32Model = findFp32Model(options.fp32Model);
if (!fp32Model && options.only.some((name) => WITH_WEIGHTS.includes(name)))
  console.error('No fp32 weights: what needs them is left out (give --fp32-model DIR).');
const peers = await preparePeers(fp32Model);
const run = {
  date: new Date().toISOString(),
  machine,
  versions: { ...(await readOurVersions()), peers: peers ? await readPeerVersions(peers.python) : null },
  /** @type {import('./report.js').Outcome[]} */
  outcomes: [],
};
const results = createResultsFile(run);
await measureAll(options.only);
console.log(formatTable(run.outcomes));
console.error(`Raw figures: ${path.relative(ROOT, results.file)}`);
const failed = run.outcomes.some(({ failed, results }) => failed || results.some(({ verdict }) => verdict === 'fail'));
process.exitCode = failed ? 1 : 0;

function readOptionsOrExit() {
  try {
    return readOptions();
  } catch (error) {
    console.error(errorText(error));
    process.exit(2);
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(MEASURES).join(',') },
      rounds: { type: 'string' },
      'fp32-model': { type: 'string' },
      'fp32-reranker': { type: 'string' },
      'hn-mine-script': { type: 'string' },
    },
  });
  const only = values.only.split(',');
  const unknown = only.find((name) => !(name in MEASURES));
  if (unknown !== undefined) throw new Error(`--only: expected ${Object.keys(MEASURES).join(', ')} (found ${unknown})`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds: expected a positive integer (found ${values.rounds})`);
  }
  const script = values['hn-mine-script'] ?? process.env.HN_MINE_BENCH_SCRIPT;
  return {
    only,
    rounds,
    fp32Model: values['fp32-model'],
    fp32Reranker: findFp32Reranker(values['fp32-reranker']),
    hnMineScript: script && path.resolve(script),
  };
}

/**
 * @param {string | undefined} fp32Model
 * @returns {Promise<import('./measures/measure.js').Peers | undefined>}
 */
async function preparePeers(fp32Model) {
  if (options.only.every((name) => WITHOUT_PEERS.includes(name))) return undefined;
  try {
    const python = await preparePython();
    return { python, torchModel: fp32Model && (await prepareTorchModel(python, fp32Model)) };
  } catch (error) {
    console.error(`No Python with the peers, so only ours is measured: ${errorText(error)}`);
    return undefined;
  }
}

/** @param {readonly string[]} names */
async function measureAll(names) {
  const scratch = path.join(SCRATCH, 'run');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const setup = { ...options, peers, fp32Model, data: findData(), largeData: findLargeData(), scratch };
  try {
    for (const measure of names) {
      console.error(`Measuring ${measure} …`);
      run.outcomes.push(await measureOne(measure, setup));
      results.save();
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/**
 * @param {string} measure
 * @param {import('./measures/measure.js').Setup} setup
 * @returns {Promise<import('./report.js').Outcome>}
 */
async function measureOne(measure, setup) {
  try {
    const measured = (await MEASURES[measure]?.(setup)) ?? [];
    return { measure, results: measured.map(judge) };
  } catch (error) {
    if (error instanceof Skipped) return { measure, skipped: error.message, results: [] };
    return { measure, failed: errorText(error), results: [] };
  }
}

/** @param {unknown} error */
function errorText(error) {
  return error instanceof Error ? error.message : String(error);
}
