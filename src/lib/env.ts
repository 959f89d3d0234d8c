/**
 * Everything impure that the rest of the code may use besides sockets and files: time and chance.
 * It is handed in, so that tests own the clock.
 */
export interface Env {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic clock, milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** The machine's own clock and chance. */
export const systemEnv: Env = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
};
