import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Result } from '../../lib/result.ts';
import type { Compare, Store, StoreFailure } from '../parts.ts';
import type { EventFeed } from './event-feed.ts';

/** What the routes that answer questions ask the collector for. */
export interface QueryServices {
  readonly store: Pick<
    Store,
    'node' | 'nodes' | 'registries' | 'investigations' | 'investigation' | 'incidents' | 'incident'
  >;
  readonly compare: Compare;
  readonly feed: EventFeed;
  /** The fleet-health report as of now. */
  readonly report: () => Promise<Result<Frozen<FleetReport>, StoreFailure>>;
  readonly now: () => number;
}
