import type { Env } from '../lib/env.ts';

/** A clock that is disciplined bit by bit is never further off than this between two looks. */
const jumpMs = 2000;

/**
 * Tells of jumps of the wall clock, by the clock that never jumps: the milliseconds by which it was set forward, or back
 * (negative), since the last call; 0 when it was not. A machine that slept looks the same.
 */
export function openClockJumps(env: Pick<Env, 'now' | 'monotonic'>): () => number {
  let ahead = env.now() - env.monotonic();
  return () => {
    const jump = env.now() - env.monotonic() - ahead;
    ahead += jump;
    return Math.abs(jump) < jumpMs ? 0 : jump;
  };
}
