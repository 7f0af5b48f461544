import { env, execArgv } from 'node:process';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, HnMineError, reasonOf } from '../errors.js';
import { closeBeforeEnd } from '../unclosed.js';
import { createGate, type Gate, shutGate } from './native-gate.js';

/** What a worker sends back: `ready` once, then a result or a failure for each job. */
export type Reply<Ready, Result> =
  | { readonly ready: Ready }
  | { readonly job: number; readonly result: Result }
  | {
      readonly job?: number;
      readonly failure: { code: ErrorCode | undefined; message: string; stack?: string | undefined };
    };

interface Waiting<Job, Result> {
  readonly id: number;
  readonly job: Job;
  resolve(result: Result): void;
  reject(error: Error): void;
}

/** Jobs sent ahead to each worker, so that none waits for the main thread between two. */
const JOBS_AHEAD = 2;

/** A fixed set of worker threads of one kind that take jobs in order. The death of one fails all, now and later. */
export class WorkerPool<Job, Ready, Result> {
  /** What the first worker said when it was ready. */
  readonly ready: Promise<Ready>;
  readonly #workers: Worker[];
  readonly #gates = new Map<Worker, Gate>();
  readonly #queue: Waiting<Job, Result>[] = [];
  readonly #running = new Map<Worker, Map<number, Waiting<Job, Result>>>();
  readonly #forget: () => void;
  #failure: Error | undefined;
  #nextId = 0;
  #rejectReady: (error: Error) => void = () => {};

  /**
   * Starts the workers and waits until all are ready; where one fails, the others are closed.
   *
   * @param script the worker's module, which calls `serveJobs`
   * @param setups one worker each, given to it as `workerData`
   */
  static async start<Job, Ready, Result>(
    script: URL,
    setups: readonly object[],
  ): Promise<WorkerPool<Job, Ready, Result>> {
    const pool = new WorkerPool<Job, Ready, Result>(script, setups);
    try {
      await pool.ready;
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  private constructor(script: URL, setups: readonly object[]) {
    this.#workers = setups.map((setup) => this.#start(script, setup));
    // A process that exits while its workers are in native calls may abort instead.
    this.#forget = closeBeforeEnd(this);
    const readies = this.#workers.map((worker) => this.#watch(worker));
    this.ready = new Promise((resolve, reject) => {
      this.#rejectReady = reject;
      Promise.all(readies).then(([first]) => resolve(first as Ready), reject);
    });
    this.ready.catch(() => {});
  }

  run(job: Job): Promise<Result> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ id: this.#nextId++, job, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#fail(new HnMineError('aborted', 'closed while work was under way'));
    await Promise.all(Array.from(this.#gates, ([worker, gate]) => shutGate(gate, worker)));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#forget();
  }

  #start(script: URL, setup: object): Worker {
    // ONNX Runtime would write a device ID and logs, and report its use over the network.
    env.ORT_DISABLE_TELEMETRY ??= '1';
    const gate = createGate();
    const worker = new Worker(script, { workerData: { ...setup, gate }, ...workerFlags() });
    this.#gates.set(worker, gate);
    return worker;
  }

  #watch(worker: Worker): Promise<Ready> {
    return new Promise((resolve) => {
      worker.on('message', (reply: Reply<Ready, Result>) => {
        if ('ready' in reply) {
          this.#running.set(worker, new Map());
          resolve(reply.ready);
          this.#dispatch();
        } else {
          this.#settle(worker, reply);
        }
      });
      worker.on('error', (cause) => this.#fail(died(reasonOf(cause), cause)));
      worker.on('exit', (code) => this.#fail(died(`exit code ${code}`)));
    });
  }

  #dispatch(): void {
    for (let depth = 0; depth < JOBS_AHEAD; depth++) {
      for (const [worker, jobs] of this.#running) {
        const waiting = jobs.size === depth ? this.#queue.shift() : undefined;
        if (waiting === undefined) continue;
        jobs.set(waiting.id, waiting);
        worker.postMessage({ id: waiting.id, job: waiting.job });
      }
    }
  }

  #settle(worker: Worker, reply: Exclude<Reply<Ready, Result>, { ready: Ready }>): void {
    const jobs = this.#running.get(worker);
    const waiting = reply.job === undefined ? undefined : jobs?.get(reply.job);
    if ('failure' in reply) {
      this.#fail(reviveFailure(reply.failure));
    } else if (waiting) {
      jobs?.delete(waiting.id);
      waiting.resolve(reply.result);
      this.#dispatch();
    }
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#rejectReady(error);
    const running = [...this.#running.values()].flatMap((jobs) => [...jobs.values()]);
    for (const waiting of [...running, ...this.#queue.splice(0)]) waiting.reject(error);
  }
}

/** A worker inherits Node's flags; it does not start with the one that says what a program on the command line is. */
function workerFlags(): { execArgv?: string[] } {
  const isOfText = (flag: string) => flag.startsWith('--input-type');
  return execArgv.some(isOfText) ? { execArgv: execArgv.filter((flag) => !isOfText(flag)) } : {};
}

function died(reason: string, cause?: unknown): HnMineError {
  return new HnMineError('device', `a worker thread died (${reason}); fewer --workers need less memory`, { cause });
}

function reviveFailure({
  code,
  message,
  stack,
}: {
  code: ErrorCode | undefined;
  message: string;
  stack?: string | undefined;
}): Error {
  const error = code === undefined ? new Error(message) : new HnMineError(code, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
