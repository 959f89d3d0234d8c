import type { FleetIncident } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Result } from '../lib/result.ts';
import { kubeDelay } from '../wire/kube-back-off.ts';
import { leaderMetrics } from './leader-metrics.ts';
import type { Looker, LookQuestion } from './looker.ts';
import type { Notifier } from './notify/notifier.ts';
import { sendMs } from './notify/target.ts';
import type { Store, StoreFailure } from './parts.ts';
import type { Retention } from './retention.ts';
import { fleetRules } from './rules.ts';

/** What the leader needs. */
export interface LeaderNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Pick<Store, 'lease' | 'decide'>;
  readonly looker: Looker;
  /** This collector among those on one database: its own for each process, never used again. */
  readonly holder: string;
  readonly notifier?: Notifier;
  readonly retention?: Retention;
  /**
   * Counts up with whatever came in, where nobody but this process writes to the store: then looks without news are left
   * out. Absent: every look is made.
   */
  readonly news?: () => number;
  /** In place of the rule of this name. */
  readonly closeAfterMs?: number;
}

/** The one of several collectors that decides: it looks at all nodes, writes incidents, tells of them, and prunes. */
export interface Leader {
  /** Does what is due; called some times a second. Never two at once: a call while one is under way gives that one. */
  readonly tick: () => Promise<void>;
  readonly leading: () => boolean;
  /** What does not work as it should, for readiness and reports; empty when all is well. */
  readonly problems: () => readonly string[];
  /** Gives the lease back, so that another collector takes over at once. */
  readonly close: () => Promise<void>;
}

const leaseName = 'evaluator';

/** A lease is asked for again so often: one that is lost to a slow database is not missed by a whole term. */
const askEveryMs = fleetRules.leaseMs / 4;

/** Looks take at most so much of the time: with 10,000 nodes in trouble ingest and queries go on beside them. */
const restFactor = 3;

/** Nothing has come for so long: it was this process or its store, not the nodes. */
const gapMs = fleetRules.roundMs;

/** A clock that is set by less than this costs half a round's accuracy for one round. */
const clockSetLeastMs = 30_000;

/** Within this every node has told everything again: a heartbeat a minute with its jitter, and the way. */
const settleMs = 75_000;

