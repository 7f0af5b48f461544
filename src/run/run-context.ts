import type { Phase } from '../mine.js';
import type { HubOptions } from '../model/hub.js';
import type { Rejection } from './rejection.js';
import type { Tally } from './summary.js';

/** Whom a run tells what; each is optional news, none changes the result. */
export interface RunEvents {
  onProgress?(phase: Phase, done: number, total?: number): void;
  onDownload?(file: string, done: number, total: number): void;
  /** Something a user should know that is not wrong. */
  onNote?(message: string): void;
  onWarning?(message: string): void;
  onRejected?(rejection: Rejection): void;
}

/** What a run needs besides its inputs. */
export interface RunContext {
  readonly tally: Tally;
  readonly events: RunEvents;
  /** Where the hub's settings (`HF_*`) are looked up. */
  readonly env: HubOptions['env'];
}

/** The hub's options, with downloads told to the context. */
export function tellDownloads({ env, events }: RunContext): HubOptions {
  return { env, onProgress: ({ file, done, total }) => events.onDownload?.(file, done, total) };
}
