import { Type } from '../api/schema.ts';
import { metricsType } from '../lib/metrics.ts';
import { type ApiInfo, openApi } from './openapi.ts';
import { countPerCaller } from './per-caller.ts';
import { nothing, type Route, route } from './route.ts';

/** What is particular to a server among its operations. */
export interface Operations {
  readonly api: ApiInfo;
  /** Summary of `/healthz`: what it does not depend on. */
  readonly liveness: string;
  /** `/readyz`. */
  readonly readiness: Route;
  readonly metrics: () => string;
  /** Every route of the server, these too. */
  readonly all: () => readonly Route[];
}

/** Answers with the description that are under way at a time: it is long, and who asks needs no credentials. */
const maxDescriptions = 16;

/** The media type of a route's answer in plain text. */
export const plain = 'text/plain; charset=utf-8';

/** What a route that answers in plain text gives. */
export const plainContent = { 'text/plain': null };

/** Liveness, readiness, metrics and the API's own description. */
export function operationRoutes({ api, liveness, readiness, metrics, all }: Operations): readonly Route[] {
  // Made once, in bytes: it is open to everybody, and the same for all.
  let description: Buffer | null = null;
  const describing = countPerCaller(() => maxDescriptions);
  return [
    route({
      method: 'GET',
      path: '/healthz',
      id: 'liveness',
      summary: liveness,
      access: 'open',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'alive', content: plainContent } },
      handle: () => ({ kind: 'text', type: plain, body: 'ok\n' }),
    }),
    readiness,
    route({
      method: 'GET',
      path: '/metrics',
      id: 'metrics',
      summary: 'Metrics for Prometheus.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the text exposition format', content: plainContent } },
      handle: () => ({ kind: 'text', type: metricsType, body: metrics() }),
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
      handle: ({ signal }) => {
        if (!describing.during('everybody', signal)) {
          const detail = `${maxDescriptions} callers are being sent this description already.`;
          return { kind: 'problem', status: 503, detail, headers: { 'retry-after': '2' } };
        }
        description ??= Buffer.from(JSON.stringify(openApi(all(), api)));
        return { kind: 'text', type: 'application/json', body: description };
      },
    }),
  ];
}
