import { setTimeout } from 'node:timers/promises';
import { type Worker, workerData } from 'node:worker_threads';

/**
 * A worker thread that is terminated within a native call can abort the whole process: errors of Node-API become C++
 * exceptions that nobody catches. So native calls pass a gate, in shared memory, which is shut before the worker is
 * terminated.
 */
export type Gate = Int32Array;

const SHUT = 0;
const INSIDE = 1;

const POLL_MS = 5;

/** A gate for a worker, to be put into its `workerData` as `gate`. A new worker counts as inside: it loads native modules. */
export function createGate(): Gate {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)).fill(1, INSIDE);
}

/** Resolves when the worker is in no native call and will enter none, or is gone. */
export async function shutGate(gate: Gate, worker: Worker): Promise<void> {
  Atomics.store(gate, SHUT, 1);
  while (Atomics.load(gate, INSIDE) === 1 && worker.threadId !== -1) await setTimeout(POLL_MS);
}

/** In the worker, when its modules are loaded. */
export function leaveGate(): void {
  const gate = ownGate();
  if (gate) Atomics.store(gate, INSIDE, 0);
}

/** In the worker: makes a native call, or waits for the worker's end. */
export async function passGate<T>(call: () => Promise<T>): Promise<T> {
  const gate = ownGate();
  if (gate === undefined) return call();
  Atomics.store(gate, INSIDE, 1);
  try {
    if (Atomics.load(gate, SHUT) === 0) return await call();
  } finally {
    Atomics.store(gate, INSIDE, 0);
  }
  return new Promise(() => {});
}

function ownGate(): Gate | undefined {
  return (workerData as { gate?: Gate } | null)?.gate;
}
