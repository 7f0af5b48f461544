import { HnMineError } from '../errors.js';

/** One line for an expected error; a defect of this program shows where it is. */
export function reportError(error: unknown, isVerbose: boolean, isJson = false): void {
  const isExpected = error instanceof HnMineError;
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  const text = isExpected
    ? isVerbose
      ? describeWithCauses(error)
      : message
    : `unexpected error, please report it: ${stack}`;
  process.stderr.write(
    isJson ? `${JSON.stringify({ level: 'error', time: new Date().toISOString(), msg: text })}\n` : `${text}\n`,
  );
}

export function exitCodeOf(error: unknown): number {
  return error instanceof HnMineError && error.code === 'usage' ? 2 : 1;
}

function describeWithCauses(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describeWithCauses(error.cause)}` : '';
  return `${error.message}\n${(error.stack ?? '').split('\n').slice(1).join('\n')}${cause}`;
}
