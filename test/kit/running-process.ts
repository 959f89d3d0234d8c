import { readFileSync } from 'node:fs';

/** One that has ended may stand in the table of processes until somebody has asked for its status. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Waits for the end of a process that was told to end; false: it still runs after two seconds. */
export async function hasEnded(pid: number): Promise<boolean> {
  for (let at = 0; at < 100 && isRunning(pid); at++) await new Promise((resolve) => setTimeout(resolve, 20));
  return !isRunning(pid);
}
