import assert from 'node:assert/strict';
import type { MadeCertificate } from '../kit/certificates.ts';
import { observe } from '../kit/node-folder.ts';
import { repositories, trusting, useServers } from './servers.ts';

describe('probes: tls', () => {
  const servers = useServers();

  /** A registry with this certificate, looked at from a node that trusts the test's authority. */
  const shake = async (made: MadeCertificate, files: Record<string, string> = {}) => {
    const registry = await servers.registry({ repositories, tls: { cert: made.chainPem, key: made.keyPem } });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({
      image: `registry.test:${registry.port}/team/app:1.0`,
      nameservers: [dns],
      files: { ...trusting(servers.pki), ...files },
    });
    const own = of('tls').filter(({ counterfactual }) => !counterfactual);
    assert.equal(own.length, 1);
    return { tls: own[0], of, port: registry.port };
  };

  it('keeps the whole chain and the anchor of a good handshake', async () => {
    const { tls } = await shake(servers.pki.leaf);
    assert.equal(tls?.status, 'ok');
    assert.deepEqual(
      tls.facts.chain.map(({ subject }) => /CN=([^,/]+)/.exec(subject)?.[1]),
      ['registry.test', 'Pullwhy Test Intermediate'],
    );
    assert.match(tls.facts.anchor ?? '', /Pullwhy Test Root/);
    assert.deepEqual([tls.facts.protocol, tls.facts.verificationOff], ['TLSv1.3', false]);
  });

  const bad = [
    { which: 'expired', code: 'tls-expired' },
    { which: 'notYetValid', code: 'tls-not-yet-valid' },
    { which: 'wrongName', code: 'tls-hostname' },
    { which: 'commonNameOnly', code: 'tls-hostname' },
    { which: 'selfSigned', code: 'tls-unknown-authority' },
    { which: 'strange', code: 'tls-unknown-authority' },
  ] as const;
  for (const { which, code } of bad) {
    it(`names what is wrong with it: ${which}`, async () => {
      const { tls } = await shake(servers.pki[which]);
      assert.deepEqual([tls?.status, tls?.error?.code], ['failed', code]);
      assert.ok((tls?.facts.chain.length ?? 0) > 0, 'the chain is kept all the same');
      assert.equal(tls?.facts.failedChecks[0], code);
    });
  }

  it("adds the endpoint's own CA file to the trust store", async () => {
    const { pki } = servers;
    const registry = await servers.registry({ tls: { cert: pki.strange.chainPem, key: pki.strange.keyPem } });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const host = `registry.test:${registry.port}`;
    const folder = `etc/containerd/certs.d/${host}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      nameservers: [dns],
      files: {
        ...trusting(pki),
        'etc/containerd/config.toml':
          'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
        [`${folder}/hosts.toml`]: `server = "https://${host}"\n[host."https://${host}"]\n  ca = "own.crt"\n`,
        [`${folder}/own.crt`]: pki.strangeRoot.pem,
      },
    });
    assert.ok(of('tls').length > 0);
    for (const { facts } of of('tls').filter(({ status }) => status === 'ok'))
      assert.match(facts.anchor ?? '', /Strange Root/);
    assert.ok(of('tls').some(({ status }) => status === 'ok'));
  });

  it('does not verify where the node says so, and says that', async () => {
    const { pki } = servers;
    const registry = await servers.registry({ tls: { cert: pki.expired.chainPem, key: pki.expired.keyPem } });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const host = `registry.test:${registry.port}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      nameservers: [dns],
      files: {
        ...trusting(pki),
        'etc/containerd/config.toml':
          'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
        [`etc/containerd/certs.d/${host}/hosts.toml`]: `server = "https://${host}"\n[host."https://${host}"]\n  skip_verify = true\n`,
      },
    });
    const open = of('tls').find(({ status }) => status === 'ok');
    assert.equal(open?.facts.verificationOff, true);
  });

  it('tells plain text, and keeps how it begins', async () => {
    const plain = await servers.registry();
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({ image: `registry.test:${plain.port}/team/app:1.0`, nameservers: [dns] });
    const [tls] = of('tls');
    assert.equal(tls?.error?.code, 'tls-plain-answer');
    assert.match(tls.facts.plainAnswer ?? '', /^HTTP\/1\.1 400/);
  });

  it('tells a peer that hangs up in the middle, and one that resets', async () => {
    for (const [end, codes] of [
      ['end', ['closed', 'reset']],
      ['reset', ['reset']],
    ] as const) {
      const server = await servers.tcp((socket, index) => {
        if (index > 0) socket.once('data', () => (end === 'end' ? socket.end() : socket.resetAndDestroy()));
      });
      const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
      const { of } = await observe({ image: `registry.test:${server.port}/team/app:1.0`, nameservers: [dns] });
      const code = of('tls')[0]?.error?.code ?? '';
      assert.ok(
        codes.some((one) => one === code),
        `${end}: ${code}`,
      );
    }
  });

  it('asks with few bytes after silence: a server that only swallows does not answer those either', async () => {
    const server = await servers.tcp(() => undefined);
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({ image: `registry.test:${server.port}/team/app:1.0`, nameservers: [dns] });
    assert.equal(of('tls')[0]?.error?.code, 'timeout');
    assert.deepEqual([of('small')[0]?.status, of('small')[0]?.error?.code], ['failed', 'timeout']);
  });

  it('finds that few bytes pass where a whole handshake does not', async () => {
    // What a black hole does: a hello of one packet gets an alert, of a larger answer nothing arrives.
    const server = await servers.tcp((socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk.length < 120) socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 70]));
      });
    });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({ image: `registry.test:${server.port}/team/app:1.0`, nameservers: [dns] });
    assert.equal(of('tls')[0]?.error?.code, 'timeout');
    assert.equal(of('small')[0]?.status, 'ok');
  });
});
