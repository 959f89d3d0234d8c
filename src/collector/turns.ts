import type { Env } from '../lib/env.ts';

/** Does work that takes some tenths of a millisecond, and of which thousands may come in one moment. */
export type Turns = <T>(work: () => T) => Promise<T>;

/** How much of it is done before anything else gets a turn, milliseconds. */
const turnMs = 2;

/**
 * Makes one queue of it: in order, and some milliseconds at a time, so that who asks a question in a storm of reports has its
 * answer in between. Where nothing waits work is done at once.
 */
export function openTurns(env: Env): Turns {
  const waiting: (() => void)[] = [];
  /** In this turn of the event loop. */
  let spentMs = 0;
  let isCounting = false;

  const count = (work: () => void): void => {
    const begun = env.monotonic();
    work();
    spentMs += env.monotonic() - begun;
    if (isCounting) return;
    isCounting = true;
    setImmediate(next);
  };
  const next = (): void => {
    isCounting = false;
    spentMs = 0;
    for (let work = waiting.shift(); work !== undefined; work = spentMs < turnMs ? waiting.shift() : undefined) {
      count(work);
    }
  };

  return (work) =>
    new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      if (waiting.length > 0 || spentMs >= turnMs) waiting.push(run);
      else count(run);
    });
}
