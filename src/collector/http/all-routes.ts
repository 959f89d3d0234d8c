import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import type { Route } from '../../serve/route.ts';
import type { Store } from '../parts.ts';
import { type Ingested, ingestRoute } from './ingest.ts';
import { type OperationServices, operationRoutes } from './operations.ts';
import { overviewRoute } from './overview.ts';
import type { QueryServices } from './query-services.ts';
import { collectorRoutes } from './routes/index.ts';

/** What all routes together ask the collector for. */
export interface CollectorServices extends OperationServices, QueryServices {
  readonly env: Env;
  readonly log: Log;
  readonly store: QueryServices['store'] & Pick<Store, 'ingest'>;
  readonly ingested: (ingested: Ingested) => void;
}

/** Every route of the collector. */
export function collectorRoutesOf(services: CollectorServices): readonly Route[] {
  const { env, log, store, ingested } = services;
  const routes: readonly Route[] = [
    ...operationRoutes(services, () => routes),
    ingestRoute({ env, log, store, ended: ingested }),
    ...collectorRoutes(services),
    overviewRoute(services.report),
  ];
  return routes;
}
