import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'hn-mine-killed-'));
const cache = join(folder, 'cache');
const output = join(folder, 'mined.jsonl');
const flags = ['bin/hn-mine.js', '--input', 'fixtures/train.jsonl', '--pool', 'fixtures/pool.jsonl', '--quiet'];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function storedBytes(): number {
  const files = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.keys'));
  return files.reduce((sum, file) => sum + statSync(join(cache, file)).size, 0);
}

/** Lets a run go on for some time, then kills it. @returns whether it was still running */
function killAfter(milliseconds: number): Promise<boolean> {
  const child = spawn('node', [...flags, '--cache-dir', cache, '--output', output], { stdio: 'ignore' });
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.on('exit', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });
}

it('a run killed at twenty moments loses nothing that it had stored, and ends with the bytes of an unbroken run', async () => {
  const started = performance.now();
  const unbroken = execFileSync('node', [...flags, '--no-cache'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const whole = performance.now() - started;
  writeFileSync(output, 'the old output');
  let stored = 0;
  let kills = 0;
  for (let i = 0; i < 20; i++) {
    if (await killAfter(whole * (0.1 + 0.02 * ((7 * i) % 20)))) kills++;
    if (!readFileSync(output, 'utf8').startsWith('the old')) break;
    const now = readdirSync(folder).includes('cache') ? storedBytes() : 0;
    expect(now).toBeGreaterThanOrEqual(stored);
    stored = now;
  }
  expect(kills).toBeGreaterThan(3);
  expect(stored).toBeGreaterThan(0);
  const summary = join(folder, 'summary.json');
  execFileSync('node', [...flags, '--cache-dir', cache, '--output', output, '--summary', summary]);
  expect(readFileSync(output, 'utf8')).toBe(unbroken);
  expect((JSON.parse(readFileSync(summary, 'utf8')) as { texts: { reused: number } }).texts.reused).toBeGreaterThan(0);
  expect(readdirSync(folder).filter((file) => file.endsWith('.partial'))).toEqual([]);
}, 180_000);
