import { kill } from 'node:process';
import { hasErrno } from './errors.js';

/** Whether there is a process of this machine with this ID. */
export function isAlive(processId: number): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    return kill(processId, 0);
  } catch (error) {
    return !hasErrno(error, 'ESRCH');
  }
}
