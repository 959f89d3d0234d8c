import type { Env } from '../../lib/env.ts';
import { evaluate } from '../incidents/evaluate.ts';
import { type KeepTimes, openKept } from '../kept.ts';
import { type Looker, openLooker } from '../looker.ts';
import type { Store } from '../parts.ts';
import { openReportMaker, type ReportMaker } from '../report/report-maker.ts';

/** What of the store answers questions. */
type Questions =
  | 'node'
  | 'nodes'
  | 'registries'
  | 'investigations'
  | 'investigation'
  | 'incidents'
  | 'incident'
  | 'events'
  | 'size';

/** Everything that only reads: it can be done beside whoever writes. */
export interface Reader extends Pick<Store, Questions>, Looker {
  readonly report: ReportMaker;
}

/** What a reader tells in its reports. */
export interface ReaderAbout {
  /** Of the collector. */
  readonly version: string;
  readonly startedAt: number;
}

/** Registries of a large fleet are sums over all nodes for each; of a small one they are read anew each time. */
const registriesKept: KeepTimes = {
  freshMs: (tookMs) => (tookMs < 10 ? 0 : 2500),
  staleMs: (tookMs) => (tookMs < 10 ? 0 : 6000),
};

/** Reads from this store, in this thread. */
export function openReader({
  env,
  store,
  version,
  startedAt,
}: ReaderAbout & { readonly env: Env; readonly store: Store }): Reader {
  const { node, nodes, registries, investigations, investigation, incidents, incident, events, size } = store;
  const kept = openKept<Awaited<ReturnType<Store['registries']>>>(env, registriesKept, ({ ok }) => ok);
  return {
    // Since when nodes are heard of moves with the clock: what is kept is some seconds behind.
    registries: (query) => {
      const { limit, cursor, heardSince } = query;
      return kept.get(JSON.stringify([limit, cursor, heardSince === undefined]), () => registries(query));
    },
    ...{ node, nodes, investigations, investigation, incidents, incident, events, size },
    ...openLooker({ env, store, evaluate }),
    report: openReportMaker({ env, store, version, startedAt }),
  };
}
