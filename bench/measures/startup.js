import { runProgram } from '../child.js';
import { compare } from '../compare.js';

const ROUNDS = 10;
const BAR = { seconds: 0.15 };

/**
 * What a user waits for an answer that needs no work. The bare runtime runs beside it, in the place of a peer.
 * @type {import('./measure.js').Measure}
 */
export async function measureStartup({ rounds = ROUNDS }) {
  const cases = [
    { what: '--help', args: ['--help'], exitCode: 0 },
    { what: 'a missing flag', args: ['--range', '10-210'], exitCode: 2 },
    { what: 'a wrong value', args: ['--input', 'train.jsonl', '--range', '210-10'], exitCode: 2 },
  ];
  const measured = [];
  for (const { what, args, exitCode } of cases) {
    const comparison = await compare(
      rounds,
      () => timeProgram(['bin/hn-mine.js', ...args], exitCode),
      () => timeProgram(['--eval', '0']),
    );
    measured.push({ what: `${what} (beside an empty Node program)`, comparison, bar: BAR });
  }
  return measured;
}

/**
 * @param {readonly string[]} args
 * @param {number} [exitCode]
 */
async function timeProgram(args, exitCode) {
  const { seconds } = await runProgram('node', args, { exitCode });
  return { seconds };
}
