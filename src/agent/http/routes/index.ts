import { operationRoutes } from '../../../serve/operations.ts';
import { countPerCaller } from '../../../serve/per-caller.ts';
import type { Route } from '../../../serve/route.ts';
import type { Services } from '../services.ts';
import { investigationRoutes } from './investigations.ts';
import { nodeRoutes } from './node.ts';
import { pullRoutes } from './pulls.ts';
import { readinessRoute } from './readiness.ts';

/** Every route of the agent. */
export function agentRoutes(services: Services, version: string): readonly Route[] {
  const perCaller = countPerCaller(services.maxPerCaller);
  const routes: readonly Route[] = [
    ...operationRoutes({
      api: { title: 'Pullwhy agent', version, description: 'Why this node cannot pull an image.' },
      liveness: 'The process answers. It depends on nothing: no registry, no runtime, no API server.',
      readiness: readinessRoute(services),
      metrics: services.metrics,
      all: () => routes,
    }),
    ...investigationRoutes(services, perCaller),
    ...pullRoutes(services, perCaller),
    ...nodeRoutes(services, perCaller),
  ];
  return routes;
}
