import assert from 'node:assert/strict';
import { inspectorOf, isPublicHost } from '../../src/causes/interception-data.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { certificate, challenge, Scene, type SceneOptions } from '../kit/view.ts';

const proxy = 'http://proxy.test:3128';
const byProxy: SceneOptions = {
  endpoints: [{ url: 'https://registry.test/v2', proxy, proxyReason: 'https_proxy' }],
};
const own = certificate({ sha256: 'a'.repeat(64), issuer: 'CN=Public CA' });
const gate = certificate({ sha256: 'b'.repeat(64), issuer: 'CN=Office Web Gate' });
const unknown = 'tls-unknown-authority' as const;

/** By the proxy a chain that the node does not trust; directly what `direct` says. */
const bumped = (direct: (scene: Scene) => string[], chain = [gate], options = byProxy) => {
  const scene = new Scene(options);
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  scene.connect(null);
  const evidence = [scene.tls(unknown, { chain, publicAuthority: false })];
  return { scene, evidence: [...evidence, ...direct(scene)] };
};

const directly = { proxy: null, counterfactual: true } as const;

/** Directly connected to, a chain that the node does not trust. */
const met = (facts: Parameters<Scene['tls']>[1], options: SceneOptions = {}) => {
  const scene = new Scene(options);
  const host = options.image?.split('/')[0] ?? 'registry.test';
  scene.dns(host, [facts?.address ?? '192.0.2.10']);
  scene.tcp(host, facts?.address ?? '192.0.2.10');
  return { scene, evidence: [scene.tls(unknown, { publicAuthority: false, ...facts })] };
};

