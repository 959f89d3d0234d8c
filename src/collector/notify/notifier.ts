import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { type Courier, type CourierNeeds, openCourier } from './courier.ts';
import type { Target } from './target.ts';

/** What the notifier needs. */
export interface NotifierNeeds extends CourierNeeds {
  readonly metrics: Metrics;
  readonly targets: readonly Target[];
}

/** Tells targets of incidents: only the leader does, and what was told is in the store. */
export interface Notifier {
  /**
   * Begins what is due, of incidents as they stand: open ones and those closed lately. `leading`: whether a message that
   * is begun now arrives before another collector may lead.
   */
  readonly tick: (incidents: readonly Frozen<FleetIncident>[], leading: () => boolean) => void;
  /** The lease is lost: what was told is read anew when it is back. */
  readonly lost: () => void;
  /** Resolves when nothing is under way. */
  readonly idle: () => Promise<void>;
  /** Lets what is under way arrive, and breaks it off where that takes long. */
  readonly close: () => Promise<void>;
}

/** What is broken off may have arrived, and is told again by the next leader: so a little patience. */
const patienceMs = 2000;

/** Opens it; each target goes its own way, so that none waits for another's trouble. */
export function openNotifier(needs: NotifierNeeds): Notifier {
  const { metrics, targets } = needs;
  const ending = new AbortController();
  let closing = false;
  const counts = {
    sent: metrics.counter('pullwhy_collector_notices_total', 'Changes of incidents that targets were told of.', [
      'target',
      'change',
    ]),
    failed: metrics.counter(
      'pullwhy_collector_notify_failures_total',
      'Messages that did not arrive, tried again later.',
      ['target', 'reason'],
    ),
    waiting: metrics.gauge(
      'pullwhy_collector_notices_waiting',
      'Changes of incidents that a target has yet to be told of.',
      ['target'],
    ),
  };
  const couriers: readonly Courier[] = targets.map((target) => openCourier(target, needs, counts, ending.signal));
  const idle = async (): Promise<void> => {
    await Promise.all(couriers.map((courier) => courier.idle()));
  };
  return {
    tick(incidents, leading) {
      if (!closing) for (const courier of couriers) courier.tick(incidents, leading);
    },
    lost() {
      for (const courier of couriers) courier.lost();
    },
    idle,
    async close() {
      closing = true;
      const timer = setTimeout(() => ending.abort(), patienceMs);
      await idle();
      clearTimeout(timer);
    },
  };
}
