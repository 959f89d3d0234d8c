import {
  CompareDocument,
  FleetNodeDocument,
  FleetNodesDocument,
  type FleetResult,
  type FleetNodeDocument as NodeAnswer,
} from '../../../api/fleet.ts';
import { type Frozen, Type } from '../../../api/schema.ts';
import { Cause } from '../../../api/words.ts';
import { limits } from '../../../lib/limits.ts';
import { nothing, type ProblemReply, type Route, route } from '../../../serve/route.ts';
import type { Observation } from '../../parts.ts';
import { fleetRules } from '../../rules.ts';
import { listReply, pageParameters } from '../lists.ts';
import { parameterProblem, storeProblem } from '../problems.ts';
import type { QueryServices } from '../query-services.ts';

/** Open incidents of one node in its document. */
const mostIncidents = 100;

/** Nodes, and what differs between two of them. */
export function nodeRoutes({ store, compare, now }: QueryServices): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/nodes',
      id: 'listNodes',
      summary: 'Nodes whose agents report, with their state. Silent is not healthy: nothing is known of such a node.',
      access: 'read',
      query: Type.Object(
        {
          state: Type.Optional(Type.Enum(['healthy', 'degraded', 'faulty', 'silent', 'unknown'])),
          attribute: Type.Optional(
            Type.String({
              pattern: '^[^=]{1,64}=[\\s\\S]{1,1024}$',
              description: 'only nodes whose attribute has this value',
              examples: ['zone=eu-1', 'nameserver=10.0.0.53'],
            }),
          ),
          cause: Type.Optional(Cause),
          sort: Type.Optional(
            Type.Enum(['node', 'last-seen'], {
              description: 'by name (the default), or by the last report, the newest first',
            }),
          ),
          ...pageParameters,
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'a page of nodes', content: { 'application/json': FleetNodesDocument } } },
      handle: ({ query }) => {
        const at = now();
        const { state, cause, sort, attribute } = query;
        const cut = attribute?.indexOf('=') ?? 0;
        return listReply({
          list: 'nodes',
          kind: 'Nodes',
          query,
          now: at,
          ask: (page) =>
            store.nodes({
              ...page,
              heardSince: at - fleetRules.silentAfterMs,
              ...(state === undefined ? {} : { state }),
              ...(cause === undefined ? {} : { cause }),
              ...(sort === undefined ? {} : { sort }),
              ...(attribute === undefined
                ? {}
                : { attribute: { name: attribute.slice(0, cut), value: attribute.slice(cut + 1) } }),
            }),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/nodes/{node}',
      id: 'getNode',
      summary: 'One node: what it is, how it last found each registry, and the open incidents that hit it.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the node', content: { 'application/json': FleetNodeDocument } } },
      handle: async ({ params }) => {
        const name = params.node ?? '';
        const at = now();
        const [found, rows, incidents] = await Promise.all([
          store.node(name),
          store.nodes({ node: name, limit: 1, cursor: null, heardSince: at - fleetRules.silentAfterMs }),
          store.incidents({ node: name, state: 'open', limit: mostIncidents, cursor: null }),
        ]);
        if (!found.ok) return storeProblem(found.error);
        if (!rows.ok) return storeProblem(rows.error);
        if (!incidents.ok) return storeProblem(incidents.error);
        const row = rows.value.items.find(({ node }) => node === name);
        if (found.value === null || row === undefined) return unknownNode(name);
        const body: Frozen<NodeAnswer> = {
          apiVersion: 'pullwhy/v1',
          kind: 'Node',
          at: new Date(at).toISOString(),
          ...row,
          authorities: found.value.authorities,
          results: found.value.observations.toSorted(worstFirst).slice(0, limits.fleetNodeResults).map(resultOf),
          incidents: incidents.value.items,
        };
        return { kind: 'json', body };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/compare',
      id: 'compareNodes',
      summary:
        'What differs between two nodes: resolver, proxy, trust store, runtime, registry configuration, results.',
      access: 'read',
      query: Type.Object(
        {
          a: Type.String({ minLength: 1, maxLength: 253, description: 'a node', examples: ['worker-3'] }),
          b: Type.String({ minLength: 1, maxLength: 253, description: 'another node', examples: ['worker-4'] }),
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'the comparison', content: { 'application/json': CompareDocument } } },
      problems: { 404: 'one of them is not known' },
      handle: async ({ query }) => {
        const { a, b } = query;
        if (a === b) return parameterProblem('b', `a and b are the same node, ${a}: name two.`);
        const [first, second] = await Promise.all([store.node(a), store.node(b)]);
        if (!first.ok) return storeProblem(first.error);
        if (!second.ok) return storeProblem(second.error);
        if (first.value === null) return unknownNode(a);
        if (second.value === null) return unknownNode(b);
        return { kind: 'json', body: compare(first.value, second.value, now()) };
      },
    }),
  ];
}

function unknownNode(node: string): ProblemReply {
  return {
    kind: 'problem',
    status: 404,
    detail: `No agent of a node called ${node.slice(0, 253)} has reported here. GET /v1/nodes lists those that have; an agent reports when its setting collector.url names this collector.`,
  };
}

const order = ['faulty', 'degraded', 'inconclusive', 'healthy'];

function worstFirst(a: Observation, b: Observation): number {
  return order.indexOf(a.verdict) - order.indexOf(b.verdict) || b.pods - a.pods || (a.subject < b.subject ? -1 : 1);
}

function resultOf(observation: Observation): Frozen<FleetResult> {
  const { node, kind, subject, registry, verdict, cause, confidence, layer, underlying, host } = observation;
  const { summary, at, since, pods, investigation } = observation;
  return {
    node,
    subject: { kind, name: subject },
    registry,
    verdict,
    cause,
    confidence,
    layer,
    underlying,
    host,
    summary,
    at: new Date(at).toISOString(),
    since: since === null ? null : new Date(since).toISOString(),
    pods,
    investigation,
  };
}
