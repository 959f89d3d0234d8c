import type { Env } from '../lib/env.ts';

/** How long values are kept, milliseconds from when they were made, by what it took to make them. */
export interface KeepTimes {
  /** It is given as it is. */
  readonly freshMs: (tookMs: number) => number;
  /** It is given, and made anew meanwhile: who asks does not wait for what somebody has seen a moment ago. */
  readonly staleMs: (tookMs: number) => number;
}

/** What took long to make and is asked for again and again. */
export interface Kept<T> {
  /** What is kept under this name, or what `make` gives; who asks at the same time shares one. */
  readonly get: (name: string, make: () => Promise<T>) => Promise<T>;
}

interface Entry<T> {
  readonly value: T;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

/** Names that are kept; a fleet has some tens of registries. */
const mostKept = 1000;

/** Keeps values for which `keeps` holds. */
export function openKept<T>(env: Env, { freshMs, staleMs }: KeepTimes, keeps: (value: T) => boolean): Kept<T> {
  const entries = new Map<string, Entry<T>>();
  const running = new Map<string, Promise<T>>();

  const makeAnew = (name: string, make: () => Promise<T>): Promise<T> => {
    const begun = env.monotonic();
    const made = make()
      .then((value) => {
        const tookMs = env.monotonic() - begun;
        if (entries.size >= mostKept) entries.clear();
        if (keeps(value)) {
          entries.set(name, {
            value,
            freshUntil: begun + tookMs + freshMs(tookMs),
            staleUntil: begun + tookMs + staleMs(tookMs),
          });
        } else entries.delete(name);
        return value;
      })
      .finally(() => running.delete(name));
    running.set(name, made);
    return made;
  };

  return {
    get(name, make) {
      const known = entries.get(name);
      const now = env.monotonic();
      if (known !== undefined && now < known.freshUntil) return Promise.resolve(known.value);
      const next = running.get(name) ?? makeAnew(name, make);
      if (known === undefined || now >= known.staleUntil) return next;
      // Who comes when this one is over waits for the next, and is told what is wrong.
      next.catch(() => undefined);
      return Promise.resolve(known.value);
    },
  };
}
