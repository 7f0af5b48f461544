import { Command, CommanderError } from 'commander';
import { HnMineError } from '../errors.js';
import { OPTIONS } from './option-list.js';

export const LOG_FORMATS = ['pretty', 'json'] as const;

/** A command line as typed; the values in `settings` are checked later. */
export interface Typed {
  /** `-` for standard input. */
  readonly input?: string;
  readonly pool?: string[];
  readonly queries?: string;
  readonly qrels?: string;
  readonly beir?: string;
  readonly split?: string;
  /** Nothing for standard output. */
  readonly output?: string;
  readonly rejected?: string;
  readonly summary?: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly logFormat: (typeof LOG_FORMATS)[number];
  readonly progress: boolean;
  readonly dryRun?: boolean;
  /** What `parseConfig` takes, by option name. */
  readonly settings: Record<string, unknown>;
}

/** A command line that asked for text only: `--help`, `--version`. */
export interface Printed {
  readonly text: string;
}

/** What is no setting, so that `parseConfig` does not take it. */
const OWN_FLAGS = [
  ...['input', 'pool', 'queries', 'qrels', 'beir', 'split'],
  ...['config', 'output', 'rejected', 'summary', 'dryRun'],
  ...['quiet', 'verbose', 'logFormat', 'progress'],
];

/** Each is the first word of its command line. */
const COMMANDS = ['embed', 'score', 'tune', 'audit', 'cache', 'completion'];

/** Opened as a file, `/dev/stdout` would cut off what a redirection appends to. */
const STDOUT_NAMES = ['-', '/dev/stdout'];

/** A command without options yet. */
export function createCommand(name: string, { description, usage }: { description: string; usage: string }): Command {
  return new Command(name)
    .description(description)
    .usage(usage)
    .helpOption('-h, --help', 'print this help')
    .allowExcessArguments(false);
}

/**
 * Gives a command options of the list.
 *
 * @param takes whether it takes the one of a name: all where nothing is given
 * @param descriptions by name, where they mean something else there
 */
export function addOptions(
  command: Command,
  takes: (name: string) => boolean = () => true,
  descriptions: Readonly<Record<string, string>> = {},
): void {
  for (const [heading, options] of Object.entries(OPTIONS)) {
    for (const [flags, described] of Object.entries(options)) {
      const { text, isRepeatable, byDefault } = typeof described === 'string' ? { text: described } : described;
      const option = command.createOption(flags, text).helpGroup(heading);
      const name = option.attributeName();
      if (!takes(name)) continue;
      option.description = descriptions[name] ?? text;
      if (isRepeatable) option.argParser<string[]>((value, values = []) => [...values, value]);
      command.addOption(option.default(byDefault));
    }
  }
}

/** @throws HnMineError `usage` where a flag is unknown or lacks its value */
export function parseCommandLine(command: Command, argv: readonly string[]): Typed | Printed {
  let text = '';
  command.exitOverride().configureOutput({ writeOut: (part) => (text += part), writeErr: () => {} });
  refuseFlagsAsValues(command, argv);
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text };
    throw new HnMineError('usage', describeMistake(error, command.args), { cause: error });
  }
  const typed = command.opts();
  const settings = Object.fromEntries(Object.entries(typed).filter(([name]) => !OWN_FLAGS.includes(name)));
  return { ...(typed as Omit<Typed, 'settings'>), settings };
}

/** Else `--input --pool corpus.jsonl` would read a file named `--pool`. */
function refuseFlagsAsValues({ options }: Command, argv: readonly string[]): void {
  argv.forEach((word, i) => {
    const next = argv[i + 1];
    const lacksValue = options.some(({ long, required }) => long === word && required);
    if (lacksValue && options.some(({ long }) => long === next))
      throw new HnMineError('usage', `${word}: expected a value (found ${next})`);
  });
}

function describeMistake({ code, message }: CommanderError, words: readonly string[]): string {
  const [, quoted = ''] = /'(\S+)[^']*'/.exec(message) ?? [];
  const [, meant] = /Did you mean (.*)\?/.exec(message) ?? [];
  if (code === 'commander.optionMissingArgument') return `${quoted}: expected a value (found nothing)`;
  if (code === 'commander.unknownOption')
    return `${quoted}: no such option; ${meant ? `did you mean ${meant}?` : 'see hn-mine --help'}`;
  if (code === 'commander.excessArguments' && COMMANDS.includes(words[0] ?? ''))
    return `${words[0]}: expected before all options; see hn-mine ${words[0]} --help`;
  if (code === 'commander.excessArguments')
    return `${words[0]}: expected options only; name each file with its own --input or --pool`;
  return message.replace(/^error: /, '').replaceAll('\n', ' ');
}

/** @throws HnMineError `usage` where no input is named */
export function requireInput(input: string | undefined, command: string): string {
  if (input !== undefined) return input;
  const expected = 'expected a file, or - for standard input';
  throw new HnMineError('usage', `--input: ${expected} (found nothing); see ${command} --help`);
}

/** @param files by flag @throws HnMineError `usage` where a file has no name */
export function refuseEmptyNames(files: Readonly<Record<string, string | readonly string[] | undefined>>): void {
  const nameless = Object.entries(files).find(([, path]) => [path].flat().includes(''));
  if (nameless) throw new HnMineError('usage', `--${nameless[0]}: expected a file (found an empty name)`);
}

/** @param outputs by flag @throws HnMineError `usage` where two would be one file */
export function refuseSameOutputs(outputs: Readonly<Record<string, string | undefined>>): void {
  const named = Object.entries(outputs).filter(([, path]) => path !== undefined);
  for (const [i, [flag, path]] of named.entries()) {
    const other = named.slice(0, i).find(([, earlier]) => earlier === path);
    if (other) throw new HnMineError('usage', `--${flag} ${path}: is taken by --${other[0]}; give another file`);
  }
}

/** @returns nothing for standard output */
export function resolveOutput(output: string | undefined): string | undefined {
  return output !== undefined && STDOUT_NAMES.includes(output) ? undefined : output;
}

/** @throws HnMineError `usage` */
export function refuseLogFormat(logFormat: string): void {
  if ((LOG_FORMATS as readonly string[]).includes(logFormat)) return;
  const found = JSON.stringify(logFormat);
  throw new HnMineError('usage', `--log-format: expected one of ${LOG_FORMATS.join(', ')} (found ${found})`);
}
