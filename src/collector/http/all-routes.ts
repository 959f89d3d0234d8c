import { operationRoutes } from '../../serve/operations.ts';
import type { Route } from '../../serve/route.ts';
import type { Ingested, Intake } from '../intake/intake.ts';
import { ingestRoute } from './ingest.ts';
import { overviewRoute } from './overview.ts';
import type { QueryServices } from './query-services.ts';
import { type ReadyCheck, readinessRoute } from './readiness.ts';
import { collectorRoutes } from './routes/index.ts';

/** What all routes together ask the collector for. */
export interface CollectorServices extends QueryServices {
  readonly version: string;
  readonly ready: () => Promise<readonly ReadyCheck[]>;
  readonly metrics: () => string;
  readonly intake: Intake;
  readonly ingested: (ingested: Ingested) => void;
}

/** Every route of the collector. */
export function collectorRoutesOf(services: CollectorServices): readonly Route[] {
  const { version, intake, ingested, ready, metrics } = services;
  const routes: readonly Route[] = [
    ...operationRoutes({
      api: {
        title: 'Pullwhy collector',
        version,
        description: 'Why nodes of a fleet cannot pull images: one node, some, or all.',
      },
      liveness: 'The process answers. It depends on nothing, not on the store either.',
      readiness: readinessRoute(ready),
      metrics,
      all: () => routes,
    }),
    ingestRoute({ intake, ended: ingested }),
    ...collectorRoutes(services),
    overviewRoute(services.report),
  ];
  return routes;
}
