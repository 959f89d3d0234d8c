import type { Env } from '../lib/env.ts';

/** Lets so many pass in a span of time for each name: a bucket of tokens that fills evenly. */
export interface Budget {
  /** Takes one; null when there was one, else the milliseconds until there is. */
  readonly take: (name: string) => number | null;
}

/** What one name may have. */
export interface Allowance {
  readonly count: number;
  readonly spanMs: number;
}

/** Names whose buckets are kept; a full bucket need not be. */
const maxNames = 4096;

/** Makes a budget. A name begins with its whole allowance. */
export function openBudget(env: Pick<Env, 'monotonic'>, allowanceOf: (name: string) => Allowance): Budget {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const sweep = (now: number): void => {
    if (buckets.size < maxNames) return;
    for (const [name, { tokens, at }] of buckets) {
      const { count, spanMs } = allowanceOf(name);
      if (tokens + ((now - at) * count) / spanMs >= count) buckets.delete(name);
    }
    // A hostile caller may name registries without end: the oldest begin anew.
    for (const name of buckets.keys()) {
      if (buckets.size < maxNames) break;
      buckets.delete(name);
    }
  };
  return {
    take(name) {
      const now = env.monotonic();
      const { count, spanMs } = allowanceOf(name);
      const perMs = count / spanMs;
      const known = buckets.get(name);
      if (known === undefined) sweep(now);
      const tokens = Math.min(count, known === undefined ? count : known.tokens + (now - known.at) * perMs);
      if (tokens < 1) {
        buckets.set(name, { tokens, at: now });
        return Math.ceil((1 - tokens) / perMs);
      }
      buckets.set(name, { tokens: tokens - 1, at: now });
      return null;
    },
  };
}
