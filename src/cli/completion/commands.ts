import type { Command } from 'commander';
import { CHOICES } from '../../config/config.js';
import { ACTIVATIONS } from '../../config/score-config.js';
import { createAuditCommand } from '../audit-flags.js';
import { createCacheCommand } from '../cache-command.js';
import { LOG_FORMATS } from '../command-line.js';
import { createEmbedCommand } from '../embed-flags.js';
import { createMineCommand } from '../mine-flags.js';
import { createScoreCommand } from '../score-flags.js';
import { createTuneCommand } from '../tune-flags.js';

/** What may stand after an option: a file, a folder, one of some words, or what nobody can guess. */
export type CompletedValue = 'file' | 'folder' | 'other' | readonly string[];

export interface CompletedOption {
  /** `--name`. */
  readonly flag: string;
  /** `-n`. */
  readonly short: string | undefined;
  readonly description: string;
  /** Nothing for a switch, or where there need be none. */
  readonly value: CompletedValue | undefined;
  readonly isRepeatable: boolean;
}

/** A command as shells complete it. */
export interface CompletedCommand {
  /** The words that name it; none for mining. */
  readonly words: readonly string[];
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What stands by itself. */
  readonly argument: CompletedValue | undefined;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

const CHOSEN: Readonly<Record<string, readonly string[]>> = {
  ...CHOICES,
  activation: ACTIVATIONS,
  logFormat: LOG_FORMATS,
};

/** All commands, mining first. */
export function listCompleted(): CompletedCommand[] {
  const cache = createCacheCommand();
  const named = [
    { words: [], command: createMineCommand('') },
    { words: ['tune'], command: createTuneCommand() },
    { words: ['audit'], command: createAuditCommand(), argument: 'file' as const },
    { words: ['score'], command: createScoreCommand() },
    { words: ['embed'], command: createEmbedCommand() },
    { words: ['cache'], command: cache },
    ...cache.commands.map((command) => ({ words: ['cache', command.name()], command })),
  ];
  const commands = named.map(({ words, command, argument }): CompletedCommand => {
    return { words, description: command.description(), options: listOptions(command), argument };
  });
  return [
    ...commands,
    {
      words: ['completion'],
      description: 'Print what completes these commands in a shell.',
      options: [],
      argument: SHELLS,
    },
  ];
}

function listOptions(command: Command): CompletedOption[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flag: option.long as string,
      short: option.short,
      description: option.description,
      value: findValue(option.flags, option.attributeName()),
      isRepeatable: option.parseArg !== undefined,
    }));
}

function findValue(flags: string, name: string): CompletedValue | undefined {
  const [, value] = /<(.*)>$/.exec(flags) ?? [];
  if (value === undefined) return undefined;
  if (value.startsWith('file')) return 'file';
  if (value.startsWith('dir')) return 'folder';
  return CHOSEN[name] ?? 'other';
}
