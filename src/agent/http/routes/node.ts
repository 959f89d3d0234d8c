import { PodsDocument, RegistriesDocument, RuntimeDocument } from '../../../api/node.ts';
import { ProbeBody, ProbesDocument, probeNames } from '../../../api/probes.ts';
import { NodeReport } from '../../../api/report.ts';
import { Type } from '../../../api/schema.ts';
import { limitParameter, sinceParameter, sinceTime } from '../../../serve/parameters.ts';
import { type PerCaller, tooMany } from '../../../serve/per-caller.ts';
import { nothing, type Reply, type Route, route } from '../../../serve/route.ts';
import { userinfoProblem } from '../../../serve/userinfo.ts';
import type { PullEvent } from '../../../signals/pull-event.ts';
import { declinedReply } from '../declined.ts';
import type { Services } from '../services.ts';

const json = (schema: Route['replies'][number]['content'][string]) => ({ 'application/json': schema });

/** What the agent knows of its node. */
export function nodeRoutes(services: Services, perCaller: PerCaller): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/pods',
      id: 'listPods',
      summary: 'Pods of this node whose images do not pull: reason, cause, attempts, and when the kubelet tries next.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'one row for each container', content: json(PodsDocument) } },
      handle: () => ({ kind: 'json', body: services.pods() }),
    }),
    route({
      method: 'GET',
      path: '/v1/registries',
      id: 'listRegistries',
      summary:
        'Every registry in use on this node: reachability, latency per hop, certificate expiry, rate-limit budget.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'one row for each registry', content: json(RegistriesDocument) } },
      handle: () => ({ kind: 'json', body: services.registries() }),
    }),
    route({
      method: 'GET',
      path: '/v1/runtime',
      id: 'getRuntime',
      summary: 'The runtime as CRI tells it: version, conditions, image file system. Secrets are left out.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the runtime, or why it could not be asked', content: json(RuntimeDocument) } },
      handle: async ({ signal }) => ({ kind: 'json', body: await services.runtime(signal) }),
    }),
    route({
      method: 'GET',
      path: '/v1/journal',
      id: 'readJournal',
      summary:
        "Pull-related entries of the kubelet's and the runtime's journal, decoded; one JSON document for each line.",
      access: 'read',
      query: Type.Object(
        {
          since: sinceParameter,
          unit: Type.Optional(Type.String({ maxLength: 256, description: 'only this unit', examples: ['kubelet'] })),
          image: Type.Optional(Type.String({ maxLength: 4096, description: 'only what is about this image' })),
          limit: limitParameter,
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: {
        200: {
          description: 'oldest first; each line as of `pullwhy journal -o ndjson`',
          content: { 'application/x-ndjson': null },
        },
      },
      handle: async ({ query, signal }) => {
        const since = sinceTime(query.since ?? '15m', services.now());
        if (since === null) return badSince;
        const { unit = null, image = null } = query;
        const events = await services.journal({ since, unit, image, signal });
        if (!events.ok) return { kind: 'problem', status: 503, detail: events.error };
        const most = query.limit === undefined ? Number.POSITIVE_INFINITY : Number(query.limit);
        return { kind: 'lines', type: 'application/x-ndjson', lines: linesOf(events.value, most) };
      },
    }),
    ...probeNames.map((probe) =>
      route({
        method: 'POST',
        path: `/v1/probes/${probe}`,
        id: `probe${probe.toUpperCase()}`,
        summary: `Looks at the ${probe} part of the way to a registry, the way that this node's runtime would go.`,
        access: 'act',
        query: nothing,
        body: ProbeBody,
        replies: {
          200: { description: 'what was found; a failed probe is an answer too', content: json(ProbesDocument) },
        },
        problems: {
          403: 'the target must not be probed from here (http.allowTargets), or who asks may not',
          429: 'asked too often; Retry-After says when again',
        },
        handle: async ({ body, signal, caller }) => {
          const refused = userinfoProblem('target', body.target);
          if (refused !== null) return refused;
          if (!perCaller.during(caller, signal)) return tooMany(services.maxPerCaller());
          const found = await services.probe({ probe, target: body.target }, signal);
          return found.ok ? { kind: 'json', body: found.value } : declinedReply(found.error);
        },
      }),
    ),
    route({
      method: 'GET',
      path: '/v1/report',
      id: 'getReport',
      summary: 'The node-health report: what fails and why, what will fail soon, what recovered and how much sooner.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: {
        200: {
          description: 'as JSON, Markdown or a page that stands alone, by the Accept header',
          content: { 'application/json': NodeReport, 'text/markdown': null, 'text/html': null },
        },
      },
      handle: ({ accepts }): Reply => {
        const report = services.report();
        for (const type of accepts) {
          if (type === 'text/markdown') {
            return { kind: 'text', type: 'text/markdown; charset=utf-8', body: services.reportMarkdown(report) };
          }
          if (type === 'text/html') {
            return {
              kind: 'text',
              type: 'text/html; charset=utf-8',
              body: services.reportHtml(report),
              // The page needs nothing but its own style; what registries wrote must not become script.
              headers: {
                'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
              },
            };
          }
          if (type === 'application/json' || type === '*/*') break;
        }
        return { kind: 'json', body: report };
      },
    }),
  ];
}

const badSince: Reply = {
  kind: 'problem',
  status: 400,
  detail: 'since is a time (RFC 3339) or a span before now, such as 15m or 2h.',
};

async function* linesOf(events: AsyncIterable<PullEvent>, most: number): AsyncGenerator<string> {
  let count = 0;
  if (most === 0) return;
  for await (const { at, cursor, unit, source, event, image, pod, namespace, container, cause, message } of events) {
    yield `${JSON.stringify({ at, cursor, unit, source, event, image, pod, namespace, container, cause, message })}\n`;
    if (++count >= most) return;
  }
}
