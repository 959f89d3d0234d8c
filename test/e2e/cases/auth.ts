import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Stage } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeAnswer, fakeAnswers } from '../../kit/fake-registry.ts';
import { closedPort } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const users = { app: 'right-pw-4711' };
const secrets = ['right-pw-4711', 'wrong-pw-0815', Buffer.from('app:wrong-pw-0815').toString('base64')];

/** A registry whose tokens come from itself; `user` is `name:password` in the auth file. */
function tokens(
  options: { user?: string; public?: boolean; at?: (method: string) => FakeAnswer | null; realm?: string } = {},
) {
  return async (stage: Stage) => {
    const registry = await stage.registry({
      token: {
        users,
        publicRepositories: options.public === true ? ['team/app'] : [],
        ...(options.realm === undefined ? {} : { realm: options.realm }),
      },
    });
    const { at } = options;
    if (at !== undefined) registry.override = (method, path) => (path === '/token' ? at(method) : null);
    const file =
      options.user === undefined ? [] : await stage.authFile({ [`registry.test:${registry.port}`]: options.user });
    return app(registry, file);
  };
}

/** A token service of its own at auth.test, on a registry that is otherwise fine. */
function elsewhere(realm: string | ((stage: Stage) => Promise<string>), args: readonly string[] = []) {
  return async (stage: Stage) => {
    const url = typeof realm === 'string' ? realm : await realm(stage);
    const registry = await stage.registry({ token: { users, publicRepositories: ['team/app'], realm: url } });
    return app(registry, args);
  };
}

/** A registry that challenges in these words. */
function challenged(challenge: string | readonly string[], user?: string) {
  return async (stage: Stage) => {
    const registry = await stage.registry();
    registry.override = () => ({
      status: 401,
      headers: { 'www-authenticate': challenge },
      body: errorBody('UNAUTHORIZED', 'authentication required'),
    });
    const file = user === undefined ? [] : await stage.authFile({ [`registry.test:${registry.port}`]: user });
    return app(registry, file);
  };
}

function hub(user?: string) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ token: { users, publicRepositories: ['library/nginx'] } });
    await stage.hosts('docker.io', `server = "https://registry.test:${registry.port}"\n`);
    return {
      image: 'docker.io/team/app:1',
      args: user === undefined ? [] : await stage.authFile({ 'https://index.docker.io/v1/': user }),
    };
  };
}

/** A secret with one entry for this registry that is no base64 of a name and a password. */
async function brokenSecret(stage: Stage, wanted: boolean) {
  const registry = await stage.registry(wanted ? { basic: users } : {});
  const path = await stage.authText(JSON.stringify({ auths: { [`registry.test:${registry.port}`]: { auth: '!!!' } } }));
  return app(registry, path);
}