/** Opens it; it leads only once the lease is taken. */
export function openLeader(needs: LeaderNeeds): Leader {
  const { env, log, store, looker, holder, notifier, retention, news, closeAfterMs } = needs;
  const { lookEveryMs, lookAnywayMs, leaseMs, mostFailing } = fleetRules;
  const counted = leaderMetrics(needs.metrics);

  /** Monotonic. The lease is over for us when it may be over for others: counted from before it was asked for. */
  let leaseUntil = Number.NEGATIVE_INFINITY;
  let askAt = Number.NEGATIVE_INFINITY;
  let lookAt = Number.NEGATIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let newsSeen: number | null = null;
  let failures = 0;
  let trouble: string | null = null;
  /** What of the two does not work: with a lease that cannot be kept looks may go on for a while, and the other way round. */
  const broken = new Set<'lease' | 'look'>();
  let cut = false;
  let heardFrom = env.now();
  let lastBeat = env.now();
  /** The wall clock's lead over the monotonic one: it changes when somebody sets the clock, or the machine slept. */
  let clockAhead = env.now() - env.monotonic();
  /** By how much it was set since the last look. */
  let clockSetMs = 0;
  let before: LookQuestion['before'] = 'none';
  let incidents: readonly Frozen<FleetIncident>[] = [];
  let looked = false;
  let leads = false;
  let closed = false;
  let running: Promise<void> | null = null;

  const leading = (): boolean => leads && env.monotonic() < leaseUntil;
  /** Whether a message that is begun now has arrived before another collector may lead. */
  const maySend = (): boolean => leads && !closed && env.monotonic() + sendMs < leaseUntil;

  const step = async (): Promise<void> => {
    noticeClock();
    if (leads && !leading()) lose('it could not be kept in time');
    const now = env.monotonic();
    if (now >= askAt && !(await takeLease(now))) return;
    if (!leading()) return;
    if (env.monotonic() >= lookAt) await lookOnce();
    if (!leading() || !looked) return;
    notifier?.tick(incidents, maySend);
    retention?.tick();
  };

  /**
   * What nodes told before the clock was set is by the clock as it was, and what they tell from then on is not: their order
   * cannot be told until all have told it again. What others wrote is by their clocks.
   */
  const noticeClock = (): void => {
    const before = clockAhead;
    clockAhead = env.now() - env.monotonic();
    const ms = Math.round(clockAhead - before);
    if (Math.abs(ms) < clockSetLeastMs || !leads) return;
    log.warn('leader: the clock was set; nothing is evaluated until all nodes have reported again', { ms, settleMs });
    clockSetMs += ms;
    lookAt = env.monotonic() + settleMs;
    // By the new clock the lease may be over.
    askAt = Number.NEGATIVE_INFINITY;
  };

  /** False: the store failed. */
  const takeLease = async (asked: number): Promise<boolean> => {
    const taken = await store.lease(leaseName, holder, env.now(), leaseMs);
    if (!taken.ok) {
      // As long as the lease may still be ours it is asked for in time; after that all collectors come apart.
      const wait = storeFailed('lease', taken.error);
      askAt = env.monotonic() + (leading() ? Math.min(wait, askEveryMs) : wait);
      return false;
    }
    // Others ask a little apart, so that they do not all come in one moment.
    askAt = asked + (taken.value ? askEveryMs : askEveryMs / 2 + env.random() * askEveryMs);
    if (taken.value) {
      leaseUntil = asked + leaseMs;
      if (!leads) log.info('leader: this collector evaluates the fleet now', { holder });
      leads = true;
    } else if (leads) lose('another collector has it');
    beat();
    storeWorks('lease');
    counted.leading(leads);
    return true;
  };

  /** Without the store no report could be taken, and none while this machine slept: nobody is silent for that. */
  const beat = (): void => {
    const now = env.now();
    // A clock that was set looks the same: forward like a gap; back, and what is to come would be waited for.
    if (now - lastBeat > gapMs || now < heardFrom) heardFrom = now;
    lastBeat = now;
  };

  const lose = (why: string): void => {
    log.info('leader: the lease is lost', { why });
    leads = false;
    // Who does not lead does not look, and asks for the lease alone.
    storeWorks('look');
    [before, newsSeen, looked, incidents] = ['none', null, false, []];
    clockSetMs = 0;
    lookAt = Number.NEGATIVE_INFINITY;
    counted.lost();
    notifier?.lost();
  };

  const lookOnce = async (): Promise<void> => {
    const begun = env.monotonic();
    const seen = news?.() ?? null;
    const stale = begun - lookedAt >= lookAnywayMs;
    if (seen !== null && seen === newsSeen && looked && !stale) {
      lookAt = begun + lookEveryMs;
      return;
    }
    const done = await look();
    const tookMs = env.monotonic() - begun;
    counted.took(tookMs / 1000);
    if (!done.ok) {
      lookAt = env.monotonic() + storeFailed('look', done.error);
      return;
    }
    if (!done.value) {
      lose('another collector has it');
      return;
    }
    [newsSeen, lookedAt, looked] = [seen, begun, true];
    storeWorks('look');
    lookAt = Math.max(begun + lookEveryMs, env.monotonic() + restFactor * tookMs);
  };

  /** One look, from reading to writing; false: the lease is another's. */
  const look = async (): Promise<Result<boolean, StoreFailure>> => {
    const found = await looker.look({
      ...{ now: env.now(), heardFrom, clockSetMs, before },
      ...(closeAfterMs === undefined ? {} : { closeAfterMs }),
    });
    if (!found.ok) return found;
    const { value } = found;
    before = 'lost';
    tellOfCut(value.cut);
    if (value.incidents.length > 0 || value.events.length > 0) {
      const { incidents, events } = value;
      const written = await store.decide({ name: leaseName, holder, now: env.now() }, { incidents, events });
      if (!written.ok || !written.value) return written;
    }
    before = 'written';
    clockSetMs = 0;
    incidents = value.standing;
    counted.found(value, incidents);
    return { ok: true, value: true };
  };

  const tellOfCut = (now: boolean): void => {
    if (now && !cut)
      log.error('leader: more fails than one look takes in; scopes and counts are too small', { most: mostFailing });
    if (!now && cut) log.info('leader: all that fails is looked at again');
    cut = now;
  };

  /** How long to wait now. */
  const storeFailed = (what: 'lease' | 'look', { reason, message }: StoreFailure): number => {
    broken.add(what);
    failures++;
    counted.failed(reason);
    if (failures === 1)
      log.error('leader: the store fails; nothing is evaluated until it is back', { reason, message });
    trouble = message;
    return kubeDelay(failures, env.random(), null);
  };

  const storeWorks = (what: 'lease' | 'look'): void => {
    if (!broken.delete(what) || broken.size > 0) return;
    log.info('leader: the store is back', { failures });
    failures = 0;
    trouble = null;
  };

  return {
    tick() {
      if (closed) return Promise.resolve();
      running ??= step().finally(() => {
        running = null;
      });
      return running;
    },
    leading,
    problems: () => [
      ...(trouble === null ? [] : [`Incidents are not evaluated: ${trouble}`]),
      ...(cut ? [`More than ${mostFailing} things fail at once: scopes and counts of incidents are too small.`] : []),
    ],
    async close() {
      closed = true;
      if (running !== null) await running;
      await notifier?.close();
      await retention?.idle();
      if (leads) await store.lease(leaseName, holder, env.now(), 0);
      leads = false;
    },
  };
}
