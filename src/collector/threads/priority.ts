import { setPriority } from 'node:os';

/** How far behind (nice(1)): a third of the processor's time where all of it is wanted. */
const behind = 5;

/**
 * Puts this thread behind those that answer: what writes and what looks at everything is busy for seconds in a storm, and half
 * a second more or less is nothing there. Of Linux alone a thread has a priority of its own (setpriority(2)); where it cannot be
 * set everything goes on as it was.
 */
export function goBehind(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(behind);
  } catch {}
}