/** Who asks, and what the token service says. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'a public repository, by an anonymous token',
    prepare: tokens({ public: true }),
    verdict: 'healthy',
    cause: null,
    ruledOut: ['auth', 'manifest', 'blob'],
  },
  {
    name: 'a private one, with the right password',
    prepare: tokens({ user: 'app:right-pw-4711' }),
    verdict: 'healthy',
    cause: null,
    secrets,
  },
  {
    name: 'an anonymous token that allows nothing',
    prepare: tokens(),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    never: ['credentials-rejected', 'access-denied', 'tag-not-found'],
    says: /registry\.test:\d+.*team\/app/,
  },
  {
    name: 'Docker Hub hides which, nobody asks',
    prepare: hub(),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
  },
  {
    name: 'Docker Hub refuses the login',
    prepare: hub('app:wrong-pw-0815'),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    secrets,
  },
  {
    name: 'a wrong password',
    prepare: tokens({ user: 'app:wrong-pw-0815' }),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    says: /registry\.test:\d+/,
    secrets,
  },
  {
    name: 'a wrong password for a public image',
    prepare: tokens({ user: 'app:wrong-pw-0815', public: true }),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    says: /without them/,
    secrets,
  },
  {
    name: 'GHCR: stale credentials, 403 at the token service, public image',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users, publicRepositories: ['team/app'] } });
      registry.override = (method, path, authorization) =>
        path === '/token' && (method === 'POST' || authorization !== null)
          ? { status: 403, body: errorBody('DENIED', 'denied') }
          : null;
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:wrong-pw-0815' }));
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    says: /without them/,
  },
  {
    name: 'GHCR: a private or missing package, nobody asks, 403 at the token service',
    prepare: tokens({
      at: () => ({ status: 403, body: errorBody('DENIED', 'requested access to the resource is denied') }),
    }),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
  },
  {
    name: 'GAR: nobody asks, and the token service says that nobody may',
    prepare: tokens({
      at: () => ({
        status: 403,
        body: errorBody(
          'DENIED',
          'Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "projects/p" (or it may not exist)',
        ),
      }),
    }),
    verdict: 'faulty',
    cause: ['credentials-missing', 'repository-not-found-or-private'],
  },
  {
    name: 'the token service answers nobody (401)',
    prepare: tokens({ at: () => ({ status: 401, body: '{"details":"unauthorized"}' }) }),
    verdict: 'faulty',
    cause: 'credentials-missing',
  },
  {
    name: 'right login, no right to this repository',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users } });
      registry.override = (_, path) => (path.includes('/manifests/') ? fakeAnswers.googleDenied : null);
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
    },
    verdict: 'faulty',
    cause: 'access-denied',
    never: ['credentials-rejected'],
    secrets,
  },
  {
    name: 'Quay: logged in, 401 for the manifest',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users } });
      const origin = `https://registry.test:${registry.port}`;
      registry.override = (_, path) =>
        path.includes('/manifests/')
          ? {
              status: 401,
              headers: {
                'www-authenticate': `Bearer realm="${origin}/token",service="quay",error="insufficient_scope"`,
              },
              body: errorBody('UNAUTHORIZED', 'access to the requested resource is not authorized'),
            }
          : null;
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
    },
    verdict: 'faulty',
    cause: ['access-denied', 'repository-not-found-or-private'],
    never: ['credentials-rejected', 'credentials-missing'],
  },
  {
    name: 'basic authentication, nobody asks',
    prepare: async (stage) => app(await stage.registry({ basic: users })),
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
  },
  {
    name: 'basic authentication, credentials for another host',
    prepare: async (stage) =>
      app(await stage.registry({ basic: users }), await stage.authFile({ 'other.example': 'app:right-pw-4711' })),
    verdict: 'faulty',
    cause: 'credentials-missing',
    says: /other\.example/,
    secrets,
  },
  {
    name: 'basic authentication, a wrong password',
    async prepare(stage) {
      const registry = await stage.registry({ basic: users });
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:wrong-pw-0815' }));
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    secrets,
  },
  {
    name: 'two credentials, the second is right',
    async prepare(stage) {
      const registry = await stage.registry({ basic: users });
      const host = `registry.test:${registry.port}`;
      return app(
        registry,
        await stage.authFile({ [`${host}/team`]: 'app:wrong-pw-0815', [host]: 'app:right-pw-4711' }),
      );
    },
    verdict: 'healthy',
    cause: null,
    secrets,
  },
  {
    name: 'ECR: the token is past its twelve hours',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, _path, authorization) =>
        authorization === null ? fakeAnswers.ecrBasicChallenge : fakeAnswers.ecrExpired;
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'AWS:wrong-pw-0815' }));
    },
    verdict: 'faulty',
    cause: 'credentials-expired',
    never: ['credentials-rejected', 'access-denied'],
    secrets,
  },
  {
    name: 'ECR: nobody asks',
    prepare: async (stage) => {
      const registry = await stage.registry();
      registry.override = fakeAnswers.ecrBasicChallenge;
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'credentials-missing',
  },
  {
    name: 'ECR: logged in, the repository does not exist',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path, authorization) => {
        if (authorization === null) return fakeAnswers.ecrBasicChallenge;
        return path === '/v2/'
          ? null
          : {
              status: 404,
              body: errorBody(
                'NAME_UNKNOWN',
                "The repository with name 'team/app' does not exist in the registry with id '1'",
              ),
            };
      };
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'AWS:right-pw-4711' }));
    },
    verdict: 'faulty',
    cause: 'repository-not-found',
  },
  {
    name: 'Basic and Bearer together: Bearer is taken',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users, publicRepositories: ['team/app'] } });
      const origin = `https://registry.test:${registry.port}`;
      registry.override = (_, path, authorization) =>
        path !== '/token' && authorization === null
          ? {
              status: 401,
              headers: {
                'www-authenticate': [
                  'Basic realm="x"',
                  `Bearer realm="${origin}/token",service="fake",scope="repository:team/app:pull"`,
                ],
              },
            }
          : null;
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a challenge of another scheme, nobody asks',
    prepare: challenged('Negotiate'),
    verdict: 'faulty',
    cause: ['unknown', 'registry-invalid-response', 'credentials-missing'],
    never: ['credentials-rejected'],
  },
  {
    name: 'a challenge of another scheme: the credentials are never sent, so nobody refused them',
    prepare: challenged('Negotiate', 'app:right-pw-4711'),
    verdict: 'faulty',
    cause: ['unknown', 'registry-invalid-response'],
    never: ['credentials-rejected', 'credentials-missing', 'access-denied'],
  },
  {
    name: '401 without a challenge: the credentials are never sent',
    prepare: challenged([], 'app:right-pw-4711'),
    verdict: 'faulty',
    cause: ['unknown', 'registry-invalid-response'],
    never: ['credentials-rejected', 'credentials-missing', 'access-denied'],
  },
  {
    name: 'a realm that is no URL',
    prepare: challenged('Bearer realm="not a url",service="x"'),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
    says: /realm/,
  },
  {
    name: 'no realm at all',
    prepare: challenged('Bearer service="x"'),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
    says: /realm/,
  },
  {
    name: 'a realm over plain HTTP',
    prepare: elsewhere(async (stage) => {
      const service = await stage.registry({ tls: null, token: { users, publicRepositories: ['team/app'] } });
      return `http://auth.test:${service.port}/token`;
    }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a token service that redirects to where tokens are',
    prepare: elsewhere(async (stage) => {
      const service = await stage.registry({ token: { users, publicRepositories: ['team/app'] } });
      const old = await stage.registry({ tls: null });
      old.override = () => ({
        status: 302,
        headers: {
          location: `https://auth.test:${service.port}/token?service=fake&scope=repository%3Ateam%2Fapp%3Apull`,
        },
      });
      return `http://auth.test:${old.port}/token`;
    }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a token service that redirects to where nothing listens',
    prepare: elsewhere(async (stage) => {
      const old = await stage.registry();
      old.override = { status: 302, headers: { location: 'https://cdn.test:1/login' } };
      return `https://auth.test:${old.port}/token`;
    }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-refused',
    says: /cdn\.test/,
    never: ['blob-unreachable'],
  },
  {
    name: 'a token service that redirects to a login page',
    prepare: elsewhere(async (stage) => {
      const old = await stage.registry();
      old.override = (_, path) =>
        path === '/login' ? fakeAnswers.captivePortal : { status: 302, headers: { location: '/login' } };
      return `https://auth.test:${old.port}/token`;
    }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-invalid-response',
    says: /auth\.test/,
  },
  {
    name: 'nothing listens at the token service',
    prepare: elsewhere(async () => `https://auth.test:${await closedPort()}/token`),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-refused',
    confidence: 'proven',
    says: /auth\.test/,
    ruledOut: ['dns', 'registry'],
  },
  {
    name: 'the token service has no address',
    prepare: elsewhere('https://auth.example/token'),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'dns-name-not-found',
    says: /auth\.example/,
  },
  {
    name: 'the token service’s certificate is for another name',
    prepare: elsewhere(async (stage) => `https://strange.test:${(await stage.registry()).port}/token`),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tls-hostname-mismatch',
    says: /strange\.test/,
  },
  {
    name: 'the token service hangs',
    prepare: elsewhere(async (stage) => {
      const service = await stage.registry();
      service.override = { status: 200, manner: 'silent' };
      return `https://auth.test:${service.port}/token`;
    }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-timeout',
  },
  {
    name: 'the token service fails (500)',
    prepare: tokens({ at: () => ({ status: 500, body: 'oops' }) }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-error',
  },
  {
    name: 'the token service is not there (404)',
    prepare: tokens({ at: () => ({ status: 404, body: '404 page not found' }) }),
    verdict: 'faulty',
    cause: ['auth-service-unreachable', 'unknown'],
    never: ['tag-not-found', 'repository-not-found', 'credentials-missing', 'repository-not-found-or-private'],
  },
  {
    name: 'the token service answers a page',
    prepare: tokens({ at: () => fakeAnswers.captivePortal }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-invalid-response',
  },
  {
    name: 'the token service answers noise',
    prepare: tokens({ at: () => ({ status: 200, body: '\u0000\u0001{{{' }) }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-invalid-response',
  },
  {
    name: 'the token service answers a refusal as a page',
    prepare: tokens({
      at: () => ({
        status: 403,
        headers: { 'content-type': 'text/html' },
        body: '<html><title>Blocked</title></html>',
      }),
    }),
    verdict: 'faulty',
    cause: ['auth-service-unreachable', 'unknown'],
    never: ['repository-not-found-or-private', 'access-denied'],
  },
  {
    name: 'the token service knows no POST, and GET takes the password',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users, postStatus: 405 } });
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
    },
    verdict: 'healthy',
    cause: null,
    secrets,
  },
  {
    name: 'logged in, the tag does not exist',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users } });
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }), ':2');
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
  },
  {
    name: 'a registry that is open, and its content wants a login',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/blobs/') ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: ['blob-unreachable', 'credentials-missing'],
  },

  {
    name: 'a secret whose only entry cannot be read, for a registry that wants one',
    prepare: (stage) => brokenSecret(stage, true),
    verdict: 'faulty',
    cause: 'pull-secret-invalid',
    never: ['credentials-rejected'],
  },
  {
    name: 'a secret whose only entry cannot be read, for a registry that is open',
    prepare: (stage) => brokenSecret(stage, false),
    verdict: 'degraded',
    cause: 'pull-secret-invalid',
  },
  {
    name: 'two wrong passwords for a public image',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users, publicRepositories: ['team/app'] } });
      const host = `registry.test:${registry.port}`;
      return app(
        registry,
        await stage.authFile({ [`${host}/team`]: 'app:wrong-pw-0815', [host]: 'other:wrong-pw-0815' }),
      );
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    says: /without them/,
    secrets,
  },
  {
    name: 'Artifactory: a login is offered at the version check, and the image is public',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path === '/v2/' ? { status: 401, headers: { 'www-authenticate': 'Basic realm="Artifactory Realm"' } } : null;
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'GAR: the token service knows the login and refuses the repository in words',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users } });
      registry.override = (_, path, authorization) =>
        path === '/token' && authorization !== null
          ? fakeAnswers.googleDenied
          : path === '/token'
            ? { status: 405 }
            : null;
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }));
    },
    verdict: 'faulty',
    cause: 'access-denied',
    never: ['credentials-rejected'],
  },
];
