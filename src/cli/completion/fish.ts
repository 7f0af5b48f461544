import type { CompletedCommand, CompletedOption, CompletedValue } from './commands.js';

/** A script for fish, with descriptions. */
export function writeFish(commands: readonly CompletedCommand[]): string {
  const firsts = commands.filter(({ words }) => words.length === 1);
  const seconds = commands.filter(({ words }) => words.length === 2);
  const isFirst = '__fish_is_first_token';
  const isInCache = `__fish_seen_subcommand_from cache; and not ${seen(seconds.map(({ words }) => words[1] as string))}`;
  const lines = [
    '# hn-mine in fish: hn-mine completion fish > ~/.config/fish/completions/hn-mine.fish',
    'complete -c hn-mine -f',
    ...firsts.map((command) => writeWord(command, isFirst)),
    ...seconds.map((command) => writeWord(command, isInCache)),
    ...commands.flatMap((command) => writeCommand(command, conditionOf(command, firsts))),
  ];
  return `${lines.join('\n')}\n`;
}

function seen(words: readonly string[]): string {
  return `__fish_seen_subcommand_from ${words.join(' ')}`;
}

function conditionOf({ words }: CompletedCommand, firsts: readonly CompletedCommand[]): string {
  if (words.length === 0) return `not ${seen(firsts.map((first) => first.words[0] as string))}`;
  return words.map((word) => seen([word])).join('; and ');
}

function writeWord({ words, description }: CompletedCommand, condition: string): string {
  return `complete -c hn-mine -n ${quote(condition)} -a ${words.at(-1)} -d ${quote(description)}`;
}

function writeCommand({ options, argument, words }: CompletedCommand, condition: string): string[] {
  // The options of a command with commands of its own are theirs.
  const shown = words.join() === 'cache' ? [] : options;
  const lines = shown.map((option) => `complete -c hn-mine -n ${quote(condition)} ${writeOption(option)}`);
  if (argument === undefined) return lines;
  return [...lines, `complete -c hn-mine -n ${quote(condition)} ${argumentsOf(argument)}`];
}

function writeOption({ flag, short, description, value }: CompletedOption): string {
  const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${flag.slice(2)}`;
  const values = value === undefined ? '' : ` -r ${argumentsOf(value)}`;
  return `${names}${values} -d ${quote(description)}`;
}

function argumentsOf(value: CompletedValue): string {
  if (value === 'file') return '-F';
  if (value === 'folder') return "-a '(__fish_complete_directories)'";
  return value === 'other' ? '-f' : `-f -a ${quote(value.join(' '))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (sign) => `\\${sign}`)}'`;
}
