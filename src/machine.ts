import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** What this process may use. */
export interface Machine {
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
}

export function describeMachine(): Machine {
  return { cores: availableParallelism(), memory: Math.min(totalmem(), readMemoryLimit()) };
}

/** The limit of the control group that this process runs in, as containers set it. */
function readMemoryLimit(): number {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(readFileSync(file, 'utf8'));
      if (limit > 0) return limit;
    } catch {}
  }
  return Number.POSITIVE_INFINITY;
}
