import assert from 'node:assert/strict';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Stage } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeAnswer, type FakeRegistry, fakeAnswers } from '../../kit/fake-registry.ts';
import { app } from './shared.ts';

const users = { app: 'right-pw-4711' };

const json = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): FakeAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body,
});

/** The right password, and this answer in place of the manifest. */
function loggedIn(answer: FakeAnswer, how: 'token' | 'basic' = 'token') {
  return async (stage: Stage) => {
    const registry = await stage.registry(how === 'token' ? { token: { users } } : { basic: users });
    registry.override = (_, path, authorization) =>
      path.includes('/manifests/') && authorization !== null ? answer : null;
    return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
  };
}

/** Nobody asks, and the token service answers so. */
function atToken(answer: FakeAnswer) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ token: { users, publicRepositories: ['team/app'] } });
    const override: FakeRegistry['override'] = (_, path) => (path === '/token' ? answer : null);
    registry.override = override;
    return app(registry);
  };
}

const denied = errorBody('DENIED', 'requested access to the resource is denied');
const secondary = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';

/** Refusals (401, 403), and whether they are a matter of rights. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'a limit told as 403 DENIED, with a time to wait',
    prepare: loggedIn(json(403, errorBody('DENIED', secondary), { 'retry-after': '60' })),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
    never: ['access-denied'],
    says: /again in 1 minute|again in 60 s/,
  },
  {
    name: 'a limit told as 403, by its words alone',
    prepare: loggedIn(json(403, errorBody('DENIED', secondary))),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
    never: ['access-denied'],
  },
  {
    name: '403 without words, with a time to wait',
    prepare: loggedIn({ status: 403, headers: { 'retry-after': '30' } }),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
  },
  {
    name: 'a limit at the token service, told as 403, nobody asks',
    prepare: atToken(json(403, '{"message":"API rate limit exceeded for 203.0.113.9"}', { 'retry-after': '60' })),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
    never: ['repository-not-found-or-private', 'auth-service-unreachable'],
  },
  {
    name: 'a limit told by a page with 403',
    prepare: loggedIn({
      status: 403,
      headers: { 'content-type': 'text/html' },
      body: '<html><title>Too Many Requests</title></html>',
    }),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
    never: ['registry-invalid-response'],
  },
  {
    name: 'a repository with a limit in its name is refused: no limit',
    async prepare(stage) {
      const registry = await stage.registry({ basic: users });
      const detail = [{ Type: 'repository', Class: '', Name: 'envoyproxy/ratelimit', Action: 'pull' }];
      const message = 'requested access to the resource envoyproxy/rate-limit is denied';
      registry.override = (_, path, authorization) =>
        path.includes('/manifests/') && authorization !== null
          ? json(403, JSON.stringify({ errors: [{ code: 'DENIED', message, detail }] }))
          : null;
      const host = `registry.test:${registry.port}`;
      return { image: `${host}/envoyproxy/ratelimit:1`, args: await stage.authFile({ [host]: 'app:right-pw-4711' }) };
    },
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
    never: ['rate-limited'],
  },
  {
    name: 'logged in, and DENIED in the protocol’s form',
    prepare: loggedIn(json(403, denied), 'basic'),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
  },
  {
    name: 'logged in, a token that does not open this',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users, publicRepositories: [] } });
      const challenge = `Bearer realm="${registry.origin}/token",service="fake",error="insufficient_scope"`;
      registry.override = (_, path, authorization) =>
        path.includes('/manifests/') && authorization?.startsWith('Bearer ') === true
          ? { status: 401, headers: { 'www-authenticate': challenge } }
          : null;
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
    },
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
  },
  {
    name: 'logged in, and 403 without a word',
    prepare: loggedIn({ status: 403 }, 'basic'),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'likely',
    check: alternatives('source-address-blocked', 'repository-not-found-or-private'),
  },
  {
    name: 'logged in, and Google says that it may not exist',
    prepare: loggedIn(fakeAnswers.googleDenied),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'likely',
    check: alternatives('repository-not-found-or-private'),
  },
  {
    name: 'logged in, and Quay answers as it does for what is missing, too',
    prepare: loggedIn(json(401, errorBody('UNAUTHORIZED', 'access to the requested resource is not authorized'))),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'likely',
    check: alternatives('repository-not-found-or-private'),
  },
  {
    name: 'Cloudflare’s firewall refuses in plain text',
    prepare: loggedIn({
      status: 403,
      headers: { 'content-type': 'text/plain', server: 'cloudflare' },
      body: 'error code: 1020',
    }),
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'likely',
    never: ['access-denied'],
  },
  {
    name: 'Cloudflare’s firewall refuses by its page',
    prepare: loggedIn({
      status: 403,
      headers: { 'content-type': 'text/html', server: 'cloudflare' },
      body: '<html><title>Access denied | registry.test used Cloudflare to restrict access</title></html>',
    }),
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'likely',
    never: ['registry-invalid-response'],
  },
  {
    name: 'Cloudflare counts the requests',
    prepare: loggedIn({ status: 403, headers: { 'content-type': 'text/plain' }, body: 'error code: 1015' }),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
    never: ['source-address-blocked'],
  },
  {
    name: 'a registry with passwords answers 401 for what one may not see: the password may be right',
    prepare: loggedIn(
      json(401, errorBody('UNAUTHORIZED', 'access to the requested resource is not authorized'), {
        'www-authenticate': 'Basic realm="Nexus"',
      }),
      'basic',
    ),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'likely',
    check: alternatives('access-denied'),
  },
  {
    name: 'a registry with passwords refuses the password in the protocol’s words',
    async prepare(stage) {
      const registry = await stage.registry({ basic: users });
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:wrong-pw-0815' }));
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
  },
  {
    name: 'nobody asks, and the token service answers 403 without a word',
    prepare: atToken({ status: 403 }),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    confidence: 'likely',
    check: alternatives('source-address-blocked'),
  },
  {
    name: 'nobody asks, and the token service answers DENIED, as GHCR does',
    prepare: atToken(json(403, errorBody('DENIED', 'denied'))),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    confidence: 'proven',
  },
];

/** What else the first finding holds possible. */
function alternatives(...wanted: string[]): NonNullable<DiagnoseCase['check']> {
  return ({ document }) => {
    assert.deepEqual(document.findings[0]?.alternatives, wanted);
  };
}
