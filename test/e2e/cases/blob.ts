import { daysFromNow } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate } from '../../kit/diagnose-stage.ts';
import { type FakeAnswer, type FakeRegistry, fakeAnswers, withForeignLayer } from '../../kit/fake-registry.ts';
import { app, overridden } from './shared.ts';

const blobs = (answer: FakeAnswer) => overridden((_, path) => (path.includes('/blobs/') ? answer : null));

/** Content lies at `origin`. */
function kept(origin: (stage: Stage) => Promise<string>, args: readonly string[] = []) {
  return async (stage: Stage) => app(await stage.registry({ blobOrigin: await origin(stage) }), args);
}

/** Content lies at cdn.test, which answers as told. */
function cdn(override: FakeRegistry['override'] = null, tls?: { cert: string; key: string } | null) {
  return kept(async (stage) => {
    const host = await stage.registry(tls === undefined ? {} : { tls });
    host.override = override;
    return `${tls === null ? 'http' : 'https'}://cdn.test:${host.port}`;
  });
}

/** A layer of the image lies at these URLs, and not in the registry. */
function foreign(urls: readonly string[]) {
  return async (stage: Stage) => {
    const repositories = { 'team/app': { '1': withForeignLayer(stage.image, urls) } };
    return app(await stage.registry({ repositories }));
  };
}

/** What lies behind the manifest. */
export const cases: readonly DiagnoseCase[] = [
  { name: 'content at another host', prepare: cdn(), verdict: 'healthy', cause: null, ruledOut: ['blob', 'tls'] },
  { name: 'content at another host over plain HTTP', prepare: cdn(null, null), verdict: 'healthy', cause: null },
  {
    name: 'a layer with URLs of its own, which the registry need not have',
    prepare: foreign(['https://download.test/layer']),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a layer with URLs of its own that are none of the web',
    prepare: foreign(['ftp://download.test/layer']),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    says: /404/,
  },
  {
    name: '404',
    prepare: blobs({ status: 404 }),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    never: ['tag-not-found'],
    says: /404/,
  },
  {
    name: '403',
    prepare: blobs({ status: 403 }),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    says: /403/,
    never: ['access-denied'],
  },
  {
    name: '500',
    prepare: blobs({ status: 500 }),
    verdict: 'faulty',
    cause: ['blob-unreachable', 'registry-error'],
    says: /500/,
  },
  {
    name: 'cut in the middle',
    async prepare(stage) {
      const registry = await stage.registry();
      const config = stage.image.content[0];
      registry.override = (_, path) =>
        path.includes('/blobs/') ? { status: 200, body: config?.bytes ?? '', manner: 'cut' } : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
  },
  {
    name: 'hangs in the middle',
    async prepare(stage) {
      const registry = await stage.registry();
      const config = stage.image.content[0];
      registry.override = (_, path) =>
        path.includes('/blobs/') ? { status: 200, body: config?.bytes ?? '', manner: 'stall' } : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-timeout',
  },
  {
    name: 'never answers',
    prepare: blobs({ status: 200, manner: 'silent' }),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-timeout',
  },
  {
    name: 'the layer’s bytes are others',
    async prepare(stage) {
      const registry = await stage.registry();
      const layer = stage.image.content[1];
      registry.override = (_, path) =>
        path.endsWith(layer?.digest ?? '-') ? { status: 200, body: Buffer.alloc(layer?.bytes.length ?? 0, 'x') } : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'digest-mismatch',
    confidence: 'proven',
  },
  {
    name: 'an empty answer',
    prepare: blobs({ status: 200, body: '' }),
    verdict: 'faulty',
    cause: ['blob-unreachable', 'digest-mismatch'],
  },
  {
    name: 'a page',
    prepare: blobs(fakeAnswers.captivePortal),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-invalid-response',
  },
  {
    name: 'redirects without an end',
    prepare: overridden((_, path) => (path.includes('/blobs/') ? { status: 307, headers: { location: path } } : null)),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-invalid-response',
  },
  {
    name: 'a redirect to nowhere',
    prepare: overridden((_, path) => (path.includes('/blobs/') ? { status: 307 } : null)),
    verdict: 'faulty',
    cause: 'blob-unreachable',
  },
  {
    name: 'nothing listens at the content’s host',
    prepare: kept(async () => 'https://cdn.test:1'),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'tcp-refused',
    confidence: 'proven',
    says: /cdn\.test/,
    ruledOut: ['dns', 'tls', 'manifest'],
    endpoints: ['faulty'],
  },
  {
    name: 'the content’s host has no address',
    prepare: kept(async () => 'https://bucket.example'),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'dns-name-not-found',
    says: /bucket\.example/,
  },
  {
    name: 'the certificate of the content’s host has expired',
    prepare: cdn(null, stageCertificate({ notBefore: daysFromNow(-30), notAfter: daysFromNow(-3) })),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'tls-certificate-expired',
    says: /cdn\.test/,
  },
  {
    name: 'the signed URL has expired',
    prepare: cdn(fakeAnswers.s3Expired),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    says: /cdn\.test.*403/,
    never: ['access-denied', 'credentials-rejected'],
  },
  {
    name: 'the content’s host limits',
    prepare: cdn({ status: 429 }),
    verdict: 'faulty',
    cause: 'rate-limited',
    says: /cdn\.test/,
  },
  {
    name: 'the content’s host fails',
    prepare: cdn({ status: 503 }),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-error',
    says: /cdn\.test/,
  },
  {
    name: 'the content’s host closes',
    prepare: cdn({ status: 200, manner: 'close' }),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-error',
  },
  {
    name: 'the content’s host, by a proxy that refuses it',
    async prepare(stage) {
      const registry = await stage.registry({ blobOrigin: 'https://bucket.example' });
      const proxy = await stage.proxy((request) =>
        request.target.startsWith('registry.test')
          ? { kind: 'tunnel', port: registry.port }
          : { kind: 'say', bytes: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n' },
      );
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'proxy-denied',
    says: /bucket\.example/,
  },
  {
    name: 'two redirects, the second host is dead',
    async prepare(stage) {
      const first = await stage.registry();
      first.override = { status: 302, headers: { location: 'https://mirror2.test:1/x' } };
      return app(await stage.registry({ blobOrigin: `https://cdn.test:${first.port}` }));
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'tcp-refused',
    says: /mirror2\.test/,
  },
];
