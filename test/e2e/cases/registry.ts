import { createSecureServer } from 'node:http2';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { stagePki } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeAnswer, fakeAnswers } from '../../kit/fake-registry.ts';
import { portOf } from '../../kit/tcp-server.ts';
import { app, overridden } from './shared.ts';

const html = (status: number, title = `${status} page`): FakeAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
});
const json = (status: number, body: string): FakeAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

/** What one registry answers, whoever asks. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'nothing is wrong',
    prepare: async (stage) => app(await stage.registry()),
    verdict: 'healthy',
    cause: null,
    endpoints: ['healthy'],
    ruledOut: ['dns', 'tcp', 'tls', 'registry', 'manifest', 'blob'],
    notRuledOut: ['proxy', 'runtime', 'auth'],
  },
  {
    name: 'HTTP/2 only',
    async prepare(stage) {
      const registry = await stage.registry();
      const front = createSecureServer({ cert: stagePki.leaf.chainPem, key: stagePki.leaf.keyPem, allowHTTP1: false });
      front.on('stream', (stream, headers) => {
        const method = String(headers[':method']);
        void fetchLoopback(registry.port, method, String(headers[':path'])).then((answer) => {
          stream.respond({ ':status': answer.status, ...answer.headers });
          stream.end(method === 'HEAD' ? undefined : answer.body);
        });
      });
      await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
      stage.defer(async () => void front.close());
      return { image: `registry.test:${portOf(front)}/team/app:1` };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'HTML 404 everywhere: another server',
    prepare: overridden(() => html(404, '404 Not Found')),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    says: /registry\.test:\d+/,
    never: ['tag-not-found', 'repository-not-found'],
  },
  {
    name: 'a captive portal',
    prepare: overridden(() => fakeAnswers.captivePortal),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    says: /web page|HTML/,
  },
  {
    name: 'no version check, and manifests that come',
    prepare: overridden((_, path) => (path === '/v2/' ? json(404, '{}') : null)),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a version check that hangs, and manifests that come: containerd never makes it',
    prepare: overridden((_, path) => (path === '/v2/' ? { status: 200, manner: 'silent' } : null)),
    verdict: 'healthy',
    cause: null,
    never: ['registry-timeout'],
  },
  {
    name: '401 without a challenge, nobody asks',
    prepare: overridden(() => json(401, errorBody('UNAUTHORIZED', 'authentication required'))),
    verdict: 'faulty',
    cause: 'credentials-missing',
  },
  {
    name: '401 without a challenge at the version check alone',
    prepare: overridden((_, path) => (path === '/v2/' ? json(401, '{}') : null)),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: '403 to nobody, in the protocol’s words',
    prepare: overridden((_, path) =>
      path === '/v2/' ? null : json(403, errorBody('DENIED', 'requested access to the resource is denied')),
    ),
    verdict: 'faulty',
    cause: ['access-denied', 'repository-not-found-or-private', 'unknown'],
    never: ['credentials-rejected', 'source-address-blocked'],
  },
  {
    name: '403 that names the client’s address (ACR’s firewall)',
    prepare: overridden((_, path) =>
      path === '/v2/' ? null : json(403, errorBody('DENIED', "client with IP '203.0.113.7' is not allowed access.")),
    ),
    verdict: 'faulty',
    cause: 'source-address-blocked',
    never: ['access-denied'],
  },
  {
    name: '403 from registry.k8s.io, where everything is public',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) => (path === '/v2/' ? null : html(403, 'Error 403 (Forbidden)!!1'));
      await stage.hosts('registry.k8s.io', `server = "https://registry.test:${registry.port}"\n`);
      return { image: 'registry.k8s.io/team/app:1' };
    },
    verdict: 'faulty',
    cause: 'source-address-blocked',
    never: ['access-denied', 'credentials-missing'],
  },
  {
    name: '403 in plain text',
    prepare: overridden((_, path) => (path === '/v2/' ? null : { status: 403, body: 'Forbidden' })),
    verdict: 'faulty',
    cause: ['access-denied', 'repository-not-found-or-private', 'unknown'],
  },
  {
    name: '403 as a page',
    prepare: overridden((_, path) => (path === '/v2/' ? null : html(403, 'Access blocked'))),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
  },
  {
    name: '502 from a gateway',
    prepare: overridden(() => fakeAnswers.gatewayDown),
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
    says: /registry\.test:\d+.*502/,
    notRuledOut: ['registry', 'manifest', 'blob'],
  },
  {
    name: '500 for manifests alone',
    prepare: overridden((_, path) => (path.includes('/manifests/') ? json(500, '{}') : null)),
    verdict: 'faulty',
    cause: 'registry-error',
  },
  {
    name: '503 at the version check alone',
    prepare: overridden((_, path) => (path === '/v2/' ? json(503, '{}') : null)),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: '429 everywhere',
    prepare: overridden(() => fakeAnswers.hubRateLimit),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'proven',
  },
  {
    name: '429 for the manifest',
    prepare: overridden((_, path) => (path.includes('/manifests/') ? fakeAnswers.hubRateLimit : null)),
    verdict: 'faulty',
    cause: 'rate-limited',
    says: /429|limit/,
  },
  {
    name: '429 for the content',
    prepare: overridden((_, path) => (path.includes('/blobs/') ? { status: 429, body: 'slow down' } : null)),
    verdict: 'faulty',
    cause: 'rate-limited',
  },
  {
    name: '429 for the token',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users: {}, publicRepositories: ['team/app'] } });
      registry.override = (_, path) => (path === '/token' ? { status: 429, body: 'Too Many Requests' } : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'rate-limited',
  },
  {
    name: '200 and no pull left',
    prepare: async (stage) =>
      app(await stage.registry({ headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' } })),
    verdict: 'degraded',
    cause: 'rate-limited',
  },
  {
    name: 'TOOMANYREQUESTS with another status',
    prepare: overridden((_, path) =>
      path.includes('/manifests/') ? json(403, errorBody('TOOMANYREQUESTS', 'pull rate limit')) : null,
    ),
    verdict: 'faulty',
    cause: 'rate-limited',
  },
  {
    name: 'it closes before it answers',
    prepare: overridden(() => ({ status: 200, manner: 'close' })),
    verdict: 'faulty',
    cause: 'registry-error',
  },
  {
    name: 'it takes the request and never answers',
    prepare: overridden(() => ({ status: 200, manner: 'silent' })),
    verdict: 'faulty',
    cause: 'registry-timeout',
    confidence: 'proven',
  },
  {
    name: 'it hangs in the middle of the manifest',
    prepare: overridden((method, path) =>
      method === 'GET' && path.includes('/manifests/')
        ? { ...json(200, '{"schemaVersion":2,"layers":[]}'), manner: 'stall' }
        : null,
    ),
    verdict: 'faulty',
    cause: 'registry-timeout',
  },
  {
    name: 'it ends in the middle of the manifest',
    prepare: overridden((method, path) =>
      method === 'GET' && path.includes('/manifests/')
        ? { ...json(200, '{"schemaVersion":2,"layers":[]}'), manner: 'cut' }
        : null,
    ),
    verdict: 'faulty',
    cause: ['registry-error', 'unknown'],
  },
  {
    name: '400 in the protocol’s form: something that is not known here',
    prepare: overridden((_, path) =>
      path.includes('/manifests/') ? json(400, errorBody('UNSUPPORTED', 'the operation is unsupported')) : null,
    ),
    verdict: 'faulty',
    cause: 'unknown',
    confidence: 'possible',
  },
  {
    name: '405 to HEAD, GET is fine',
    prepare: overridden((method) => (method === 'HEAD' ? { status: 405 } : null)),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: '403 to HEAD, GET is fine: containerd resolves by HEAD',
    prepare: overridden((method) => (method === 'HEAD' ? { status: 403 } : null)),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
    says: /HEAD/,
    never: ['access-denied', 'credentials-missing', 'repository-not-found-or-private'],
  },
  {
    name: '403 to HEAD, GET is fine, with CRI-O, which asks by GET',
    async prepare(stage) {
      const asked = await overridden((method) => (method === 'HEAD' ? { status: 403 } : null))(stage);
      return { ...asked, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: '404 to HEAD, GET is fine',
    prepare: overridden((method) => (method === 'HEAD' ? { status: 404 } : null)),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
    never: ['tag-not-found', 'repository-not-found'],
  },
  {
    name: '500 to HEAD, GET is fine',
    prepare: overridden((method) => (method === 'HEAD' ? { status: 500 } : null)),
    verdict: 'faulty',
    cause: 'registry-error',
  },
  {
    name: 'HEAD hangs, GET is fine',
    prepare: overridden((method) => (method === 'HEAD' ? { status: 200, manner: 'silent' } : null)),
    verdict: 'faulty',
    cause: 'registry-timeout',
  },
  {
    name: 'a manifest that is kept elsewhere',
    async prepare(stage) {
      const real = await stage.registry();
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/manifests/')
          ? { status: 307, headers: { location: `https://mirror.test:${real.port}${path}` } }
          : null;
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'everything is kept elsewhere (registry.k8s.io)',
    async prepare(stage) {
      const real = await stage.registry();
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path === '/v2/' ? null : { status: 307, headers: { location: `https://cdn.test:${real.port}${path}` } };
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a manifest that is kept where nothing listens',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/manifests/') ? { status: 307, headers: { location: `https://cdn.test:1${path}` } } : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: ['tcp-refused', 'blob-unreachable'],
    says: /cdn\.test/,
    saysNot: /manifest comes/,
  },
  {
    name: 'a manifest that is kept elsewhere, and is not there',
    async prepare(stage) {
      const real = await stage.registry({ repositories: {} });
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/manifests/')
          ? { status: 307, headers: { location: `https://mirror.test:${real.port}${path}` } }
          : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: ['repository-not-found', 'tag-not-found', 'unknown'],
  },
  {
    name: 'redirects without an end',
    prepare: overridden((_, path) =>
      path.startsWith('/v2/team') ? { status: 307, headers: { location: path } } : null,
    ),
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'registry-error', 'unknown'],
  },
];

async function fetchLoopback(
  port: number,
  method: string,
  path: string,
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, servername: 'registry.test', ca: stagePki.root.pem };
    const sent = request(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const headers: Record<string, string> = {};
        for (const name of ['content-type', 'docker-content-digest', 'content-length']) {
          const value = answer.headers[name];
          if (typeof value === 'string') headers[name] = value;
        }
        resolve({ status: answer.statusCode ?? 500, headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
