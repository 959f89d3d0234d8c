import { PullRecord, PullRequest } from '../../../api/investigation.ts';
import { Secret } from '../../../lib/secret.ts';
import { declinedReply } from '../declined.ts';
import { nothing, type Route, route } from '../route.ts';
import type { Services } from '../services.ts';

/** Pulls by the runtime, over CRI. */
export function pullRoutes(services: Services): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/pulls',
      id: 'pull',
      summary:
        'Retries a pull through CRI, one at a time per image. With credentials, every pod of the node can use the image then.',
      access: 'act',
      query: nothing,
      body: PullRequest,
      replies: {
        202: { description: 'the pull; its Location says how it goes on', content: { 'application/json': PullRecord } },
      },
      problems: { 429: 'the image is being pulled already with other credentials, or too many wait' },
      handle: ({ body: { image, credentials } }) => {
        const ordered = services.puller.pull({
          image,
          reason: 'asked',
          ...(credentials === undefined
            ? {}
            : { credentials: { username: credentials.username, password: new Secret(credentials.password) } }),
        });
        if (!ordered.ok) return declinedReply(ordered.error);
        return {
          kind: 'json',
          status: 202,
          body: ordered.value,
          headers: { location: `/v1/pulls/${ordered.value.id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/pulls/{id}',
      id: 'getPull',
      summary: 'How a pull goes on, or went.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: { 200: { description: 'the pull', content: { 'application/json': PullRecord } } },
      handle: ({ params }) => {
        const record = services.puller.get(params.id ?? '');
        return record === null
          ? { kind: 'problem', status: 404, detail: 'There is no such pull, or it is too old.' }
          : { kind: 'json', body: record };
      },
    }),
  ];
}
