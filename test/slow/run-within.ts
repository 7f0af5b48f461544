import { collect, type Result, type RunOptions, type Workspace } from '../cli/run-cli.js';

/** Runs the command to its end; one that does not end in a minute is killed, which its `signal` tells. */
export async function runWithin(workspace: Workspace, args: readonly string[], options?: RunOptions): Promise<Result> {
  const child = workspace.start(args, options);
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const result = await collect(child);
  clearTimeout(timer);
  return result;
}
