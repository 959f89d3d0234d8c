import type { Reply } from './route.ts';

/** Counts what each caller has under way. */
export interface PerCaller {
  /** A function that ends it; null when this caller has enough. */
  readonly enter: (caller: string) => (() => void) | null;
}

/** Makes the count; nothing is remembered of a caller who has nothing under way. */
export function countPerCaller(most: () => number): PerCaller {
  const under = new Map<string, number>();
  return {
    enter(caller) {
      const count = under.get(caller) ?? 0;
      if (count >= most()) return null;
      under.set(caller, count + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        const now = (under.get(caller) ?? 1) - 1;
        if (now <= 0) under.delete(caller);
        else under.set(caller, now);
      };
    },
  };
}

/** What a caller with enough under way is told. */
export function tooMany(most: number): Reply {
  return {
    kind: 'problem',
    status: 429,
    detail: `You have ${most} investigations under way (http.maxPerCaller); wait for one to end.`,
    headers: { 'retry-after': '5' },
  };
}
