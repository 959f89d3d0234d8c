import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or until the signal. It does not keep the process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
