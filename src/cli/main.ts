import { readFileSync } from 'node:fs';
import type { Printed, Typed } from './command-line.js';
import { exitCodeOf, reportError } from './report-error.js';

/**
 * Runs the command line and ends the process: 0 done, 2 the command line is wrong, 1 everything else, 130 and 143 on SIGINT
 * and SIGTERM.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has gone takes nothing more; what is written for people must not end the run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    process.exitCode = await runCommand(argv);
  } catch (error) {
    reportError(error, argv.includes('--verbose'), /--log-format[ =]json/.test(argv.join(' ')));
    process.exitCode = exitCodeOf(error);
  }
  // A connection that its library cannot close must not keep the process; where nothing does, it ends at once.
  setTimeout(() => process.exit(), LAST_GRACE_MS).unref();
}

const LAST_GRACE_MS = 5000;

/** A command loads the rest of itself only when its flags and their values are right: help and mistakes answer at once. */
async function runCommand(argv: readonly string[]): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === 'cache') return runCache(rest);
  if (name === 'completion') return runCompletion(rest);
  const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name as keyof typeof COMMANDS] : undefined;
  return run ? run(await expand(rest)) : runMine(await expand(argv));
}

const COMMANDS = { embed: runEmbed, score: runScore, tune: runTune, audit: runAudit };

async function expand(words: readonly string[]): Promise<readonly string[]> {
  if (!words.some((word) => word.startsWith('--config'))) return words;
  const { expandConfigs } = await import('./config-file.js');
  return expandConfigs(words);
}

async function runMine(argv: readonly string[]): Promise<number> {
  const { parseMineFlags } = await import('./mine-flags.js');
  return unlessPrinted(parseMineFlags(argv, readVersion()), async (flags) => {
    const { parseConfig } = await import('../config/config.js');
    const config = parseConfig(flags.settings);
    const { mineFiles } = await import('./mine-files.js');
    return mineFiles(flags, config);
  });
}

async function runEmbed(words: readonly string[]): Promise<number> {
  const { parseEmbedFlags } = await import('./embed-flags.js');
  return unlessPrinted(parseEmbedFlags(words), async (flags) => {
    const { parseConfig } = await import('../config/config.js');
    const config = parseConfig(flags.settings);
    const { embedFiles } = await import('./embed-files.js');
    return embedFiles(flags, config);
  });
}

async function runScore(words: readonly string[]): Promise<number> {
  const { parseScoreFlags } = await import('./score-flags.js');
  return unlessPrinted(parseScoreFlags(words), async (flags) => {
    const { parseScoreConfig } = await import('../config/score-config.js');
    const config = parseScoreConfig(flags.settings);
    const { scoreFiles } = await import('./score-files.js');
    return scoreFiles(flags, config);
  });
}

async function runTune(words: readonly string[]): Promise<number> {
  const { parseTuneFlags } = await import('./tune-flags.js');
  return unlessPrinted(parseTuneFlags(words), async (flags) => {
    const { parseTuneConfig, splitTuned } = await import('../config/tune-config.js');
    const { settings, lists } = splitTuned(flags.settings);
    const config = parseTuneConfig(settings, lists);
    const { tuneFiles } = await import('./tune-files.js');
    return tuneFiles(flags, config);
  });
}

async function runAudit(words: readonly string[]): Promise<number> {
  const { parseAuditFlags } = await import('./audit-flags.js');
  return unlessPrinted(parseAuditFlags(words), async (flags) => {
    const { parseConfig } = await import('../config/config.js');
    const config = parseConfig(flags.settings);
    const { auditFiles } = await import('./audit-files.js');
    return auditFiles(flags, config);
  });
}

async function runCache(words: readonly string[]): Promise<number> {
  const { manageCache } = await import('./cache-command.js');
  await manageCache(words, (line) => void process.stdout.write(`${line}\n`));
  return 0;
}

async function runCompletion(words: readonly string[]): Promise<number> {
  const { completeShell } = await import('./completion-command.js');
  process.stdout.write(completeShell(words));
  return 0;
}

/** Answers with the text that was asked for, or runs the command. @returns the exit code */
async function unlessPrinted<Flags extends Typed>(
  parsed: Flags | Printed,
  run: (flags: Flags) => Promise<number>,
): Promise<number> {
  if ('settings' in parsed) return run(parsed);
  process.stdout.write(parsed.text);
  return 0;
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
