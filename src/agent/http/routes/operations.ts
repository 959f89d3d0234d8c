import { Type } from '../../../api/schema.ts';
import { metricsType } from '../../../lib/metrics.ts';
import { safeLine } from '../../../lib/redact.ts';
import { openApi } from '../../../serve/openapi.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import type { Services } from '../services.ts';

/** The address of a caller that is on this machine. */
function isLoopback(caller: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(caller);
}

const text = { 'text/plain': null };

/** Liveness, readiness, metrics and the API's own description. */
export function operationRoutes(services: Services, all: () => readonly Route[], version: string): readonly Route[] {
  // Made once: it is open to everybody, and the same for all.
  let description: unknown = null;
  return [
    route({
      method: 'GET',
      path: '/healthz',
      id: 'liveness',
      summary: 'The process answers. It depends on nothing: no registry, no runtime, no API server.',
      access: 'open',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'alive', content: text } },
      handle: () => ({ kind: 'text', type: 'text/plain; charset=utf-8', body: 'ok\n' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      id: 'readiness',
      summary:
        'The agent has read its state and follows its sources. With `?verbose`, each source, what the agent sees of its node and each party that is told has a line; who asks from the node itself is told of what lacks which mount or right it needs.',
      access: 'open',
      query: Type.Object(
        {
          verbose: Type.Optional(
            Type.String({ maxLength: 16, description: 'whatever its value, as with the API server of Kubernetes' }),
          ),
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'ready', content: text } },
      problems: { 503: 'not ready yet, and what for' },
      handle: async ({ query, caller }) => {
        const why = services.notReady();
        if (why !== null) return { kind: 'problem', status: 503, detail: why };
        // It is open to everybody: the words of a state may name servers and files, so they are for who is on the node, by a
        // port-forward too; the state itself is not.
        const local = isLoopback(caller);
        const states = query.verbose === undefined ? [] : await services.states();
        const lines = states.map(({ source, state, since, note }) => {
          const line = `${source} ${state} ${new Date(since).toISOString()}`;
          return local ? `${line} ${safeLine(note, 600)}\n` : `${line}\n`;
        });
        return { kind: 'text', type: 'text/plain; charset=utf-8', body: `${lines.join('')}ok\n` };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      id: 'metrics',
      summary: 'Metrics for Prometheus.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the text exposition format', content: text } },
      handle: () => ({ kind: 'text', type: metricsType, body: services.metrics() }),
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      id: 'openapi',
      summary: 'This description.',
      access: 'open',
      query: nothing,
      body: nothing,
      replies: {
        200: {
          description: 'OpenAPI 3.1',
          content: { 'application/json': Type.Object({}, { additionalProperties: true }) },
        },
      },
      handle: () => {
        description ??= openApi(all(), {
          title: 'Pullwhy agent',
          version,
          description: 'Why this node cannot pull an image.',
        });
        return { kind: 'json', body: description };
      },
    }),
  ];
}
