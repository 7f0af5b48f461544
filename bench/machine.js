import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './child.js';
import { ROOT } from './paths.js';

/** Which of the instructions that int8 and fp32 matrix products use. */
const NOTABLE = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8'];

const SAMPLE_MS = 500;

export function describeMachine() {
  const cpus = os.cpus();
  return {
    processor: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    instructions: readInstructions(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.platform()} ${os.arch()}`,
  };
}

export async function readOurVersions() {
  const commit = await runProgram('git', ['describe', '--always', '--dirty']).catch(() => undefined);
  return {
    'hn-mine': readPackage(ROOT).version,
    commit: commit?.stdout.trim() ?? null,
    node: process.versions.node,
    'onnxruntime-node': readPackage(path.join(ROOT, 'node_modules', 'onnxruntime-node')).version,
  };
}

/** The share of all cores that is busy while the bench itself waits. */
export async function measureOtherWork() {
  const before = sumTimes();
  await sleep(SAMPLE_MS);
  const after = sumTimes();
  const share = (after.busy - before.busy) / (after.all - before.all);
  return Math.round(share * 100) / 100;
}

function sumTimes() {
  const times = os.cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  const all = times.reduce((sum, { idle, irq, nice, sys, user }) => sum + idle + irq + nice + sys + user, 0);
  return { busy: all - idle, all };
}

export function readInstructions() {
  const file = '/proc/cpuinfo';
  if (!existsSync(file)) return [];
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.split(' ') ?? [];
  return NOTABLE.filter((name) => flags.includes(name));
}

/** @param {string} folder */
function readPackage(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}
