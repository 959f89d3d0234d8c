import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Store } from './parts.ts';

/** What retention needs. */
export interface RetentionNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Pick<Store, 'prune'>;
  /** As set now: a reload may change it. */
  readonly keep: () => { readonly maxAgeMs: number; readonly maxBytes: number };
}

/** Drops what is too old or too much, a slice at a time; the leader alone does. */
export interface Retention {
  /** Begins a slice when one is due. */
  readonly tick: () => void;
  readonly idle: () => Promise<void>;
}

/** After the start there is more to do. */
const firstAfterMs = 60_000;

/** Between two rounds; a round without anything to drop is one cheap question. */
const everyMs = 60_000;

/** Between two slices of a round: in between reports are taken. */
const sliceEveryMs = 250;

/** Slices of one round: what is left then waits for the next one. */
const mostSlices = 200;

/** Opens it; nothing is done before the first tick. */
export function openRetention({ env, log, metrics, store, keep }: RetentionNeeds): Retention {
  const pruned = metrics.counter(
    'pullwhy_collector_pruned_rows_total',
    'Rows that were dropped for their age or for the size.',
  );
  let dueAt = env.monotonic() + firstAfterMs;
  let slices = 0;
  let rows = 0;
  let failed = false;
  let running: Promise<void> | null = null;

  const slice = async (): Promise<void> => {
    const { maxAgeMs, maxBytes } = keep();
    const done = await store.prune({ olderThan: env.now() - maxAgeMs, maxBytes });
    if (!done.ok) {
      // Once for a trouble that lasts; the leader tells of the store itself.
      if (!failed) log.warn('retention: nothing could be dropped', { message: done.error.message });
      failed = true;
      return endRound();
    }
    failed = false;
    rows += done.value.rows;
    pruned.add([], done.value.rows);
    slices++;
    if (done.value.rows === 0) return endRound();
    if (slices < mostSlices) {
      dueAt = env.monotonic() + sliceEveryMs;
      return undefined;
    }
    log.info('retention: more is to be dropped than one round drops', { rows });
    return endRound();
  };

  const endRound = (): void => {
    if (rows > 0) log.info('retention: dropped what was too old or too much', { rows });
    [slices, rows] = [0, 0];
    dueAt = env.monotonic() + everyMs;
  };

  return {
    tick() {
      if (running !== null || env.monotonic() < dueAt) return;
      running = slice().finally(() => {
        running = null;
      });
    },
    async idle() {
      if (running !== null) await running;
    },
  };
}
