import { FleetIncidentDocument, FleetIncidentsDocument } from '../../../api/fleet.ts';
import { Type } from '../../../api/schema.ts';
import { Cause } from '../../../api/words.ts';
import { sinceParameter } from '../../../serve/parameters.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import { isProblem, listReply, pageParameters, sinceOf } from '../lists.ts';
import { storeProblem } from '../problems.ts';
import type { QueryServices } from '../query-services.ts';

/** Incidents: one for each cause at one registry, image or part of the nodes. */
export function incidentRoutes({ store, now }: QueryServices): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/incidents',
      id: 'listIncidents',
      summary:
        'Incidents, open ones first, then the newest: what fails, on which nodes, and what these have in common.',
      access: 'read',
      query: Type.Object(
        {
          state: Type.Optional(Type.Enum(['open', 'closed'])),
          cause: Type.Optional(Cause),
          scope: Type.Optional(Type.Enum(['node', 'group', 'cluster'])),
          subject: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 2048,
              description: 'only of this registry, image or part of the nodes',
              examples: ['registry.corp.example'],
            }),
          ),
          node: Type.Optional(Type.String({ minLength: 1, maxLength: 253, description: 'only what hits this node' })),
          since: sinceParameter,
          ...pageParameters,
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'a page of incidents', content: { 'application/json': FleetIncidentsDocument } } },
      handle: ({ query }) => {
        const at = now();
        const since = sinceOf(query.since, at);
        if (isProblem(since)) return since;
        const { state, cause, scope, subject, node } = query;
        return listReply({
          list: 'incidents',
          kind: 'Incidents',
          query,
          now: at,
          ask: (page) =>
            store.incidents({
              ...page,
              ...since,
              ...(state === undefined ? {} : { state }),
              ...(cause === undefined ? {} : { cause }),
              ...(scope === undefined ? {} : { scope }),
              ...(subject === undefined ? {} : { subject }),
              ...(node === undefined ? {} : { node }),
            }),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/incidents/{id}',
      id: 'getIncident',
      summary: 'One incident.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the incident', content: { 'application/json': FleetIncidentDocument } } },
      handle: async ({ params }) => {
        const found = await store.incident(params.id ?? '');
        if (!found.ok) return storeProblem(found.error);
        if (found.value === null) {
          return {
            kind: 'problem',
            status: 404,
            detail:
              'There is no such incident, or it is older than retention.maxAge keeps. GET /v1/incidents lists what there is.',
          };
        }
        const at = new Date(now()).toISOString();
        return { kind: 'json', body: { apiVersion: 'pullwhy/v1', kind: 'Incident', at, ...found.value } };
      },
    }),
  ];
}
