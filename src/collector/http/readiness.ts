import { Type } from '../../api/schema.ts';
import { plain, plainContent } from '../../serve/operations.ts';
import { nothing, type Route, route } from '../../serve/route.ts';

/** Something that has to be for the collector to be ready. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** One line. */
  readonly note: string;
}

/** `/readyz`: whether all that has to be is. */
export function readinessRoute(ready: () => Promise<readonly ReadyCheck[]>): Route {
  return route({
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
    replies: { 200: { description: 'ready', content: plainContent } },
    problems: { 503: 'not ready, and what for' },
    handle: async ({ query }) => {
      const checks = await ready();
      const missing = checks.filter(({ ok }) => !ok);
      if (missing.length > 0) {
        const detail = missing.map(({ name, note }) => `${name}: ${note}`).join(' ');
        return { kind: 'problem', status: 503, detail, headers: { 'retry-after': '5' } };
      }
      const lines = checks.map(({ name, note }) => `[+] ${name}: ${note}\n`);
      return { kind: 'text', type: plain, body: `${query.verbose === undefined ? '' : lines.join('')}ok\n` };
    },
  });
}
