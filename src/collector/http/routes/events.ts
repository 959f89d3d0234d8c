import { Type } from '../../../api/schema.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import { parameterProblem } from '../problems.ts';
import type { QueryServices } from '../query-services.ts';

/** Ids are decimal numbers (parts.ts). */
const idPattern = '^[0-9]{1,15}$';

/** Live changes. */
export function eventRoutes({ feed }: QueryServices): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      id: 'followEvents',
      summary:
        'Changes as they happen, as server-sent events: incidents that open, change and close, nodes that appear, fall silent and come back.',
      access: 'read',
      endless: true,
      query: Type.Object(
        {
          after: Type.Optional(
            Type.String({
              pattern: idPattern,
              description: 'go on behind this event; the header Last-Event-ID says the same and counts first',
              examples: ['1041'],
            }),
          ),
        },
        { additionalProperties: false },
      ),
      body: nothing,
      replies: {
        200: {
          description:
            'each event has an id, its type as its name and the document FleetEvent as its data; `current` says once that what had happened before has been told',
          content: { 'text/event-stream': null },
        },
      },
      handle: ({ query, lastEventId, signal }) => {
        if (lastEventId !== undefined && !new RegExp(idPattern).test(lastEventId)) {
          return parameterProblem('after', 'Last-Event-ID is none of this collector: leave it out to begin with now.');
        }
        const lines = feed.subscribe(lastEventId ?? query.after ?? null, signal);
        return lines === null
          ? {
              kind: 'problem',
              status: 503,
              detail: `Enough readers follow the events of this collector (${feed.subscribers()}); ask again, or another collector.`,
              headers: { 'retry-after': '30' },
            }
          : { kind: 'lines', type: 'text/event-stream', lines };
      },
    }),
  ];
}
