import { Type } from '../../../api/schema.ts';
import { safeLine } from '../../../lib/redact.ts';
import { plain, plainContent } from '../../../serve/operations.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import type { Services } from '../services.ts';

/** The address of a caller that is on this machine. */
function isLoopback(caller: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(caller);
}

/** `/readyz`: whether the agent works, and how what it follows, sees and tells stands. */
export function readinessRoute(services: Pick<Services, 'notReady' | 'states'>): Route {
  return route({
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
    replies: { 200: { description: 'ready', content: plainContent } },
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
      return { kind: 'text', type: plain, body: `${lines.join('')}ok\n` };
    },
  });
}
