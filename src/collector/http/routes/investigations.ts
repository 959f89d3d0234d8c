import { FleetInvestigationsDocument } from '../../../api/fleet.ts';
import { InvestigationShape } from '../../../api/investigation.ts';
import { Type } from '../../../api/schema.ts';
import { Cause, VerdictName } from '../../../api/words.ts';
import { sinceParameter } from '../../../serve/parameters.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import { isProblem, listReply, pageParameters, sinceOf } from '../lists.ts';
import { storeProblem } from '../problems.ts';
import type { QueryServices } from '../query-services.ts';

/** Investigations that agents sent. */
export function investigationRoutes({ store, now }: QueryServices): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/investigations',
      id: 'listInvestigations',
      summary: 'Investigations of all nodes, the newest first.',
      access: 'read',
      query: Type.Object(
        {
          node: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
          image: Type.Optional(
            Type.String({ minLength: 1, maxLength: 4096, description: 'normalized, or as asked for' }),
          ),
          registry: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
          cause: Type.Optional(Cause),
          verdict: Type.Optional(VerdictName),
          since: sinceParameter,
          ...pageParameters,
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: {
        200: { description: 'a page of investigations', content: { 'application/json': FleetInvestigationsDocument } },
      },
      handle: ({ query }) => {
        const at = now();
        const since = sinceOf(query.since, at);
        if (isProblem(since)) return since;
        const { node, image, registry, cause, verdict } = query;
        return listReply({
          list: 'investigations',
          kind: 'Investigations',
          query,
          now: at,
          ask: (page) =>
            store.investigations({
              ...page,
              ...since,
              ...(node === undefined ? {} : { node }),
              ...(image === undefined ? {} : { image }),
              ...(registry === undefined ? {} : { registry }),
              ...(cause === undefined ? {} : { cause }),
              ...(verdict === undefined ? {} : { verdict }),
            }),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/investigations/{id}',
      id: 'getInvestigation',
      summary: 'One investigation, as the agent sent it.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the investigation', content: { 'application/json': InvestigationShape } } },
      handle: async ({ params }) => {
        const found = await store.investigation(params.id ?? '');
        if (!found.ok) return storeProblem(found.error);
        return found.value === null
          ? {
              kind: 'problem',
              status: 404,
              detail:
                'There is no such investigation, or it is older than retention.maxAge keeps. GET /v1/investigations lists what there is.',
            }
          : { kind: 'json', body: found.value };
      },
    }),
  ];
}
