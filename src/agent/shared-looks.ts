import type { Env } from '../lib/env.ts';
import type { Layer } from '../model/cause-id.ts';
import { layers } from '../model/cause-id.ts';

/** A hop that several images wait for, so that a look for one of them tells of all. */
export interface SharedLooks {
  /** This image's look, due since `dueAt`, is left to another's: one is under way, or has just failed. */
  readonly leaves: (hop: string, dueAt: number) => boolean;
  readonly begun: (hop: string) => void;
  /** `until`: the hop fails still, and is looked at again then; null: it no longer fails so. Monotonic milliseconds. */
  readonly ended: (hop: string, until: number | null) => void;
  /** What the last look said may hold no more: who is due looks. */
  readonly outdated: (hop: string) => void;
  /** Nobody waits for the hop any more: what fails there later is another outage. */
  readonly over: (hop: string) => void;
  /** When the hop is looked at next by anyone; null: whenever somebody is due. */
  readonly nextAt: (hop: string) => number | null;
}

/**
 * Each image looks by itself this long after it was due: a registry may fail for some of its repositories only, and those that
 * are well again must not wait for the others.
 */
const mostOverdueMs = 60_000;

/** Hops remembered; one more, and those that are over are forgotten. */
const mostHops = 1000;

/**
 * The name of the hop that a cause is about, the same for every image that waits for it; null: the cause is about the image.
 * A host that cannot be reached or is failing is one hop, and so is a limit that counts all pulls alike.
 */
export function sharedHop(cause: string | null, host: string | null, upTo: Layer): string | null {
  if (cause === null || host === null) return null;
  const ofHost = layers.indexOf(upTo) >= layers.indexOf('dns') && layers.indexOf(upTo) <= layers.indexOf('registry');
  return ofHost || cause === 'rate-limited' ? `${cause} ${host} ${upTo}` : null;
}

interface Hop {
  /** Looks under way. */
  looking: number;
  until: number;
  /** By the last look: each image goes on by itself. */
  passes: boolean;
}

/** Makes it. Without it a registry that 500 images wait for would be asked 500 times in each round. */
export function openSharedLooks(env: Pick<Env, 'monotonic'>): SharedLooks {
  const hops = new Map<string, Hop>();
  const of = (hop: string): Hop => {
    const known = hops.get(hop) ?? { looking: 0, until: Number.NEGATIVE_INFINITY, passes: false };
    if (!hops.has(hop) && hops.size >= mostHops)
      for (const [name, { looking, until }] of hops) if (looking === 0 && until <= env.monotonic()) hops.delete(name);
    hops.set(hop, known);
    return known;
  };
  return {
    leaves(hop, dueAt) {
      const known = hops.get(hop);
      const now = env.monotonic();
      if (known === undefined || known.passes || now - dueAt >= mostOverdueMs) return false;
      return known.looking > 0 || known.until > now;
    },
    begun: (hop) => void of(hop).looking++,
    ended(hop, until) {
      const known = of(hop);
      known.looking = Math.max(0, known.looking - 1);
      known.until = until ?? Number.NEGATIVE_INFINITY;
      known.passes = until === null;
    },
    outdated(hop) {
      const known = hops.get(hop);
      if (known !== undefined) known.until = Number.NEGATIVE_INFINITY;
    },
    over(hop) {
      const looking = hops.get(hop)?.looking ?? 0;
      if (looking === 0) hops.delete(hop);
      else hops.set(hop, { looking, until: Number.NEGATIVE_INFINITY, passes: false });
    },
    nextAt: (hop) => hops.get(hop)?.until ?? null,
  };
}
