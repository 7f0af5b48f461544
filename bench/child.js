import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ROOT } from './paths.js';

const STDERR_KEPT = 400;

const MEMORY_SAMPLE_MS = 20;

/**
 * Runs a program to its end, in the project's root.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, exitCode?: number }} [options] the exit code it must end with: 0
 * @returns {Promise<{ seconds: number, stdout: string, peakBytes: number }>} wall time, start and end of the process included, and
 * the most memory that it had of its own (Linux: anonymous and shared, without pages of files), sampled
 */
export function runProgram(program, args, { env = process.env, exitCode = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let peakBytes = 0;
    const sampling = setInterval(() => {
      peakBytes = Math.max(peakBytes, readOwnMemory(child.pid));
    }, MEMORY_SAMPLE_MS);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr = (stderr + chunk).slice(-STDERR_KEPT);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - start) / 1000;
      clearInterval(sampling);
      if (code === exitCode) resolve({ seconds, stdout, peakBytes });
      else reject(new Error(`${[program, ...args.slice(0, 2)].join(' ')} ended with ${code}: ${stderr.trim()}`));
    });
  });
}

/** @param {number | undefined} pid */
function readOwnMemory(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].reduce(
      (sum, match) => sum + 1024 * Number(match[1]),
      0,
    );
  } catch {
    return 0;
  }
}

/**
 * A timed child prints one JSON object as its last line: `seconds`, its own clock around the work alone, and `detail`.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<import('./compare.js').Timing>}
 */
export async function runTimed(program, args, options) {
  const { stdout } = await runProgram(program, args, options);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}
