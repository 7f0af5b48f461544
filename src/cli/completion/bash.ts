import type { CompletedCommand, CompletedValue } from './commands.js';

/** A script for bash: of options their names, of values files, folders or what may stand there. */
export function writeBash(commands: readonly CompletedCommand[]): string {
  const firsts = commands.filter(({ words }) => words.length === 1).map(({ words: [word] }) => word);
  const seconds = commands.filter(({ words }) => words.length === 2);
  return `# hn-mine in bash: put this where bash reads it, such as
#   hn-mine completion bash > ~/.local/share/bash-completion/completions/hn-mine
_hn_mine() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}" command="" options=""
  COMPREPLY=()
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${seconds.map(({ words }) => `    "${words.join(' ')}") ((COMP_CWORD > 2)) && command="${words.join(' ')}" ;;`).join('\n')}
  esac
  if [[ -z $command && $COMP_CWORD -gt 1 ]]; then
    case "\${COMP_WORDS[1]}" in
      ${firsts.join(' | ')}) command="\${COMP_WORDS[1]}" ;;
    esac
  fi
  case "$command" in
${commands.map(writeCommand).join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -z $command && $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${firsts.join(' ')}" -- "$current"))
  elif [[ $command == cache && $COMP_CWORD -eq 2 ]]; then
    COMPREPLY=($(compgen -W "${seconds.map(({ words }) => words[1]).join(' ')}" -- "$current"))
  fi
}
complete -F _hn_mine hn-mine
`;
}

function writeCommand({ words, options, argument }: CompletedCommand): string {
  const names = options.flatMap(({ flag, short }) => (short === undefined ? [flag] : [short, flag]));
  const flagsOf = new Map<string, string[]>();
  for (const { flag, value } of options) {
    if (value === undefined) continue;
    const completed = complete(value);
    flagsOf.set(completed, [...(flagsOf.get(completed) ?? []), flag]);
  }
  const cases = Array.from(flagsOf, ([completed, flags]) => `        ${flags.join(' | ')}) ${completed}return ;;`);
  const lines = [
    `    "${words.join(' ')}")`,
    `      options="${names.join(' ')}"`,
    ...(cases.length > 0 ? ['      case "$before" in', ...cases, '      esac'] : []),
    ...(argument === undefined ? [] : [`      [[ $current != -* ]] && { ${complete(argument)}return; }`]),
    '      ;;',
  ];
  return lines.join('\n');
}

function complete(value: CompletedValue): string {
  if (value === 'other') return '';
  if (value === 'file') return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); ';
  if (value === 'folder') return 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); ';
  return `COMPREPLY=($(compgen -W "${value.join(' ')}" -- "$current")); `;
}
