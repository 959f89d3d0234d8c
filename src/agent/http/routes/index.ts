import { countPerCaller } from '../../../serve/per-caller.ts';
import type { Route } from '../../../serve/route.ts';
import type { Services } from '../services.ts';
import { investigationRoutes } from './investigations.ts';
import { nodeRoutes } from './node.ts';
import { operationRoutes } from './operations.ts';
import { pullRoutes } from './pulls.ts';

/** Every route of the agent. */
export function agentRoutes(services: Services, version: string): readonly Route[] {
  const perCaller = countPerCaller(services.maxPerCaller);
  const routes: readonly Route[] = [
    ...operationRoutes(services, () => routes, version),
    ...investigationRoutes(services, perCaller),
    ...pullRoutes(services, perCaller),
    ...nodeRoutes(services, perCaller),
  ];
  return routes;
}
