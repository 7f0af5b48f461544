import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completeShell } from '#dist/cli/completion-command.js';
import { Workspace } from './run-cli.js';

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0;

/** A folder with files to choose from and the script of a shell. */
function openFolder(shell: string): Workspace {
  const workspace = new Workspace();
  workspace.write('script', completeShell([shell]));
  workspace.write('train.jsonl', '');
  workspace.write('data/pool.jsonl', '');
  return workspace;
}

/** What is offered for the last of some words. */
const SHELLS = {
  bash(words: readonly string[]): string[] {
    const { folder } = openFolder('bash');
    const program = `
      source ./script
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _hn_mine 2>/dev/null
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['--norc', '-c', program, 'bash', ...words], { cwd: folder, encoding: 'utf8' });
    return found.split('\n').filter((line) => line !== '');
  },
  fish(words: readonly string[]): string[] {
    const { folder } = openFolder('fish');
    const program = `source ./script; complete -C ${JSON.stringify(words.join(' '))}`;
    const env = { ...process.env, HOME: folder };
    const found = execFileSync('fish', ['--no-config', '-c', program], { cwd: folder, encoding: 'utf8', env });
    return found
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (line.split('\t')[0] as string).replace(/\/$/, ''));
  },
};

const CASES = [
  { words: ['hn-mine', 'tu'], offers: ['tune'] },
  { words: ['hn-mine', 'cache', 'p'], offers: ['prune'] },
  { words: ['hn-mine', 'completion', 'z'], offers: ['zsh'] },
  { words: ['hn-mine', '--backf'], offers: ['--backfill'] },
  { words: ['hn-mine', '--backfill', 'n'], offers: ['next', 'none'] },
  { words: ['hn-mine', '--retriever', ''], offers: ['dense', 'bm25', 'hybrid'] },
  { words: ['hn-mine', '--neg', ''], offers: [] },
  { words: ['hn-mine', '--input', 'tr'], offers: ['train.jsonl'] },
  { words: ['hn-mine', '--input', 'train.jsonl', '--rerank-d'], offers: ['--rerank-depth'] },
  { words: ['hn-mine', '--cache-dir', 'd'], offers: ['data'] },
  { words: ['hn-mine', 'score', '--acti'], offers: ['--activation'] },
  { words: ['hn-mine', 'score', '--activation', 's'], offers: ['sigmoid'] },
  { words: ['hn-mine', 'score', '--rerank-d'], offers: [] },
  { words: ['hn-mine', 'tune', '--hide'], offers: ['--hide-positives'] },
  { words: ['hn-mine', 'audit', 'tr'], offers: ['train.jsonl'] },
  { words: ['hn-mine', 'cache', 'prune', '--older'], offers: ['--older-than'] },
] as const;

describe.each(['bash', 'fish'] as const)('the completion of %s', (shell) => {
  it.skipIf(!has(shell)).each(CASES)('offers $offers after $words', ({ words, offers }) => {
    expect(SHELLS[shell](words).toSorted()).toEqual(offers.toSorted());
  });
});

describe('the completion of zsh', () => {
  /** Types words and the tab key into a shell, and returns what its command line has become. */
  function type(line: string): string {
    const { folder } = openFolder('zsh');
    const program = `
      zmodload zsh/zpty
      TERM=dumb zpty shell zsh -f -i
      zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; hn-mine() { print -r -- "GOT:$*:"; }; source ./script; print REA""DY'
      zpty -r shell answer $'*READY\r*'
      zpty -w -n shell ${JSON.stringify(line)}$'\t\r'
      zpty -r shell answer $'*GOT:*:\r*'
      print -r -- "$answer"`;
    const found = execFileSync('zsh', ['-f', '-c', program], { cwd: folder, encoding: 'utf8', timeout: 20_000 });
    return /GOT:(.*):/.exec(found)?.[1]?.trim() ?? found;
  }

  it.skipIf(!has('zsh')).each([
    ['hn-mine tu', 'tune'],
    ['hn-mine cache p', 'cache prune'],
    ['hn-mine --backf', '--backfill'],
    ['hn-mine --backfill ra', '--backfill random'],
    ['hn-mine --input tr', '--input train.jsonl'],
    ['hn-mine --cache-dir d', '--cache-dir data'],
    ['hn-mine score --activation s', 'score --activation sigmoid'],
    ['hn-mine audit tr', 'audit train.jsonl'],
    ['hn-mine cache prune --older', 'cache prune --older-than'],
  ])('makes of %j %j', (typed, line) => {
    expect(type(typed)).toBe(line);
  });
});

describe('hn-mine completion', () => {
  it.each([
    { args: [], message: 'completion: expected one of bash, zsh, fish (found nothing)' },
    { args: ['tcsh'], message: 'completion: expected one of bash, zsh, fish (found "tcsh")' },
    { args: ['bash', 'more'], message: 'completion: expected one of bash, zsh, fish (found "more")' },
  ])('refuses $args', async ({ args, message }) => {
    const { stderr, code } = await new Workspace().run(['completion', ...args]);
    expect({ stderr, code }).toEqual({ stderr: `${message}\n`, code: 2 });
  });

  it('says where its scripts go', async () => {
    const { stdout, code } = await new Workspace().run(['completion', '--help']);
    expect(stdout).toContain('hn-mine completion fish > ~/.config/fish/completions/hn-mine.fish');
    expect(code).toBe(0);
  });
});
