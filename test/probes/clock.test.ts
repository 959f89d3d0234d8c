import assert from 'node:assert/strict';
import { makeCertificate } from '../kit/certificates.ts';
import { observe } from '../kit/node-folder.ts';
import { repositories, trusting, useServers } from './servers.ts';

describe('probes: clock', () => {
  const servers = useServers();

  const look = async (which: 'leaf' | 'expired' | 'notYetValid' | 'wrongName' | 'strange') => {
    const { chainPem, keyPem } = servers.pki[which];
    const registry = await servers.registry({ repositories, tls: { cert: chainPem, key: keyPem } });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({
      image: `registry.test:${registry.port}/team/app:1.0`,
      nameservers: [dns],
      files: trusting(servers.pki),
    });
    return { clock: of('clock'), registry };
  };

  it('asks the time of a host whose certificate has expired, and sends nothing of the node', async () => {
    const { clock, registry } = await look('expired');
    assert.equal(clock.length, 1);
    const [probe] = clock;
    assert.deepEqual([probe?.status, probe?.counterfactual, probe?.facts.host], ['ok', true, 'registry.test']);
    assert.ok(Math.abs(probe?.facts.offsetMs ?? Number.NaN) < 3000, `${probe?.facts.offsetMs}`);
    assert.deepEqual(registry.requests, ['HEAD /v2/']);
    assert.deepEqual(registry.authorizations, [null]);
  });

  it('asks nobody whose certificate holds, or is wrong by more than its time', async () => {
    for (const which of ['leaf', 'wrongName', 'strange'] as const) {
      const { clock } = await look(which);
      assert.equal(clock.length, 0, which);
    }
  });

  it('asks a host whose certificate has not begun', async () => {
    const { clock } = await look('notYetValid');
    assert.deepEqual([clock.length, clock[0]?.status], [1, 'ok']);
  });

  it('takes no word of a host whose authority was not there at the time at which the certificate was valid', async () => {
    const { root } = servers.pki;
    const notBefore = new Date(root.notBefore.getTime() - 20 * 86_400_000);
    const notAfter = new Date(root.notBefore.getTime() - 10 * 86_400_000);
    const names = ['registry.test'];
    const old = makeCertificate({ commonName: 'registry.test', names, issuer: root, notBefore, notAfter });
    const registry = await servers.registry({ repositories, tls: { cert: old.chainPem, key: old.keyPem } });
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const image = `registry.test:${registry.port}/team/app:1.0`;
    const { of } = await observe({ image, nameservers: [dns], files: trusting(servers.pki) });
    assert.deepEqual([of('clock')[0]?.status, of('clock')[0]?.facts.offsetMs ?? null], ['failed', null]);
    assert.deepEqual(registry.requests, []);
  });
});
