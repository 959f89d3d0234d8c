// Records the incidents of this folder again: each is an investigation of a real fault on loopback, as `pullwhy diagnose
// -o json` prints it, with the ports made readable. `node test/incidents/record.ts && npm run format`, and look at what changed.
import { mkdir, writeFile } from 'node:fs/promises';
import { investigate } from '../../src/engine/investigate.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { dnsAnswer, startDnsServer } from '../kit/dns-server.ts';
import { grpcCodes, startFakeCri } from '../kit/fake-cri.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';
import { makeNode } from '../kit/node-folder.ts';
import { startProxyServer } from '../kit/proxy-server.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { compositeIncidents } from './composites.ts';
import { credentialIncidents } from './credentials.ts';
import { networkIncidents } from './network.ts';
import { certsDirectory, nameserver, pki, repositories, type Staged, staged, trust } from './stage.ts';

const incidents: Readonly<Record<string, () => Promise<Staged>>> = {
  'tag-misspelt': async () => {
    const registry = await startFakeRegistry({ repositories });
    return staged(`127.0.0.1:${registry.port}/team/app:1.72.3`, [registry], {}, { [registry.port]: '5000' });
  },
  'certificate-expired': async () => {
    const { expired } = pki;
    const registry = await startFakeRegistry({ repositories, tls: { cert: expired.chainPem, key: expired.keyPem } });
    const dns = await nameserver();
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, dns],
      { nameservers: [dns], files: trust },
      { [registry.port]: '5000', [dns.port]: '5353' },
    );
  },
  'mirror-dead': async () => {
    const registry = await startFakeRegistry({ repositories });
    const mirror = await closedPort();
    const host = `127.0.0.1:${registry.port}`;
    const hosts = `server = "http://${host}"\n[host."http://127.0.0.1:${mirror}"]\n  capabilities = ["pull", "resolve"]\n`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry],
      { files: { ...certsDirectory, [`etc/containerd/certs.d/${host}/hosts.toml`]: hosts } },
      { [registry.port]: '5000', [mirror]: '5001' },
    );
  },
  'token-service-refuses': async () => {
    const realm = await closedPort();
    const registry = await startFakeRegistry({
      repositories,
      token: { users: {}, realm: `https://127.0.0.1:${realm}/token` },
    });
    return staged(
      `127.0.0.1:${registry.port}/team/app:1.27.3`,
      [registry],
      {},
      { [registry.port]: '5000', [realm]: '5001' },
    );
  },
  'layers-elsewhere-refused': async () => {
    const content = await closedPort();
    const registry = await startFakeRegistry({ repositories, blobOrigin: `http://127.0.0.1:${content}` });
    return staged(
      `127.0.0.1:${registry.port}/team/app:1.27.3`,
      [registry],
      {},
      { [registry.port]: '5000', [content]: '9000' },
    );
  },
  'second-nameserver-knows': async () => {
    const registry = await startFakeRegistry({ repositories, tls: { cert: pki.leaf.chainPem, key: pki.leaf.keyPem } });
    const ignorant = await startDnsServer((query) => [dnsAnswer(query, { rcode: 3 })]);
    const dns = await nameserver();
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, ignorant, dns],
      { nameservers: [ignorant, dns], files: trust },
      { [registry.port]: '5000', [ignorant.port]: '5353', [dns.port]: '5354' },
    );
  },
  'no-proxy-lacks-it': async () => {
    const registry = await startFakeRegistry({ repositories, tls: { cert: pki.leaf.chainPem, key: pki.leaf.keyPem } });
    const dns = await nameserver();
    const bytes = 'HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 0\r\n\r\n';
    const proxy = await startProxyServer(() => ({ kind: 'say', bytes }));
    return staged(
      `registry.test:${registry.port}/team/app:1.27.3`,
      [registry, dns, proxy],
      { nameservers: [dns], files: trust, environment: { HTTPS_PROXY: `http://proxy.test:${proxy.port}` } },
      { [registry.port]: '5000', [dns.port]: '5353', [proxy.port]: '3128' },
    );
  },
  'runtime-fails-alone': async () => {
    const registry = await startFakeRegistry({ repositories });
    const host = `127.0.0.1:${registry.port}`;
    const words = `failed to pull and unpack image "${host}/team/app:1.27.3": failed to extract layer sha256:1: mount callback failed on /var/lib/containerd/tmpmounts/m1: write /var/lib/containerd/tmpmounts/m1/x: no space left on device`;
    const cri = await startFakeCri({ PullImage: () => ({ code: grpcCodes.unknown, message: words }) });
    return staged(
      `${host}/team/app:1.27.3`,
      [registry, cri],
      { runtimeEndpoint: cri.endpoint, pull: true },
      { [registry.port]: '5000', [cri.path]: '/run/containerd/containerd.sock' },
    );
  },
  'all-well': async () => {
    const registry = await startFakeRegistry({ repositories });
    return staged(`127.0.0.1:${registry.port}/team/app:1.27.3`, [registry], {}, { [registry.port]: '5000' });
  },
};

// Only those that are named, when some are: `node test/incidents/record.ts mirror-dead`.
const wanted = process.argv.slice(2);
for (const [name, stage] of Object.entries({
  ...incidents,
  ...networkIncidents,
  ...compositeIncidents,
  ...credentialIncidents,
})) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { options, close, names, aheadMs = 0 } = await stage();
  const node = await makeNode(options);
  const document = await investigate(node.plan, {
    env: { ...systemEnv, now: () => systemEnv.now() + aheadMs },
    node: 'worker-3',
    pull: options.pull === true,
    deadlineMs: 10_000,
    pullDeadlineMs: 10_000,
    signal: new AbortController().signal,
  });
  await node.close();
  for (const end of close) await end();
  let text = JSON.stringify(document, null, 1).replaceAll(/"?[^" ]*\/outside\//g, (found) =>
    found.startsWith('"') ? '"/root/' : '/root/',
  );
  for (const [from, to] of Object.entries(names)) text = text.replaceAll(from, to);
  const folder = new URL(`${name}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('investigation.json', folder), `${text}\n`);
  const { verdict, cause, confidence, underlying, findings } = document;
  const also = findings.slice(1).map((finding) => finding.underlying ?? finding.cause);
  await writeFile(
    new URL('expected.json', folder),
    `${JSON.stringify({ verdict, cause, confidence, underlying, ...(also.length === 0 ? {} : { also }) }, null, 1)}\n`,
  );
}
