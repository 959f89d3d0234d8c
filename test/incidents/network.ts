import { makeCertificate } from '../kit/certificates.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';
import { startProxyServer } from '../kit/proxy-server.ts';
import { closedPort, startTcpServer } from '../kit/tcp-server.ts';
import { certsDirectory, nameserver, pki, repositories, type Staged, staged, trust } from './stage.ts';

const day = 86_400_000;
const days = (count: number): Date => new Date(Date.now() + count * day);
const names = ['registry.test', 'mirror.test'];
const issuer = pki.root;

/** A certificate of the node's own authority for this time. */
const within = (notBefore: Date, notAfter: Date) => {
  const made = makeCertificate({ commonName: 'registry.test', names, issuer, notBefore, notAfter });
  return { cert: made.chainPem, key: made.keyPem };
};
const good = { cert: pki.leaf.chainPem, key: pki.leaf.keyPem };

/** Faults of the network between a node and its registry, on loopback. */
export const networkIncidents: Readonly<Record<string, () => Promise<Staged>>> = {
  'proxy-opens-tls': async () => {
    const registry = await startFakeRegistry({ repositories, tls: good });
    const strange = { cert: pki.strange.chainPem, key: pki.strange.keyPem };
    const gate = await startFakeRegistry({ repositories, tls: strange });
    const proxy = await startProxyServer(() => ({ kind: 'tunnel', port: gate.port }));
    const dns = await nameserver();
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, gate, proxy, dns],
      { nameservers: [dns], files: trust, environment: { HTTPS_PROXY: `http://proxy.test:${proxy.port}` } },
      { [registry.port]: '5000', [dns.port]: '5353', [proxy.port]: '3128' },
    );
  },
  'clock-ahead': async () => {
    const tls = within(days(-30), days(5));
    const registry = await startFakeRegistry({ repositories, tls });
    const mirror = await startFakeRegistry({ repositories, tls });
    const dns = await nameserver();
    const host = `registry.test:${registry.port}`;
    const hosts = `server = "https://${host}"\n[host."https://mirror.test:${mirror.port}"]\n  capabilities = ["pull", "resolve"]\n`;
    const files = { ...trust, ...certsDirectory, [`etc/containerd/certs.d/${host}/hosts.toml`]: hosts };
    const ports = { [registry.port]: '5000', [mirror.port]: '5001', [dns.port]: '5353' };
    const servers = [registry, mirror, dns];
    return { ...staged(`${host}/team/app:1.27.3`, servers, { nameservers: [dns], files }, ports), aheadMs: 10 * day };
  },
  'certificate-of-next-week': () => presenting(within(days(7), days(90))),
  'certificate-ends-soon': () => presenting(within(days(-80), days(5))),
  'large-packets-vanish': async () => {
    // What a black hole does: a hello of one packet gets an alert, of a larger answer nothing arrives.
    const server = await startTcpServer((socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk.length < 120) socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 70]));
      });
    });
    const dns = await nameserver();
    return staged(
      `registry.test:${server.port}/team/app:1.27.3`,
      [server, dns],
      { nameservers: [dns], files: trust },
      { [server.port]: '5000', [dns.port]: '5353' },
    );
  },
  'one-of-two-addresses-dead': async () => {
    const registry = await startFakeRegistry({ repositories, tls: good });
    const dns = await nameserver(['127.0.0.1', '127.0.0.9']);
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, dns],
      { nameservers: [dns], files: trust },
      { [registry.port]: '5000', [dns.port]: '5353' },
    );
  },
  'only-the-proxy-gets-through': async () => {
    const registry = await startFakeRegistry({ repositories, tls: good });
    const proxy = await startProxyServer(() => ({ kind: 'tunnel', port: registry.port }));
    const closed = await closedPort();
    const dns = await nameserver();
    const files = { ...trust, 'etc/environment': `HTTPS_PROXY=http://proxy.test:${proxy.port}\n` };
    return staged(
      `registry.test:${closed}/team/app:1.27.3`,
      [registry, proxy, dns],
      { nameservers: [dns], files },
      { [closed]: '5000', [dns.port]: '5353', [proxy.port]: '3128' },
    );
  },
  'proxy-in-quotes': async () => {
    const dns = await nameserver();
    return staged(
      'registry.test/team/app:1.27.3',
      [dns],
      { nameservers: [dns], files: trust, environment: { HTTPS_PROXY: '"http://proxy.test:3128"' } },
      { [dns.port]: '5353' },
    );
  },
  'registry-never-answers': async () => {
    const registry = await startFakeRegistry({ repositories, tls: good });
    registry.override = { status: 200, manner: 'silent' };
    const dns = await nameserver();
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, dns],
      { nameservers: [dns], files: trust },
      { [registry.port]: '5000', [dns.port]: '5353' },
    );
  },
  'address-not-wanted': async () => {
    const refusing = await startFakeRegistry({ repositories, tls: good });
    const body = JSON.stringify({
      errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }],
    });
    const headers = { 'content-type': 'application/json' };
    refusing.override = (_, path) => (path.includes('/manifests/') ? { status: 403, headers, body } : null);
    const serving = await startFakeRegistry({ repositories, tls: good });
    const proxy = await startProxyServer(() => ({ kind: 'tunnel', port: serving.port }));
    const dns = await nameserver();
    const files = { ...trust, 'etc/environment': `HTTPS_PROXY=http://proxy.test:${proxy.port}\n` };
    return staged(
      `registry.test:${refusing.port}/team/app:1.27.3`,
      [refusing, serving, proxy, dns],
      { nameservers: [dns], files },
      { [refusing.port]: '5000', [dns.port]: '5353', [proxy.port]: '3128' },
    );
  },
};

/** A registry with this certificate. */
async function presenting(tls: { readonly cert: string; readonly key: string }): Promise<Staged> {
  const registry = await startFakeRegistry({ repositories, tls });
  const dns = await nameserver();
  return staged(
    `registry.test:${registry.port}/team/app:1.27.3`,
    [registry, dns],
    { nameservers: [dns], files: trust },
    { [registry.port]: '5000', [dns.port]: '5353' },
  );
}
