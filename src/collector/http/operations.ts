import { Type } from '../../api/schema.ts';
import { metricsType } from '../../lib/metrics.ts';
import { openApi } from '../../serve/openapi.ts';
import { nothing, type Route, route } from '../../serve/route.ts';

/** Something that has to be for the collector to be ready. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** One line. */
  readonly note: string;
}

/** What the operations ask the collector for. */
export interface OperationServices {
  readonly version: string;
  readonly ready: () => Promise<readonly ReadyCheck[]>;
  readonly metrics: () => string;
}

const text = { 'text/plain': null };
const plain = 'text/plain; charset=utf-8';

/** Liveness, readiness, metrics and the API's own description. */
export function operationRoutes(services: OperationServices, all: () => readonly Route[]): readonly Route[] {
  // Made once: it is open to everybody, and the same for all.
  let description: unknown = null;
  return [
    route({
      method: 'GET',
      path: '/healthz',
      id: 'liveness',
      summary: 'The process answers. It depends on nothing, not on the store either.',
      access: 'open',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'alive', content: text } },
      handle: () => ({ kind: 'text', type: plain, body: 'ok\n' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      id: 'readiness',
      summary: 'The store answers.',
      access: 'open',
      query: Type.Object(
        { verbose: Type.Optional(Type.String({ maxLength: 8, description: 'tells each check, with its note' })) },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'ready', content: text } },
      problems: { 503: 'not ready, and what for' },
      handle: async ({ query }) => {
        const checks = await services.ready();
        const missing = checks.filter(({ ok }) => !ok);
        if (missing.length > 0) {
          const detail = missing.map(({ name, note }) => `${name}: ${note}`).join(' ');
          return { kind: 'problem', status: 503, detail, headers: { 'retry-after': '5' } };
        }
        const lines = checks.map(({ name, note }) => `[+] ${name}: ${note}\n`);
        return { kind: 'text', type: plain, body: `${query.verbose === undefined ? '' : lines.join('')}ok\n` };
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
          title: 'Pullwhy collector',
          version: services.version,
          description: 'Why nodes of a fleet cannot pull images: one node, some, or all.',
        });
        return { kind: 'json', body: description };
      },
    }),
  ];
}
