import { InvestigationRequest, InvestigationShape, InvestigationsDocument } from '../../../api/investigation.ts';
import { Type } from '../../../api/schema.ts';
import { Secret } from '../../../lib/secret.ts';
import { limitParameter, sinceParameter, sinceTime } from '../../../serve/parameters.ts';
import { type PerCaller, tooMany } from '../../../serve/per-caller.ts';
import { nothing, type Reply, type Route, route } from '../../../serve/route.ts';
import { userinfoProblem } from '../../../serve/userinfo.ts';
import { declinedReply } from '../declined.ts';
import { investigationStream } from '../investigation-stream.ts';
import type { Services } from '../services.ts';

const mostListed = 200;
const usuallyListed = 20;

/** Investigations: one is run, the recent ones are read. */
export function investigationRoutes(services: Services, perCaller: PerCaller): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/investigations',
      id: 'investigate',
      summary: 'Finds out why this node cannot pull an image. As an event stream, each probe comes as it ends.',
      access: 'act',
      query: nothing,
      body: InvestigationRequest,
      replies: {
        200: {
          description:
            'the investigation; with Accept: text/event-stream events `probe`, then `investigation` or `problem`',
          content: { 'application/json': InvestigationShape, 'text/event-stream': null },
        },
      },
      problems: {
        429: 'asked too often; Retry-After says when again',
        403: 'the target must not be probed from here (http.allowTargets), or who asks may not',
      },
      handle: async ({ body, accepts, signal, caller }): Promise<Reply> => {
        const refused = userinfoProblem('image', body.image);
        if (refused !== null) return refused;
        if (!perCaller.during(caller, signal)) return tooMany(services.maxPerCaller());
        const { image, platform, pull, pullPolicy, credentials, pod } = body;
        const order = {
          image,
          reason: 'asked' as const,
          guarded: true,
          signal,
          ...(platform === undefined ? {} : { platform }),
          ...(pull === undefined ? {} : { pull }),
          ...(pullPolicy === undefined ? {} : { pullPolicy }),
          ...(pod === undefined ? {} : { pod }),
          ...(credentials === undefined
            ? {}
            : { credentials: { username: credentials.username, password: new Secret(credentials.password) } }),
        };
        if (accepts[0] === 'text/event-stream') {
          return { kind: 'lines', type: 'text/event-stream', lines: investigationStream(services.investigator, order) };
        }
        const result = await services.investigator.investigate(order);
        return result.ok ? { kind: 'json', body: result.value } : declinedReply(result.error);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/investigations',
      id: 'listInvestigations',
      summary: 'Recent investigations, newest first.',
      access: 'read',
      query: Type.Object(
        {
          image: Type.Optional(Type.String({ maxLength: 4096, description: 'only of this image, in any spelling' })),
          since: sinceParameter,
          limit: limitParameter,
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: { 200: { description: 'the investigations', content: { 'application/json': InvestigationsDocument } } },
      handle: ({ query }) => {
        const since = query.since === undefined ? null : sinceTime(query.since, services.now());
        if (query.since !== undefined && since === null) {
          return {
            kind: 'problem',
            status: 400,
            detail: 'since is a time (RFC 3339) or a span before now, such as 15m or 2h.',
          };
        }
        const limit = Math.min(mostListed, query.limit === undefined ? usuallyListed : Number(query.limit));
        const investigations = services.investigator.recent({
          limit,
          ...(since === null ? {} : { since }),
          ...(query.image === undefined ? {} : { image: query.image }),
        });
        return {
          kind: 'json',
          body: { apiVersion: 'pullwhy/v1', kind: 'Investigations', node: services.node, investigations },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/investigations/{id}',
      id: 'getInvestigation',
      summary: 'One investigation.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the investigation', content: { 'application/json': InvestigationShape } } },
      handle: ({ params }) => {
        const document = services.investigator.get(params.id ?? '');
        return document === null
          ? {
              kind: 'problem',
              status: 404,
              detail: 'There is no such investigation, or it is too old. GET /v1/investigations lists what there is.',
            }
          : { kind: 'json', body: document };
      },
    }),
  ];
}
