import type { Route } from '../../../serve/route.ts';
import type { QueryServices } from '../query-services.ts';
import { eventRoutes } from './events.ts';
import { incidentRoutes } from './incidents.ts';
import { investigationRoutes } from './investigations.ts';
import { nodeRoutes } from './nodes.ts';
import { registryRoutes } from './registries.ts';
import { reportRoutes } from './report.ts';

/** Every route of the collector that answers a question. Ingest and operations are the server's own. */
export function collectorRoutes(services: QueryServices): readonly Route[] {
  return [
    ...nodeRoutes(services),
    ...incidentRoutes(services),
    ...registryRoutes(services),
    ...investigationRoutes(services),
    ...eventRoutes(services),
    ...reportRoutes(services),
  ];
}