describe('causes: tls-intercepted', () => {
  holds('tls-intercepted', 'by the proxy one certificate, directly another one that the node trusts', () => ({
    ...bumped((scene) => {
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10', null, { counterfactual: true });
      return [scene.tls(null, { ...directly, chain: [own] })];
    }),
    alternatives: [],
    says: /intercepted on the way by the proxy http:\/\/proxy\.test:3128.*from CN=Office Web Gate.*directly it presents another one, which this node trusts, issued by CN=Public CA/,
  }));
  holds('tls-intercepted', 'directly it presents one of another authority that the node does not trust either', () => ({
    ...bumped((scene) => {
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10', null, { counterfactual: true });
      return [scene.tls(unknown, { ...directly, chain: [own], publicAuthority: false })];
    }),
    confidence: 'likely',
    alternatives: ['tls-unknown-authority'],
  }));
  holds('tls-intercepted', 'a proxy that the runtime does not use shows the registry as the node trusts it', () => {
    const { scene, evidence } = met({ chain: [gate] }, { knownProxies: [{ url: proxy, source: 'etc/environment:1' }] });
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
    scene.connect(null, { proxy, counterfactual: true });
    const other = scene.tls(null, { proxy, counterfactual: true, chain: [own] });
    return {
      scene,
      evidence: [...evidence, other],
      confidence: 'likely',
      says: /by the proxy http:\/\/proxy\.test:3128 it/,
    };
  });
  holds('tls-intercepted', 'the authority bears an inspecting product’s name', () => ({
    ...met({ chain: [certificate({ issuer: 'CN=Zscaler Intermediate Root CA (zscaler.net),O=Zscaler Inc.' })] }),
    confidence: 'likely',
    says: /name of Zscaler, which inspects TLS/,
  }));
  holds(
    'tls-intercepted',
    'a public registry at an address of the public, signed by nobody that the public knows',
    () => met({ chain: [gate], host: 'quay.io' }, { image: 'quay.io/team/app:1.0' }),
  );
  holds('tls-intercepted', 'a public registry at an address of one’s own, which may be a mirror in its name', () => ({
    ...met({ chain: [gate], host: 'quay.io', address: '10.1.2.3' }, { image: 'quay.io/team/app:1.0' }),
    confidence: 'likely',
    alternatives: ['tls-unknown-authority'],
  }));
  holds('tls-intercepted', 'the public token service of the registry', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer', 'https://auth.docker.io/token')] });
    scene.dns('auth.docker.io', ['192.0.2.50']);
    scene.tcp('auth.docker.io', '192.0.2.50');
    const facts = { host: 'auth.docker.io', hop: 'realm', address: '192.0.2.50', chain: [gate] } as const;
    const evidence = [scene.tls(unknown, { ...facts, publicAuthority: false })];
    return { scene, evidence, host: 'auth.docker.io', primary: 'auth-service-unreachable' };
  });

  it('tells it of a private name too, once the same authority signed for a public one', async () => {
    const { causeOf } = await import('../../src/causes/index.ts');
    const endpoints = [{ url: 'https://mirror.test/v2', role: 'mirror' as const }, { url: 'https://quay.io/v2' }];
    const scene = new Scene({ image: 'quay.io/team/app:1.0', endpoints });
    for (const [endpoint, host] of ['mirror.test', 'quay.io'].entries()) {
      scene.dns(host, ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10', null, { endpoint });
      scene.tls(unknown, { endpoint, host, chain: [gate], publicAuthority: false });
    }
    const matches = causeOf('tls-intercepted').match?.(scene.view()) ?? [];
    assert.deepEqual(
      matches.map(({ host, confidence }) => [host, confidence]),
      [
        ['mirror.test', 'likely'],
        ['quay.io', 'proven'],
      ],
    );
  });

  misses(
    'tls-intercepted',
    'a private registry with an authority of its own',
    () => met({ chain: [certificate({ issuer: 'CN=Corp CA 2' })] }).scene,
    unknown,
  );
  misses(
    'tls-intercepted',
    'a private registry by a proxy, and the same certificate directly',
    () =>
      bumped((scene) => {
        scene.dns('registry.test', ['192.0.2.10']);
        scene.tcp('registry.test', '192.0.2.10', null, { counterfactual: true });
        return [scene.tls(unknown, { ...directly, chain: [gate], publicAuthority: false })];
      }).scene,
    unknown,
  );
  misses(
    'tls-intercepted',
    'two backends of one private registry, each with its own certificate',
    () =>
      bumped((scene) => {
        scene.dns('registry.test', ['192.0.2.10']);
        scene.tcp('registry.test', '192.0.2.10', null, { counterfactual: true });
        const chain = [certificate({ sha256: 'c'.repeat(64), issuer: gate.issuer })];
        return [scene.tls(unknown, { ...directly, chain, publicAuthority: false })];
      }).scene,
    unknown,
  );
  misses(
    'tls-intercepted',
    'mirror and registry with the same private authority',
    () => {
      const endpoints = [
        { url: 'https://mirror.test/v2', role: 'mirror' as const },
        { url: 'https://registry.test/v2' },
      ];
      const scene = new Scene({ endpoints });
      for (const [endpoint, host] of ['mirror.test', 'registry.test'].entries()) {
        scene.dns(host, ['192.0.2.10']);
        scene.tcp(host, '192.0.2.10', null, { endpoint });
        scene.tls(unknown, { endpoint, host, chain: [gate], publicAuthority: false });
      }
      return scene;
    },
    unknown,
  );
  misses(
    'tls-intercepted',
    'a public registry whose public authority this node’s store lacks',
    () =>
      met(
        { chain: [certificate({ issuer: 'CN=ISRG Root X1' })], host: 'quay.io', publicAuthority: true },
        { image: 'quay.io/team/app:1.0' },
      ).scene,
    unknown,
  );
  holds(unknown, 'an authority that the public trusts, and this node’s store lacks', () => ({
    ...met({ chain: [certificate({ issuer: 'CN=ISRG Root X1' })], publicAuthority: true }),
    says: /the public trusts that authority, and this node's trust store \(140 certificates\) lacks it/,
  }));
});

describe('data of interception', () => {
  it('knows inspecting products by their authorities', () => {
    const known: readonly [string, string | null][] = [
      ['CN=FortiGate CA,OU=Certificate Authority,O=Fortinet,L=Sunnyvale', 'Fortinet'],
      ['CN=ca.tenant.eu.goskope.com,O=Netskope Inc', 'Netskope'],
      ['CN=Cisco Umbrella Secondary SubCA ams-SG,O=Cisco', 'Cisco'],
      ['CN=squid proxy CA', 'Squid'],
      ['CN=Corp CA 2,O=Squidward Ltd', null],
      ["CN=R11,O=Let's Encrypt", null],
    ];
    for (const [authority, product] of known) assert.equal(inspectorOf(authority), product, authority);
  });

  it('knows public hosts by whole labels', () => {
    for (const host of ['registry-1.docker.io', 'docker.io', 'QUAY.IO.', '1.dkr.ecr.eu-west-1.amazonaws.com'])
      assert.equal(isPublicHost(host), true, host);
    for (const host of ['mydocker.io', 'quay.io.corp.test', 'registry.test', 'io'])
      assert.equal(isPublicHost(host), false, host);
  });
});
