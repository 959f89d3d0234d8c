import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Stage } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeAnswer, type FakeRegistry } from '../../kit/fake-registry.ts';
import { app, overridden } from './shared.ts';

const page = (status: number, title: string, challenge?: string): FakeAnswer => ({
  status,
  headers: { 'content-type': 'text/html', ...(challenge === undefined ? {} : { 'www-authenticate': challenge }) },
  body: `<html>\n<head><title>${title}</title></head>\n<body><center><h1>${title}</h1></center></body>\n</html>`,
});
const json = (status: number, body: string): FakeAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

/** What nginx answers with `auth_basic`, and no or a wrong password. */
const wanted = page(401, '401 Authorization Required', 'Basic realm="Registry"');
const absent = page(404, '404 Not Found');

/** A registry that answers so, and credentials for it. */
function as(user: string, override: FakeRegistry['override'], options: Parameters<Stage['registry']>[0] = {}) {
  return async (stage: Stage) => {
    const registry = await stage.registry(options);
    registry.override = override;
    return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: user }));
  };
}

const users = { app: 'right-pw-4711' };

/** HTML pages that are a registry's word, or its front server's, and pages that are not. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'nginx with auth_basic before a registry, nobody asks',
    prepare: overridden((_, __, authorization) => (authorization === null ? wanted : null)),
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
    never: ['registry-invalid-response'],
  },
  {
    name: 'nginx with auth_basic before a registry, a wrong password',
    prepare: as('app:wrong-pw-0815', () => wanted),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    never: ['registry-invalid-response'],
    says: /user "app"/,
  },
  {
    name: 'nginx with auth_basic before a registry, a wrong password, CRI-O',
    async prepare(stage) {
      const { image, args = [] } = await as('app:wrong-pw-0815', () => wanted)(stage);
      return { image, args: [...args, '--runtime', 'cri-o'] };
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    never: ['registry-invalid-response'],
  },
  {
    name: 'nginx with auth_basic before a registry, the right password',
    prepare: as('app:right', (_, __, authorization) => (authorization === null ? wanted : null)),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a page demands a token in place of the version check, and the token opens the image',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users: {}, publicRepositories: ['team/app'] } });
      const realm = `Bearer realm="https://registry.test:${registry.port}/token",service="fake"`;
      registry.override = (_, path) => (path === '/v2/' ? page(401, '401 Unauthorized', realm) : null);
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a token service behind auth_basic, nobody asks',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users } });
      registry.override = (_, path) => (path === '/token' ? wanted : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
    never: ['auth-service-unreachable', 'registry-invalid-response'],
  },
  {
    name: 'a token service behind auth_basic, a wrong password',
    prepare: as('app:wrong-pw-0815', (_, path) => (path === '/token' ? wanted : null), { token: { users } }),
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    never: ['auth-service-unreachable', 'registry-invalid-response'],
  },
  {
    name: 'a page with 401 and without any challenge is no token service',
    prepare: as('app:wrong-pw-0815', (_, path) => (path === '/token' ? page(401, 'Sign in') : null), {
      token: { users },
    }),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-invalid-response',
    never: ['credentials-rejected'],
  },
  {
    name: 'a page with 401 and without any challenge is no registry',
    prepare: overridden(() => page(401, 'Sign in')),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    never: ['credentials-missing'],
  },
  {
    name: 'auth_basic before what is no registry: the password opens a page',
    prepare: as('app:right', (_, __, authorization) => (authorization === null ? wanted : page(200, 'Welcome'))),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    never: ['credentials-missing', 'credentials-rejected'],
  },
  {
    name: 'a page with 404 for the manifest, of a registry that lists its tags',
    prepare: overridden((_, path) =>
      path === '/v2/'
        ? json(200, '{}')
        : path.includes('/manifests/')
          ? absent
          : path.includes('/tags/')
            ? json(200, '{"name":"team/app","tags":["2","3"]}')
            : null,
    ),
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    never: ['registry-invalid-response'],
  },
  {
    name: 'a page with 404 for the manifest, of a registry that says of the tags that it has no such repository',
    prepare: overridden((_, path) =>
      path === '/v2/'
        ? json(200, '{}')
        : path.includes('/manifests/')
          ? absent
          : path.includes('/tags/')
            ? json(404, errorBody('NAME_UNKNOWN', 'repository name not known to registry'))
            : null,
    ),
    verdict: 'faulty',
    cause: 'repository-not-found',
    confidence: 'proven',
    never: ['registry-invalid-response'],
  },
  {
    name: 'a page with 404 for the manifest and for the tags, of what says nothing of itself',
    prepare: overridden((_, path) => (path === '/v2/' ? json(200, '{}') : absent)),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    never: ['tag-not-found', 'repository-not-found'],
  },
];
