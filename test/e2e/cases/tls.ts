import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { daysFromNow, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate, stagePki } from '../../kit/diagnose-stage.ts';
import { portOf, startNameFilter, startTcpServer } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const strange = makeCertificate({ commonName: 'Strange Root', ca: true, notAfter: daysFromNow(999) });
const past = { notBefore: daysFromNow(-30), notAfter: daysFromNow(-3) };

function presenting(options: Parameters<typeof stageCertificate>[0]) {
  return async (stage: Stage) => app(await stage.registry({ tls: stageCertificate(options) }));
}

/** A TLS server with these options that answers nothing. */
function tlsServer(options: Parameters<typeof createServer>[0]) {
  return async (stage: Stage) => {
    const server = createServer({ cert: stagePki.leaf.chainPem, key: stagePki.leaf.keyPem, ...options });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.defer(async () => void server.close());
    return { image: `registry.test:${portOf(server)}/team/app:1` };
  };
}

/** The way to the registry has a filter that does so with connections that name it; a proxy known here may go past it. */
function filtered(handle: (socket: Socket) => void, known = false) {
  return async (stage: Stage) => {
    // Of the size that certificates of public registries have: a small one proves nothing of large packets.
    const names = ['registry.test', ...Array.from({ length: 60 }, (_, index) => `host-${index}.registry.example`)];
    const registry = await stage.registry({ tls: stageCertificate({ names }) });
    const filter = await startNameFilter(registry.port, 'registry.test', handle);
    stage.defer(() => filter.close());
    if (!known) return app(filter);
    const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
    await stage.file('etc/environment', `HTTPS_PROXY=http://proxy.test:${proxy.port}\n`);
    return app(filter, await stage.proxyEnv(''));
  };
}

