import assert from 'node:assert/strict';
import { breaksOf, insteadOfWay } from '../../src/evidence/breaks.ts';
import { endpointWay } from '../../src/evidence/ways.ts';
import { challenge, partyOf, Scene, type SceneOptions } from '../kit/view.ts';

/** Endpoint, part, layer and what shows it. */
const breaks = (scene: Scene): (readonly [number, string, string, readonly string[]])[] =>
  breaksOf(scene.view()).map(
    ({ endpoint, hop, layer, probes }) => [endpoint, hop, layer, probes.map(({ id }) => id)] as const,
  );

const reached = (options: SceneOptions = {}): Scene => {
  const scene = new Scene(options);
  scene.reach();
  return scene;
};

describe('evidence: breaks', () => {
  it('has none while all is well or undecided', () => {
    assert.deepEqual(breaks(new Scene()), []);
    const scene = new Scene();
    scene.serve();
    assert.deepEqual(breaks(scene), []);
  });

  it('finds the first layer at which nothing goes on', () => {
    const dns = new Scene();
    const named = dns.dns('registry.test', 'server-failure');
    assert.deepEqual(breaks(dns), [[0, 'registry', 'dns', named]]);
    const tls = new Scene();
    tls.dns('registry.test', ['192.0.2.10']);
    tls.tcp('registry.test', '192.0.2.10');
    const shaken = tls.tls('tls-expired');
    assert.deepEqual(breaks(tls), [[0, 'registry', 'tls', [shaken]]]);
  });

  it('tells the parts: mirror, token service, host of the content', () => {
    const scene = new Scene({
      endpoints: [{ url: 'https://mirror.test/v2', role: 'mirror' }, { url: 'https://registry.test/v2' }],
    });
    scene.dns('mirror.test', 'timeout');
    scene.reach({ endpoint: 1 });
    scene.ping({ endpoint: 1, status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', 'timeout');
    assert.deepEqual(
      breaks(scene).map(([endpoint, hop, layer]) => [endpoint, hop, layer]),
      [
        [0, 'mirror', 'dns'],
        [1, 'realm', 'dns'],
      ],
    );
  });

  it('takes the manifest over the version check, which some mirrors do not serve', () => {
    const scene = reached();
    scene.ping({ status: 404 });
    const id = scene.manifest({ status: 503 });
    assert.deepEqual(breaks(scene), [[0, 'registry', 'http', [id]]]);
    const served = reached();
    served.ping({ status: 503 });
    served.manifest();
    assert.deepEqual(breaks(served), []);
  });

  it('is no break when the answer is about the image or about who asks', () => {
    for (const status of [401, 403, 404]) {
      const scene = reached();
      scene.ping();
      scene.manifest({ status, errors: [{ code: 'X', message: '' }] });
      assert.deepEqual(breaks(scene), [], `${status}`);
    }
  });

  it('is the content that fails on its own host, or at the registry', () => {
    const scene = reached();
    scene.ping();
    scene.manifest();
    scene.blob('config', { status: 307, next: partyOf('https://cdn.test/x') });
    const own = scene.blob('layer', { status: 404 });
    scene.reach({ host: 'cdn.test', address: '192.0.2.40', hop: 'blob' });
    const away = scene.blob('config', { host: 'cdn.test', hop: 'blob', redirects: 1, status: 500 });
    assert.deepEqual(breaks(scene), [
      [0, 'blob', 'http', [own]],
      [0, 'blob', 'http', [away]],
    ]);
  });

  it('counts no counterfactual', () => {
    const scene = new Scene({ knownProxies: [{ url: 'http://proxy.test:3128', source: 'x' }] });
    scene.dns('registry.test', ['192.0.2.10']);
    const own = scene.tcp('registry.test', '192.0.2.10', 'timeout');
    scene.dns('proxy.test', 'name-not-found');
    assert.deepEqual(breaks(scene), [[0, 'registry', 'tcp', [own]]]);
  });

  it("gives what became of a way's alternatives", () => {
    const scene = new Scene({ knownProxies: [{ url: 'http://proxy.test:3128', source: 'x' }] });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'timeout');
    scene.reach({ proxy: 'http://proxy.test:3128', counterfactual: true, address: '192.0.2.30' });
    const way = endpointWay(scene.view(), 0);
    assert.ok(way !== null);
    const [by] = insteadOfWay(scene.view(), way, 'by-proxy');
    assert.deepEqual(by?.state.open, ['192.0.2.30']);
    assert.deepEqual(insteadOfWay(scene.view(), way, 'direct'), []);
  });
});
