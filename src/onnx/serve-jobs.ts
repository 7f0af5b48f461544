import { parentPort } from 'node:worker_threads';
import { HnMineError } from '../errors.js';
import { leaveGate } from './native-gate.js';
import type { Reply } from './worker-pool.js';

/** A worker's answer to a job: the result, and the memory that moves with it. */
export interface Served<Result> {
  readonly result: Result;
  readonly transfer?: readonly ArrayBuffer[];
}

/**
 * The other side of `WorkerPool`, to be called once in a worker: prepares, says that it is ready, then serves jobs one after
 * the other.
 */
export async function serveJobs<Job, Ready, Result>(
  prepare: () => Promise<{ ready: Ready; serve: (job: Job) => Promise<Served<Result>> }>,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this module runs in a worker thread');
  leaveGate();
  const reply = (message: Reply<Ready, Result>, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(message, [...transfer]);
  try {
    const { ready, serve } = await prepare();
    let last: Promise<void> = Promise.resolve();
    port.on('message', ({ id, job }: { id: number; job: Job }) => {
      last = last
        .then(() => serve(job))
        .then(({ result, transfer }) => reply({ job: id, result }, transfer))
        .catch((error: unknown) => reply({ job: id, failure: describeFailure(error) }));
    });
    reply({ ready });
  } catch (error) {
    reply({ failure: describeFailure(error) });
  }
}

function describeFailure(error: unknown) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof HnMineError ? error.code : undefined, message, stack };
}
