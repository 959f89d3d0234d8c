import type { ProblemReply } from './route.ts';

/** Counts what each caller has under way. */
export interface PerCaller {
  /** A function that ends it; null when this caller has enough. */
  readonly enter: (caller: string) => (() => void) | null;
  /** The same, ended when the request is: its signal is aborted when the answer was given, or the caller has gone. */
  readonly during: (caller: string, signal: AbortSignal) => boolean;
}

/** Makes the count; nothing is remembered of a caller who has nothing under way. */
export function countPerCaller(most: () => number): PerCaller {
  const under = new Map<string, number>();
  const enter = (caller: string): (() => void) | null => {
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
  };
  return {
    enter,
    during(caller, signal) {
      const leave = enter(caller);
      if (leave === null) return false;
      // Not at the handler's end: a stream is read after it, or never, when its reader has gone by then.
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      return true;
    },
  };
}

/** What a caller with enough under way is told. */
export function tooMany(most: number): ProblemReply {
  return {
    kind: 'problem',
    status: 429,
    detail: `You have ${most} requests for work under way (http.maxPerCaller); wait for one to end.`,
    headers: { 'retry-after': '5' },
  };
}
