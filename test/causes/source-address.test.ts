import assert from 'node:assert/strict';
import { addressWords } from '../../src/causes/refused.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { type Failure, Scene } from '../kit/view.ts';

const proxy = 'http://proxy.test:3128';
const denied = [{ code: 'DENIED', message: 'requested access to the resource is denied' }];

/** Refused directly; by a proxy that the node knows, what `answer` says. */
const elsewhere = (refused: Parameters<Scene['manifest']>[0], answer: Parameters<Scene['manifest']>[0]) => {
  const scene = new Scene({ knownProxies: [{ url: proxy, source: 'etc/environment:1' }] });
  scene.reach();
  scene.ping();
  const own = scene.manifest({ status: 403, ...refused });
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  const by = { proxy, counterfactual: true } as const;
  scene.connect(null, by);
  scene.tls(null, by);
  scene.ping(by);
  const other = scene.manifest({ ...by, ...answer });
  return { scene, evidence: [own, other] };
};

describe('causes: source-address-blocked', () => {
  holds('source-address-blocked', 'in the words of any refusal, and served by a proxy', () => ({
    ...elsewhere({ errors: denied }, {}),
    says: /refuses this node's egress address.*: by the proxy http:\/\/proxy\.test:3128 the same request is served/,
  }));
  holds('source-address-blocked', 'by a page, and served by a proxy', () => elsewhere({ bodyFormat: 'html' }, {}));
  holds('source-address-blocked', 'by the proxy, and served without it', () => {
    const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy, proxyReason: 'https_proxy' }] });
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
    scene.connect(null);
    scene.tls();
    scene.ping();
    const own = scene.manifest({ status: 403, errors: denied });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10');
    const other = { proxy: null, counterfactual: true } as const;
    scene.tls(null, other);
    scene.ping(other);
    return { scene, evidence: [own, scene.manifest(other)], says: /without the proxy the same request is served/ };
  });
  misses(
    'source-address-blocked',
    'refused by a proxy, too',
    () => elsewhere({ errors: denied }, { status: 403, errors: denied }).scene,
    'access-denied',
  );
  misses(
    'source-address-blocked',
    'a page by a proxy, too',
    () => elsewhere({ bodyFormat: 'html' }, { status: 403, bodyFormat: 'html' }).scene,
    'registry-invalid-response',
  );
  misses(
    'source-address-blocked',
    'the proxy is not let through',
    () => elsewhere({ errors: denied }, { status: null, error: 'timeout' satisfies Failure }).scene,
    'access-denied',
  );

  it('reads the words of registries that refuse an address, and no others', () => {
    const address = [
      "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
      'the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource',
      'we now block all IP addresses that are located in some countries, to comply with US export control regulations',
      'Your IP address 203.0.113.7 is blocked',
      'this image is not available in your country',
      'Access is geo-restricted',
    ];
    const others = [
      'requested access to the resource is denied',
      'denied: repository team/geo-tools is not yours',
      'denied: team/ip denied',
      'insufficient permission for geology/app',
      'unauthorized: authentication required',
    ];
    for (const words of address) assert.match(words, addressWords);
    for (const words of others) assert.doesNotMatch(words, addressWords);
  });
});
