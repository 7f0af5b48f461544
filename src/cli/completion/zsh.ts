import type { CompletedCommand, CompletedOption, CompletedValue } from './commands.js';

/** A script for zsh, with descriptions. */
export function writeZsh(commands: readonly CompletedCommand[]): string {
  const [mining, ...others] = commands;
  const firsts = others.filter(({ words }) => words.length === 1);
  const seconds = others.filter(({ words }) => words.length === 2);
  return `#compdef hn-mine
# hn-mine in zsh: put this into a folder of $fpath, such as
#   hn-mine completion zsh > "\${fpath[1]}/_hn-mine"
_hn_mine() {
  local -a commands
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    commands=(${firsts.map(describe).join(' ')})
    _describe command commands
    return
  fi
  if (( CURRENT == 3 )) && [[ $words[2] == cache && $words[3] != -* ]]; then
    commands=(${seconds.map(describe).join(' ')})
    _describe command commands
    return
  fi
  case "$words[2] $words[3]" in
${seconds.map((command) => `    ${quote(command.words.join(' '))}) shift 2 words; (( CURRENT -= 2 )); ${writeArguments(command)}; return ;;`).join('\n')}
  esac
  case "$words[2]" in
${firsts.map((command) => `    ${command.words[0]}) shift words; (( CURRENT-- )); ${writeArguments(command)} ;;`).join('\n')}
    *) ${writeArguments(mining as CompletedCommand)} ;;
  esac
}
if [[ $funcstack[1] == _hn-mine ]]; then _hn_mine "$@"; else compdef _hn_mine hn-mine; fi
`;
}

function describe({ words, description }: CompletedCommand): string {
  return quote(`${words.at(-1)}:${description.replaceAll(':', '\\:')}`);
}

function writeArguments({ options, argument }: CompletedCommand): string {
  const specs = [...options.map(specOf), ...(argument === undefined ? [] : [`*: :${actionOf(argument)}`])];
  return specs.length === 0 ? ':' : `_arguments -s ${specs.map(quote).join(' ')}`;
}

function specOf({ flag, description, value, isRepeatable }: CompletedOption): string {
  const text = description.replaceAll(/[[\]\\:]/g, (sign) => `\\${sign}`);
  const name = value === undefined ? '' : `: :${actionOf(value)}`;
  return `${isRepeatable ? '*' : ''}${flag}[${text}]${name}`;
}

function actionOf(value: CompletedValue): string {
  if (value === 'file') return '_files';
  if (value === 'folder') return '_files -/';
  return value === 'other' ? ' ' : `(${value.join(' ')})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
