import { HnMineError } from '../errors.js';
import { writeBash } from './completion/bash.js';
import { listCompleted, SHELLS, type Shell } from './completion/commands.js';
import { writeFish } from './completion/fish.js';
import { writeZsh } from './completion/zsh.js';

const WRITERS = { bash: writeBash, zsh: writeZsh, fish: writeFish };

const HELP = `Usage: hn-mine completion ${SHELLS.join('|')}

Print what completes the commands, options and values of hn-mine in a shell. Where it goes:
  bash  hn-mine completion bash > ~/.local/share/bash-completion/completions/hn-mine
  zsh   hn-mine completion zsh > "\${fpath[1]}/_hn-mine"
  fish  hn-mine completion fish > ~/.config/fish/completions/hn-mine.fish
`;

/**
 * `hn-mine completion bash|zsh|fish`.
 *
 * @param argv the words after `completion`
 * @returns what is to be printed
 * @throws HnMineError `usage`
 */
export function completeShell(argv: readonly string[]): string {
  const [shell, more] = argv;
  if (shell === '--help' || shell === '-h') return HELP;
  const isKnown = (SHELLS as readonly (string | undefined)[]).includes(shell);
  if (isKnown && more === undefined) return WRITERS[shell as Shell](listCompleted());
  const found = shell === undefined ? 'nothing' : JSON.stringify(isKnown ? more : shell);
  throw new HnMineError('usage', `completion: expected one of ${SHELLS.join(', ')} (found ${found})`);
}
