import { FleetRegistriesDocument } from '../../../api/fleet.ts';
import { Type } from '../../../api/schema.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import { listReply, pageParameters } from '../lists.ts';
import type { QueryServices } from '../query-services.ts';

/** Registries over all nodes. */
export function registryRoutes({ store, now }: QueryServices): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/registries',
      id: 'listRegistries',
      summary:
        'Every registry in use, over all nodes: who reaches it, latency, certificate expiry, rate-limit budgets.',
      access: 'read',
      query: Type.Object(pageParameters, { additionalProperties: false }),
      body: nothing,
      replies: {
        200: { description: 'a page of registries', content: { 'application/json': FleetRegistriesDocument } },
      },
      handle: ({ query }) =>
        listReply({
          list: 'registries',
          kind: 'Registries',
          query,
          now: now(),
          ask: (page) => store.registries(page),
        }),
    }),
  ];
}