/** Certificates, and what is no TLS. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'expired',
    prepare: presenting(past),
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    confidence: 'proven',
    says: /registry\.test/,
    never: ['clock-skew'],
    ruledOut: ['dns', 'tcp'],
    notRuledOut: ['registry', 'manifest', 'tls'],
  },
  {
    name: 'not valid yet',
    prepare: presenting({ notBefore: daysFromNow(2), notAfter: daysFromNow(30) }),
    verdict: 'faulty',
    cause: 'tls-certificate-not-yet-valid',
  },
  {
    name: 'an authority that is not trusted',
    prepare: presenting({ issuer: strange }),
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    says: /Strange Root/,
  },
  {
    name: 'self-signed',
    async prepare(stage) {
      const made = makeCertificate({ commonName: 'registry.test', names: ['registry.test'] });
      return app(await stage.registry({ tls: { cert: made.pem, key: made.keyPem } }));
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    says: /self-signed/,
  },
  {
    name: 'another name',
    prepare: presenting({ names: ['other.test'] }),
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    says: /other\.test/,
  },
  {
    name: 'a common name alone',
    prepare: presenting({ names: [] }),
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
  },
  {
    name: 'expired, another name and an unknown authority: Go looks at the time first',
    prepare: presenting({ ...past, names: ['other.test'], issuer: strange }),
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
  },
  {
    name: 'another name and an unknown authority: Go looks at the name first',
    prepare: presenting({ names: ['other.test'], issuer: strange }),
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
  },
  {
    name: 'the intermediate is not sent',
    async prepare(stage) {
      const between = makeCertificate({ commonName: 'Between', ca: true, issuer: stagePki.root });
      const leaf = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: between });
      return app(await stage.registry({ tls: { cert: leaf.pem, key: leaf.keyPem } }));
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
  },
  {
    name: 'the intermediate has expired',
    async prepare(stage) {
      const between = makeCertificate({ commonName: 'Between', ca: true, issuer: stagePki.root, ...past });
      const leaf = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: between });
      return app(await stage.registry({ tls: { cert: leaf.chainPem, key: leaf.keyPem } }));
    },
    verdict: 'faulty',
    cause: ['tls-certificate-expired', 'tls-unknown-authority'],
  },
  {
    name: 'it ends in three days',
    prepare: presenting({ notAfter: daysFromNow(3) }),
    verdict: 'degraded',
    cause: 'tls-certificate-expiring',
    confidence: 'proven',
    endpoints: ['healthy'],
  },
  {
    name: 'a CA that hosts.toml names',
    async prepare(stage) {
      const registry = await stage.registry({ tls: stageCertificate({ issuer: strange }) });
      await stage.file('etc/containerd/strange.crt', strange.pem);
      await stage.hosts(
        `registry.test:${registry.port}`,
        `server = "https://registry.test:${registry.port}"\nca = "/etc/containerd/strange.crt"\n`,
      );
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'verification switched off in hosts.toml',
    async prepare(stage) {
      const registry = await stage.registry({ tls: stageCertificate({ ...past, issuer: strange }) });
      await stage.hosts(
        `registry.test:${registry.port}`,
        `server = "https://registry.test:${registry.port}"\nskip_verify = true\n`,
      );
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'plain HTTP where TLS is spoken to',
    prepare: async (stage) => app(await stage.registry({ tls: null })),
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'proven',
  },
  {
    name: 'TLS where plain HTTP is spoken to',
    async prepare(stage) {
      const registry = await stage.registry();
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'http-on-https',
  },
  {
    name: 'TLS 1.1 and older',
    prepare: tlsServer({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
  },
  {
    name: 'a client certificate is wanted (TLS 1.2)',
    prepare: tlsServer({ requestCert: true, ca: stagePki.root.pem, maxVersion: 'TLSv1.2' }),
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
  },
  {
    name: 'a client certificate is wanted (TLS 1.3)',
    prepare: tlsServer({ requestCert: true, ca: stagePki.root.pem }),
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
  },
  {
    name: 'closed in the middle of the handshake',
    async prepare(stage) {
      const server = await startTcpServer((socket) => socket.once('data', () => socket.end()));
      stage.defer(() => server.close());
      return app(server);
    },
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
  },
  {
    name: 'silent in the middle of the handshake',
    prepare: async (stage) => ({ image: `registry.test:${await stage.silentPort()}/team/app:1` }),
    verdict: 'faulty',
    cause: ['tls-handshake-failed', 'mtu-black-hole'],
  },
  {
    name: 'silence to who names the server, by a filter of names that lets anybody else through',
    prepare: filtered(() => undefined),
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    confidence: 'proven',
    says: /registry\.test.*a handshake that names it gets no answer, and one that names nobody does/,
    never: ['mtu-black-hole'],
  },
  {
    name: 'a filter of names resets',
    prepare: filtered((socket) => socket.resetAndDestroy()),
    verdict: 'faulty',
    cause: 'tcp-reset',
  },
  {
    name: 'a filter of names resets, and a proxy that the node knows gets through',
    prepare: filtered((socket) => socket.resetAndDestroy(), true),
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    never: ['tcp-reset', 'tls-handshake-failed'],
  },
  {
    name: 'a filter of names is silent, and a proxy that the node knows gets through',
    prepare: filtered(() => undefined, true),
    verdict: 'faulty',
    cause: 'proxy-required',
    never: ['mtu-black-hole', 'tls-handshake-failed'],
  },
  {
    name: 'reset as soon as something is said',
    async prepare(stage) {
      const server = await startTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
      stage.defer(() => server.close());
      return app(server);
    },
    verdict: 'faulty',
    cause: ['tcp-reset', 'tls-handshake-failed'],
  },
  {
    name: 'an empty trust store',
    async prepare(stage) {
      await stage.file('etc/ssl/certs/ca-certificates.crt', '');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
  },
  {
    name: 'localhost on another port: plain HTTP is fallen back to',
    prepare: async (stage) => ({ image: `localhost:${(await stage.registry({ tls: null })).port}/team/app:1` }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'localhost with a certificate that nobody trusts: not verified there',
    prepare: async (stage) => ({
      image: `localhost:${(await stage.registry({ tls: stageCertificate({ issuer: strange }) })).port}/team/app:1`,
    }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'an IPv6 literal',
    async prepare(stage) {
      const registry = await stage.registry({ address: '::1' });
      return { image: `[::1]:${registry.port}/team/app:1` };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'CRI-O and an insecure registry that speaks plain HTTP',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nlocation = "registry.test:${registry.port}"\ninsecure = true\n`,
      );
      return app(registry, ['--runtime', 'cri-o']);
    },
    verdict: 'healthy',
    cause: null,
  },
];
