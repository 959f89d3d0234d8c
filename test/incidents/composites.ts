import { fakeAnswers, startFakeRegistry } from '../kit/fake-registry.ts';
import { startProxyServer } from '../kit/proxy-server.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { certsDirectory, nameserver, pki, repositories, type Staged, staged, trust } from './stage.ts';

/** Two and three faults at once: what stops the runtime first is primary, and the others are told. */
export const compositeIncidents: Readonly<Record<string, () => Promise<Staged>>> = {
  'two-faults-wrong-secret-and-dead-mirror': async () => {
    const registry = await startFakeRegistry({ repositories, basic: { app: 'right' } });
    const mirror = await closedPort();
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry],
      {
        files: { ...certsDirectory, ...mirrored(host, mirror) },
        credentials: { [host]: { username: 'app', password: 'wrong' } },
      },
      { [registry.port]: '5000', [mirror]: '5001' },
    );
  },
  'two-faults-proxy-password-and-expired': async () => {
    const { expired } = pki;
    const registry = await startFakeRegistry({ repositories, tls: { cert: expired.chainPem, key: expired.keyPem } });
    const dns = await nameserver();
    const bytes =
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="gate"\r\nContent-Length: 0\r\n\r\n';
    const proxy = await startProxyServer(() => ({ kind: 'say', bytes }));
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, dns, proxy],
      { nameservers: [dns], files: trust, environment: { HTTPS_PROXY: `http://proxy.test:${proxy.port}` } },
      { [registry.port]: '5000', [dns.port]: '5353', [proxy.port]: '3128' },
    );
  },
  'two-faults-limit-and-mirror-503': async () => {
    const registry = await startFakeRegistry({ repositories });
    registry.override = (_, path) => (path.includes('/manifests/') ? fakeAnswers.hubRateLimit : null);
    const mirror = await startFakeRegistry({});
    mirror.override = { status: 503 };
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry, mirror],
      { files: { ...certsDirectory, ...mirrored(host, mirror.port) } },
      { [registry.port]: '5000', [mirror.port]: '5001' },
    );
  },
  'two-faults-page-at-mirror-and-no-tag': async () => {
    const registry = await startFakeRegistry({ repositories });
    const mirror = await startFakeRegistry({});
    mirror.override = { status: 200, headers: { 'content-type': 'text/html' }, body: '<title>Log in</title>' };
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.9`,
      [registry, mirror],
      { files: { ...certsDirectory, ...mirrored(host, mirror.port) } },
      { [registry.port]: '5000', [mirror.port]: '5001' },
    );
  },
  'two-faults-nameserver-and-refused': async () => {
    const registry = await closedPort();
    const dead = { address: '127.0.0.1', port: await closedPort() };
    const dns = await nameserver();
    return staged(
      `registry.test:${registry}/team/app:1.27.3`,
      [dns],
      { nameservers: [dead, dns] },
      { [registry]: '5000', [dead.port]: '5353', [dns.port]: '5354' },
    );
  },
  'three-faults-at-three-endpoints': async () => {
    const registry = await startFakeRegistry({ repositories, token: { users: {}, realm: 'http://127.0.0.1:1/token' } });
    const first = await closedPort();
    const second = await startFakeRegistry({});
    second.override = { status: 200, headers: {}, body: '', manner: 'close' };
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry, second],
      { files: { ...certsDirectory, ...mirrored(host, first, second.port) } },
      { [registry.port]: '5000', [first]: '5001', [second.port]: '5002' },
    );
  },
};

/** A hosts.toml that names these ports of loopback before the registry itself. */
function mirrored(host: string, ...ports: readonly number[]): Readonly<Record<string, string>> {
  const tables = ports.map((port) => `[host."http://127.0.0.1:${port}"]\n  capabilities = ["pull", "resolve"]\n`);
  return { [`etc/containerd/certs.d/${host}/hosts.toml`]: `server = "http://${host}"\n${tables.join('')}` };
}
