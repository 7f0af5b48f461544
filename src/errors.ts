/** What kind of thing went wrong; `usage` alone is the command line's own fault (exit code 2). */
export type ErrorCode = 'usage' | 'input' | 'model' | 'network' | 'device' | 'search' | 'output' | 'aborted';

/**
 * An expected failure: one line that names the place, what was expected and what was found, with the next step where
 * there is one. Everything else that is thrown is a defect of this program.
 */
export class HnMineError extends Error {
  override readonly name = 'HnMineError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The first line of whatever was thrown, for use inside a one-line message. */
export function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return message.split('\n', 1)[0] as string;
}

/** Whether `thrown` is a file system (or socket) error with this code, such as `ENOENT`. */
export function hasErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

/** Why a file could not be written. */
export function reasonOfWriteFailure(thrown: unknown): string {
  return hasErrno(thrown, 'ENOSPC') ? 'the disk is full' : reasonOf(thrown);
}

/** `fetch` says "fetch failed" and hides why in its causes. */
export function rootReason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause !== undefined) return rootReason(thrown.cause);
  const code = 'code' in thrown ? String(thrown.code) : thrown.name;
  return thrown.message.split('\n', 1)[0] || code;
}
