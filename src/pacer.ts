import { setImmediate } from 'node:timers/promises';

/** Longer stretches of work would make signals, progress and workers wait. */
const STRETCH_MS = 15;

/** Returns a function to await inside a long loop: it lets other work run when the loop has had its stretch of time. */
export function createPacer(): () => Promise<void> | undefined {
  let resumed = performance.now();
  return () => {
    if (performance.now() - resumed < STRETCH_MS) return undefined;
    return setImmediate().then(() => {
      resumed = performance.now();
    });
  };
}
