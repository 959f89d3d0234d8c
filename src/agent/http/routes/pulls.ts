import { PullRecord, PullRequest } from '../../../api/investigation.ts';
import { Secret } from '../../../lib/secret.ts';
import { type PerCaller, tooMany } from '../../../serve/per-caller.ts';
import { nothing, type Route, route } from '../../../serve/route.ts';
import { userinfoProblem } from '../../../serve/userinfo.ts';
import { declinedReply } from '../declined.ts';
import type { Services } from '../services.ts';

/** Pulls by the runtime, over CRI. */
export function pullRoutes(services: Services, perCaller: PerCaller): readonly Route[] {
  /** What ends the count of its caller, for each pull that is under way. */
  const counted = new Map<string, () => void>();
  services.puller.onEnd(({ id }) => {
    counted.get(id)?.();
    counted.delete(id);
  });
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
        202: {
          description: 'the pull; its Location says how it goes on',
          content: { 'application/json': PullRecord },
          headers: { Location: 'where to ask how it goes on' },
        },
      },
      problems: {
        429: 'the image is being pulled already with other credentials, or too many wait (http.maxPerCaller)',
      },
      handle: ({ body: { image, credentials }, caller }) => {
        const refused = userinfoProblem('image', image);
        if (refused !== null) return refused;
        const leave = perCaller.enter(caller);
        if (leave === null) return tooMany(services.maxPerCaller());
        const ordered = services.puller.pull({
          image,
          reason: 'asked',
          ...(credentials === undefined
            ? {}
            : { credentials: { username: credentials.username, password: new Secret(credentials.password) } }),
        });
        const under = ordered.ok && (ordered.value.state === 'queued' || ordered.value.state === 'pulling');
        // Who asks for a pull that is under way already costs nothing more.
        if (under && !counted.has(ordered.value.id)) counted.set(ordered.value.id, leave);
        else leave();
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
