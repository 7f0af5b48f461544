import { readFileSync } from 'node:fs';
import { HnMineError } from '../errors.js';
import { parseEmbedFlags, parseFlags } from './flags.js';

/**
 * Runs the command line and ends the process: 0 done, 2 the command line is wrong, 1 everything else, 130 and 143 on SIGINT
 * and SIGTERM.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has gone takes nothing more; what is written for people must not end the run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    if (argv[0] === 'cache') {
      const { manageCache } = await import('./cache-command.js');
      await manageCache(argv.slice(1), (line) => void process.stdout.write(`${line}\n`));
      return;
    }
    if (argv[0] === 'embed') {
      process.exitCode = await runEmbed(argv.slice(1));
      return;
    }
    if (argv[0] === 'score') {
      process.exitCode = await runScore(argv.slice(1));
      return;
    }
    const flags = parseFlags(argv, readVersion());
    if ('text' in flags) {
      process.stdout.write(flags.text);
      return;
    }
    // Only now the rest is loaded: help and mistakes answer at once.
    const { parseConfig } = await import('../config/config.js');
    const config = parseConfig(flags.settings);
    const { mineFiles } = await import('./mine-files.js');
    process.exitCode = await mineFiles(flags, config);
  } catch (error) {
    reportError(error, argv.includes('--verbose'), /--log-format[ =]json/.test(argv.join(' ')));
    process.exitCode = exitCodeOf(error);
  }
}

async function runEmbed(argv: readonly string[]): Promise<number> {
  const flags = parseEmbedFlags(argv, readVersion());
  if (flags.text !== undefined) {
    process.stdout.write(flags.text);
    return 0;
  }
  const { parseConfig } = await import('../config/config.js');
  const config = parseConfig(flags.settings);
  const { embedFiles } = await import('./mine-files.js');
  return embedFiles(flags, config);
}

async function runScore(argv: readonly string[]): Promise<number> {
  const { parseScoreFlags } = await import('./score-flags.js');
  const flags = parseScoreFlags(argv, readVersion());
  if (flags.text !== undefined) {
    process.stdout.write(flags.text);
    return 0;
  }
  const { parseScoreConfig } = await import('../config/score-config.js');
  const config = parseScoreConfig(flags.settings);
  const { scoreFiles } = await import('./score-files.js');
  return scoreFiles(flags, config);
}

/** One line for an expected error; a defect of this program shows where it is. */
export function reportError(error: unknown, isVerbose: boolean, isJson = false): void {
  const isExpected = error instanceof HnMineError;
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  const text = isExpected
    ? isVerbose
      ? describeWithCauses(error)
      : message
    : `unexpected error, please report it: ${stack}`;
  process.stderr.write(
    isJson ? `${JSON.stringify({ level: 'error', time: new Date().toISOString(), msg: text })}\n` : `${text}\n`,
  );
}

export function exitCodeOf(error: unknown): number {
  return error instanceof HnMineError && error.code === 'usage' ? 2 : 1;
}

function describeWithCauses(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describeWithCauses(error.cause)}` : '';
  return `${error.message}\n${(error.stack ?? '').split('\n').slice(1).join('\n')}${cause}`;
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
