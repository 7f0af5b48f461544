import { Command, CommanderError } from 'commander';
import { formatSize, parseSize } from '../config/size.js';
import { HnMineError } from '../errors.js';
import { defaultCacheFolder } from '../store/cache-folder.js';
import { choosePrunable, listEncoders, removeEncoder, type StoredEncoder } from '../store/manage.js';

const DAY_MS = 86_400_000;

/**
 * `hn-mine cache ls|prune|rm`: what is kept of earlier runs.
 *
 * @param argv the words after `cache`
 * @throws HnMineError `usage`, or `input` where an ID is not there
 */
export async function manageCache(argv: readonly string[], print: (line: string) => void): Promise<void> {
  const command = createCacheCommand(print);
  for (const one of [command, ...command.commands]) {
    one.exitOverride().configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: () => {} });
  }
  try {
    await command.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    const isHelp = error.code === 'commander.help';
    throw new HnMineError(
      'usage',
      `cache: ${isHelp ? 'expected ls, prune or rm' : message}; see hn-mine cache --help`,
      { cause: error },
    );
  }
}

/** @param print what its actions say */
export function createCacheCommand(print: (line: string) => void = () => {}): Command {
  const folderFlag = ['--cache-dir <dir>', "the cache folder (the platform's)"] as const;
  const command = new Command('hn-mine cache').description('Vectors kept of earlier runs, by encoder.');
  command
    .command('ls')
    .description('list them, the last used first')
    .option(...folderFlag)
    .action(async ({ cacheDir }: { cacheDir?: string }) => {
      const encoders = await listEncoders(folderOf(cacheDir));
      for (const encoder of encoders) print(describeEncoder(encoder));
      const total = encoders.reduce((sum, { size }) => sum + size, 0);
      print(`${countEncoders(encoders.length)}, ${formatSize(total)} in ${folderOf(cacheDir)}`);
    });
  command
    .command('prune')
    .description('remove what was not used for long, or does not fit')
    .option('--older-than <days>', 'not used for so many days, such as 30d')
    .option('--max-size <size>', 'the longest unused, until the rest fits in this, such as 10g')
    .option(...folderFlag)
    .action(async ({ cacheDir, olderThan, maxSize }: Record<string, string | undefined>) => {
      if (olderThan === undefined && maxSize === undefined) {
        throw new HnMineError('usage', 'cache prune: expected --older-than or --max-size (found neither)');
      }
      const limits = {
        ...(olderThan === undefined ? {} : { olderThan: parseDays(olderThan) * DAY_MS }),
        ...(maxSize === undefined ? {} : { maxSize: readSize(maxSize) }),
      };
      const folder = folderOf(cacheDir);
      await removeAll(folder, choosePrunable(await listEncoders(folder), limits, Date.now()), print);
    });
  command
    .command('rm')
    .description('remove encoders by the head of their ID, or all')
    .argument('[ids...]')
    .option('--all', 'everything')
    .option(...folderFlag)
    .action(async (ids: string[], { cacheDir, all = false }: { cacheDir?: string; all?: boolean }) => {
      if (ids.length === 0 && !all)
        throw new HnMineError('usage', 'cache rm: expected IDs, as ls shows them, or --all (found neither)');
      const folder = folderOf(cacheDir);
      const encoders = await listEncoders(folder);
      const unknown = ids.find((id) => !encoders.some((encoder) => encoder.id.startsWith(id)));
      if (unknown !== undefined)
        throw new HnMineError('input', `cache rm: no encoder ${unknown} in ${folder}; see hn-mine cache ls`);
      await removeAll(
        folder,
        encoders.filter(({ id }) => all || ids.some((head) => id.startsWith(head))),
        print,
      );
    });
  return command;
}

function folderOf(cacheDir: string | undefined): string {
  return cacheDir ?? defaultCacheFolder(process.env);
}

async function removeAll(
  folder: string,
  encoders: readonly StoredEncoder[],
  print: (line: string) => void,
): Promise<void> {
  for (const encoder of encoders) {
    await removeEncoder(folder, encoder);
    print(`removed ${describeEncoder(encoder)}`);
  }
  print(`${countEncoders(encoders.length)} removed, ${formatSize(encoders.reduce((sum, { size }) => sum + size, 0))}`);
}

function describeEncoder({ id, model, size, lastUsed }: StoredEncoder): string {
  const days = Math.floor((Date.now() - lastUsed.getTime()) / DAY_MS);
  const age = days === 0 ? 'used today' : `used ${days} days ago`;
  return `${id.slice(0, 12)}  ${formatSize(size).padStart(8)}  ${age.padEnd(16)}  ${model}`;
}

function parseDays(typed: string): number {
  const [, days] = /^(\d+)d?$/.exec(typed) ?? [];
  if (days === undefined)
    throw new HnMineError('usage', `--older-than: expected days, such as 30d (found ${JSON.stringify(typed)})`);
  return Number(days);
}

function readSize(typed: string): number {
  const size = parseSize(typed);
  if (size !== undefined) return size;
  throw new HnMineError('usage', `--max-size: expected a size, such as 10g (found ${JSON.stringify(typed)})`);
}

function countEncoders(count: number): string {
  return `${count} ${count === 1 ? 'encoder' : 'encoders'}`;
}
