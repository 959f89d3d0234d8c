import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { Finding } from '../../src/model/investigation.ts';
import { Scene } from '../kit/view.ts';

const proxy = 'http://proxy.test:3128';
const direct = { proxy: null, counterfactual: true } as const;

/** A proxy that wants a password, and what this node finds past it. */
function gate(past: (scene: Scene) => void): Scene {
  const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy, proxyReason: 'https_proxy' }] });
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  scene.connect(['proxy-auth', '407'], { status: 407 });
  past(scene);
  return scene;
}

const findings = (scene: Scene): readonly Finding[] => conclude(scene.view()).findings;
const causes = (scene: Scene): string[] => findings(scene).map(({ cause, confidence }) => `${cause} ${confidence}`);

const reached = (scene: Scene): void => {
  scene.dns('registry.test', ['192.0.2.10']);
  scene.tcp('registry.test', '192.0.2.10', null, direct);
};

describe('behind the first fault', () => {
  it('tells a certificate that has expired, as likely for the proxy too', () => {
    const scene = gate((one) => {
      reached(one);
      one.tls('tls-expired', { ...direct, failedCertificate: 0 });
    });
    assert.deepEqual(causes(scene), ['proxy-auth-required proven', 'tls-certificate-expired likely']);
    const [, hidden] = findings(scene);
    assert.match(hidden?.summary ?? '', /^Past the proxy proxy\.test:3128: The certificate of registry\.test/);
    assert.deepEqual([hidden?.host, hidden?.endpoint], ['registry.test', 0]);
  });

  it('tells a port that refuses as possible: a firewall may do that to this node alone', () => {
    const scene = gate((one) => {
      one.dns('registry.test', ['192.0.2.10']);
      one.tcp('registry.test', '192.0.2.10', 'refused', direct);
    });
    assert.deepEqual(causes(scene), ['proxy-auth-required proven', 'tcp-refused possible']);
  });

  it('tells a registry that fails', () => {
    const scene = gate((one) => {
      reached(one);
      one.tls(null, direct);
      one.ping({ ...direct, status: 503 });
    });
    assert.deepEqual(causes(scene), ['proxy-auth-required proven', 'registry-error likely']);
  });

  it('says nothing of what networks with a proxy meet past it', () => {
    for (const past of [
      (one: Scene) => one.dns('registry.test', 'name-not-found'),
      (one: Scene) => one.dns('registry.test', 'timeout'),
      (one: Scene) => {
        one.dns('registry.test', ['192.0.2.10']);
        one.tcp('registry.test', '192.0.2.10', 'timeout', direct);
      },
      (one: Scene) => {
        reached(one);
        one.tls('tls-unknown-authority', { ...direct, failedCertificate: 0 });
      },
      (one: Scene) => {
        reached(one);
        one.tls(null, direct);
        one.ping(direct);
      },
    ]) {
      assert.deepEqual(causes(gate(past)), ['proxy-auth-required proven']);
    }
  });

  it('says nothing where the pull works', () => {
    const scene = gate((one) => {
      reached(one);
      one.tls('tls-expired', { ...direct, failedCertificate: 0 });
      one.pull(null);
    });
    assert.ok(!causes(scene).some((cause) => cause.startsWith('tls-')), causes(scene).join());
  });

  it('tells what a proxy that is known elsewhere on the node leads to', () => {
    const scene = new Scene({ knownProxies: [{ url: proxy, source: 'etc/environment:1' }] });
    scene.dns('registry.test', 'name-not-found');
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128, counterfactual: true });
    scene.connect(null, { proxy, counterfactual: true });
    scene.tls(null, { proxy, counterfactual: true, address: '192.0.2.30' });
    scene.ping({ proxy, counterfactual: true, status: 502 });
    assert.deepEqual(causes(scene), ['proxy-required proven', 'registry-error likely']);
    assert.match(findings(scene)[1]?.summary ?? '', /^By the proxy proxy\.test:3128: /);
  });

  it('leaves what lies behind a certificate alone: nobody is asked on a connection that is not trusted', () => {
    const scene = new Scene({ users: ['app'] });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10');
    scene.tls('tls-expired', { failedCertificate: 0 });
    assert.deepEqual(causes(scene), ['tls-certificate-expired proven']);
  });
});
