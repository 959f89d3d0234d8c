import type { FleetEvent } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import { limits } from '../../lib/limits.ts';
import { eventFrame } from '../../serve/event-stream.ts';
import type { Store } from '../parts.ts';

/** Live changes for everybody who listens. */
export interface EventFeed {
  /**
   * Server-sent events after the one called `after` (null: from now on), until `signal` ends; the event `current` says once
   * that what had happened before has been told. Null when there are enough readers. A reader that is slow holds nothing
   * up: what it has not taken yet is read from the store again.
   */
  readonly subscribe: (after: string | null, signal: AbortSignal) => AsyncGenerator<string> | null;
  /** For the metrics. */
  readonly subscribers: () => number;
  /** Ends all streams. */
  readonly stop: () => void;
}

/** What a feed needs. */
export interface EventFeedNeeds {
  readonly store: Pick<Store, 'events'>;
  /** Between two looks at the store, whatever the number of readers; none looks while nobody listens. */
  readonly pollMs?: number;
  /** Between two comments of a stream that is silent: proxies close what says nothing for half a minute. */
  readonly heartbeatMs?: number;
  readonly mostSubscribers?: number;
}

/** How long a reader that lost its connection waits before it comes back (HTML standard, section 9.2.6). */
const retryMs = 3000;

/** Events that are kept for all readers, and their characters: a storm opens some incidents, not thousands. */
const mostKept = 500;
const mostChars = 8 * 1024 * 1024;

/** Events of one look. */
const pageSize = 100;

interface Kept {
  readonly id: bigint;
  readonly frame: string;
}

/** Opens it. Many readers cost the store as much as one. */
export function openEventFeed({
  store,
  pollMs = 500,
  heartbeatMs = 10_000,
  mostSubscribers = limits.fleetSubscribers,
}: EventFeedNeeds): EventFeed {
  let subscribers = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let polling = false;
  // What is kept: everything after `base` up to `position`, both null until the store was looked at.
  let kept: Kept[] = [];
  let chars = 0;
  let base: bigint | null = null;
  let position: bigint | null = null;
  let silentPolls = 0;
  let beats = 0;
  let wake = Promise.withResolvers<void>();

  const wakeAll = (): void => {
    const waked = wake;
    wake = Promise.withResolvers<void>();
    waked.resolve();
  };

  /** One look; true when there may be more at once. */
  const look = async (): Promise<boolean> => {
    if (position === null) {
      const newest = await store.events(null, 1);
      if (!newest.ok) return false;
      base = position = idOf(newest.value.last);
      wakeAll();
      return false;
    }
    const found = await store.events(String(position), pageSize);
    if (!found.ok || found.value.events.length === 0) return false;
    for (const event of found.value.events) {
      const one = { id: idOf(event.id), frame: frameOf(event) };
      kept.push(one);
      chars += one.frame.length;
      position = one.id;
    }
    while (kept.length > mostKept || (chars > mostChars && kept.length > 1)) {
      const oldest = kept.shift();
      if (oldest === undefined) break;
      base = oldest.id;
      chars -= oldest.frame.length;
    }
    wakeAll();
    return found.value.events.length >= pageSize;
  };

  const poll = async (): Promise<void> => {
    timer = null;
    if (polling || stopped) return;
    polling = true;
    try {
      while ((await look()) && subscribers > 0 && !stopped);
      silentPolls++;
      if (silentPolls * pollMs >= heartbeatMs) {
        silentPolls = 0;
        beats++;
        wakeAll();
      }
    } finally {
      polling = false;
      schedule();
    }
  };

  /** Looks again after a while, as long as somebody listens; what is kept is of no use to who comes later. */
  const schedule = (): void => {
    if (polling || timer !== null) return;
    if (subscribers > 0 && !stopped) {
      timer = setTimeout(() => void poll(), pollMs);
      return;
    }
    kept = [];
    chars = 0;
    base = position = null;
  };

  async function* stream(after: string | null, signal: AbortSignal): AsyncGenerator<string> {
    const over = (): boolean => stopped || signal.aborted;
    yield `retry: ${retryMs}\n\n`;
    let heard = beats;
    while (position === null && !over()) {
      await wake.promise;
      if (beats !== heard) yield ': alive\n\n';
      heard = beats;
    }
    if (position === null || over()) return;
    let cursor = position;
    if (after === null) {
      // An id without data is no event and is remembered all the same: who loses the connection now misses nothing.
      yield `id: ${cursor}\n\n`;
    } else {
      const newest = await store.events(null, 1);
      // A store that was replaced counts from the beginning again: an id of the old one would wait for years.
      if (!newest.ok || BigInt(after) <= idOf(newest.value.last)) cursor = BigInt(after);
    }
    let behind = true;
    while (!over()) {
      const waking = wake.promise;
      if (base !== null && cursor < base) {
        const missed = await store.events(String(cursor), pageSize);
        if (missed.ok) {
          for (const event of missed.value.events) {
            yield frameOf(event);
            cursor = idOf(event.id);
            if (over()) return;
          }
          // What is older than the store keeps is gone.
          if (missed.value.events.length === 0 && base !== null && cursor < base) cursor = base;
          continue;
        }
      } else {
        const next = kept.find(({ id }) => id > cursor);
        if (next !== undefined) {
          cursor = next.id;
          yield next.frame;
          continue;
        }
      }
      if (behind) {
        behind = false;
        yield eventFrame('current', { last: String(cursor) }, String(cursor));
        continue;
      }
      await waking;
      if (beats !== heard) {
        heard = beats;
        yield ': alive\n\n';
      }
    }
  }

  return {
    subscribe(after, signal) {
      if (subscribers >= mostSubscribers || stopped) return null;
      if (!signal.aborted) {
        subscribers++;
        // Not in the stream's own end: one that nobody ever read has none.
        signal.addEventListener(
          'abort',
          () => {
            subscribers--;
            wakeAll();
            if (subscribers === 0 && timer !== null) {
              clearTimeout(timer);
              timer = null;
              schedule();
            }
          },
          { once: true },
        );
        if (timer === null && !polling) void poll();
      }
      return stream(after, signal);
    },
    subscribers: () => subscribers,
    stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      wakeAll();
    },
  };
}

function frameOf(event: Frozen<FleetEvent>): string {
  return eventFrame(event.type, event, event.id);
}

/** Ids are decimal (parts.ts); null: nothing has happened yet. */
function idOf(id: string | null): bigint {
  return id !== null && /^\d{1,19}$/.test(id) ? BigInt(id) : 0n;
}
