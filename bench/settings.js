// Which settings mine how many false negatives, and how hard ones: see README.md here.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runProgram } from './child.js';
import { describeMachine, readOurVersions } from './machine.js';
import { findShared, RESULTS, SCRATCH } from './paths.js';
import { hideAnswers, readLabelledSet } from './settings/labelled-set.js';
import { LADDER, SETTINGS } from './settings/list.js';
import { compareAtEqualHardness, countRow, createTally, summarize } from './settings/tally.js';

/**
 * @typedef {import('./settings/tally.js').Point & {
 *   flags: string, full: number, toPlain: ReturnType<typeof compareAtEqualHardness>
 * }} Result
 */

const ASKED = 15;

const NOTHING = { neg: [], neg_scores: [] };

/** Where each set lies, and how often the answers that are known are drawn anew. */
const SETS = {
  cisi: { folder: 'cisi', input: 'train.jsonl', pool: 'pool.jsonl', draws: 5 },
  debian: { folder: 'debian-65k', input: 'train.jsonl.gz', pool: 'pool.jsonl.gz', draws: 1 },
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(SETS).join(',') },
    'cache-dir': { type: 'string', default: path.join(SCRATCH, 'settings-cache') },
  },
});
const scratch = path.join(SCRATCH, 'settings');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const only = options.only.split(',');
const unknown = only.find((name) => !(name in SETS));
if (unknown !== undefined) throw new Error(`--only: expected ${Object.keys(SETS).join(', ')} (found ${unknown})`);
/** @type {Record<string, unknown>} */
const measured = {};
for (const [name, set] of Object.entries(SETS)) {
  if (!only.includes(name)) continue;
  const folder = findShared(set.folder);
  if (folder) measured[name] = await measureSet(name, { ...set, folder });
  else console.error(`${name}: skipped, ../shared/data/${set.folder} is not there`);
}
rmSync(scratch, { recursive: true });
if (Object.keys(measured).length > 0) await saveResults();

/**
 * @param {string} name
 * @param {{ folder: string, input: string, pool: string, draws: number }} set
 */
async function measureSet(name, { folder, input, pool, draws }) {
  const set = await readLabelledSet({ input: path.join(folder, input), pool: path.join(folder, pool) });
  const answers = set.queries.reduce((sum, query) => sum + query.answers.length, 0);
  const tried = [...new Set([...LADDER, ...SETTINGS])];
  const tallies = new Map(tried.map((flags) => [flags, set.queries.map(createTally)]));
  for (let seed = 1; seed <= draws; seed++) {
    const { input, hidden } = hideAnswers(set, { folder: scratch, seed });
    for (const [flags, byQuery] of tallies) {
      console.error(`${name}, draw ${seed} of ${draws}: ${flags}`);
      const mined = await mine({ input, pool: set.pool }, flags);
      // A row for which nothing passes the bounds is not written, and counts as one that is not full.
      for (const [i, tally] of byQuery.entries()) {
        const row = mined.get(set.queries[i]?.query) ?? NOTHING;
        countRow(tally, row, { hidden: /** @type {Set<string>} */ (hidden[i]), asked: ASKED });
      }
    }
  }
  const ladder = [...tallies].filter(([flags]) => LADDER.includes(flags)).map(([, byQuery]) => byQuery);
  const results = [...tallies].map(([flags, byQuery]) => ({
    flags,
    ...summarize(byQuery),
    full: sum(byQuery, 'full') / sum(byQuery, 'rows'),
    toPlain: LADDER.includes(flags) ? undefined : compareAtEqualHardness(byQuery, ladder),
  }));
  console.log(`\n${name}: ${set.queries.length} queries, ${answers} answers, ${draws} draws\n`);
  console.log(formatTable(results));
  return { queries: set.queries.length, answers, draws, results };
}

/**
 * @param {{ input: string, pool: string }} files
 * @param {string} flags
 */
async function mine({ input, pool }, flags) {
  const output = path.join(scratch, 'mined.jsonl');
  const files = ['--input', input, '--pool', pool, '--cache-dir', options['cache-dir'], '--output', output];
  await runProgram('node', ['bin/hn-mine.js', ...files, '--scores', '--neg', `${ASKED}`, ...flags.split(' ')]);
  const rows = readFileSync(output, 'utf8').trimEnd().split('\n');
  return new Map(rows.map((line) => JSON.parse(line)).map((row) => [row.query, row]));
}

/** @param {readonly Result[]} results */
function formatTable(results) {
  const lines = results.map(({ flags, wrong, hardness, full, toPlain }) => {
    const ratio = toPlain ? `${toPlain.ratio.toFixed(2)} [${toPlain.low.toFixed(2)}, ${toPlain.high.toFixed(2)}]` : '–';
    return `| \`${flags}\` | ${(100 * wrong).toFixed(1)} % | ${hardness.toFixed(3).slice(1)} | ${ratio} | ${(100 * full).toFixed(0)} % |`;
  });
  const head = '| flags | false negatives | hardness | of a plain window as hard | full rows |';
  return [head, '|---|--:|--:|--:|--:|', ...lines].join('\n');
}

/**
 * @param {readonly import('./settings/tally.js').Tally[]} tallies
 * @param {'rows' | 'full'} what
 */
function sum(tallies, what) {
  return tallies.reduce((total, tally) => total + tally[what], 0);
}

async function saveResults() {
  const run = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: await readOurVersions(),
    measured,
  };
  const file = path.join(RESULTS, `${run.date.slice(0, 10)}-settings.json`);
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  writeFileSync(file, `${JSON.stringify([...earlier, run], null, 1)}\n`);
  console.error(`Raw figures: ${file}`);
}
