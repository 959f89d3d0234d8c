import assert from 'node:assert/strict';
import { originOf, partyName, wayId } from '../../src/evidence/origin.ts';
import { stateOf } from '../../src/evidence/way-state.ts';
import { endpointWay, ownWaysOf, waysOf } from '../../src/evidence/ways.ts';
import { challenge, digest, partyOf, Scene } from '../kit/view.ts';

const proxy = 'http://proxy.test:3128';

/** Hop, way and what it replaces, in words. */
function described(scene: Scene): string[] {
  return waysOf(scene.view()).map(({ hop, id, instead }) => `${hop} ${id}${instead === null ? '' : ` (${instead})`}`);
}

describe('evidence: origins', () => {
  const origins: readonly [string, ReturnType<typeof originOf>][] = [
    ['https://registry.test/v2', { scheme: 'https', host: 'registry.test', port: 443 }],
    ['http://registry.test/v2', { scheme: 'http', host: 'registry.test', port: 80 }],
    ['https://registry.test:5000/x/v2', { scheme: 'https', host: 'registry.test', port: 5000 }],
    ['https://[2001:db8::1]/v2', { scheme: 'https', host: '2001:db8::1', port: 443 }],
    ['socks5://proxy.test:1080', null],
    ['not a url', null],
  ];
  for (const [url, origin] of origins) {
    it(`reads ${url}`, () => assert.deepEqual(originOf(url), origin));
  }

  it('names ways and parties, an IPv6 literal in brackets', () => {
    assert.equal(wayId('https', '2001:db8::1', 443, null), 'https://[2001:db8::1]:443 direct');
    assert.equal(wayId('http', 'a.test', 80, proxy), `http://a.test:80 by ${proxy}`);
    const way = endpointWay(new Scene().view(), 0);
    assert.ok(way !== null);
    assert.equal(partyName(way), 'registry.test');
  });
});

describe('evidence: ways', () => {
  it('has one way per endpoint, in order', () => {
    const scene = new Scene({
      endpoints: [
        { url: 'http://mirror.test:5000/v2', role: 'mirror' },
        { url: 'https://registry.test/v2', proxy },
      ],
    });
    assert.deepEqual(described(scene), [
      'mirror http://mirror.test:5000 direct',
      `registry https://registry.test:443 by ${proxy}`,
    ]);
  });

  it('has no way to a blocked endpoint, or to one without a usable URL', () => {
    const scene = new Scene({
      endpoints: [{ url: 'https://registry.test/v2', blocked: true }, { url: 'registry.test' }],
    });
    assert.deepEqual(described(scene), []);
    assert.equal(endpointWay(scene.view(), 0), null);
  });

  it('finds the token service in the challenge of the version check or of the manifest', () => {
    const byPing = new Scene();
    byPing.reach();
    byPing.ping({ status: 401, challenges: [challenge('bearer')] });
    assert.deepEqual(described(byPing), [
      'registry https://registry.test:443 direct',
      'realm https://auth.test:443 direct',
    ]);

    const byManifest = new Scene();
    byManifest.reach();
    byManifest.ping();
    byManifest.manifest({ status: 401, authorization: 'none', challenges: [challenge('bearer')] });
    assert.deepEqual(described(byManifest), described(byPing));
  });

  it('takes no token service from a basic challenge, or from an answer that is no challenge', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('basic')] });
    scene.manifest({ status: 200, challenges: [challenge('bearer')] });
    assert.deepEqual(described(scene), ['registry https://registry.test:443 direct']);
  });

  it("finds redirect targets, with the runtime's proxy decision for them, once", () => {
    const scene = new Scene();
    scene.serve();
    const next = partyOf('https://cdn.test/blob', proxy);
    scene.blob('layer', { status: 307, next });
    scene.blob('config', { status: 307, next });
    assert.deepEqual(described(scene), [
      'registry https://registry.test:443 direct',
      `blob https://cdn.test:443 by ${proxy}`,
    ]);
  });

  it("keeps one endpoint's parties from another's", () => {
    const scene = new Scene({
      endpoints: [{ url: 'https://mirror.test/v2', role: 'mirror' }, { url: 'https://registry.test/v2' }],
    });
    scene.reach({ endpoint: 1 });
    scene.ping({ endpoint: 1, status: 401, challenges: [challenge('bearer')] });
    assert.deepEqual(
      ownWaysOf(scene.view(), 0).map(({ hop }) => hop),
      ['mirror'],
    );
    assert.deepEqual(
      ownWaysOf(scene.view(), 1).map(({ hop }) => hop),
      ['registry', 'realm'],
    );
  });

  it('tries nothing instead while nothing is broken', () => {
    const scene = new Scene({ knownProxies: [{ url: proxy, source: 'etc/environment:1' }] });
    assert.equal(described(scene).length, 1);
    scene.reach();
    assert.equal(described(scene).length, 1);
  });

  it('tries known proxies instead of a direct way that is broken before TLS, but not the host itself as its proxy', () => {
    for (const layer of ['dns', 'tcp'] as const) {
      const scene = new Scene({
        knownProxies: [
          { url: proxy, source: 'etc/environment:1' },
          { url: 'http://registry.test:3128', source: 'etc/environment:2' },
        ],
      });
      scene.dns('registry.test', layer === 'dns' ? 'name-not-found' : ['192.0.2.10']);
      if (layer === 'tcp') scene.tcp('registry.test', '192.0.2.10', 'timeout');
      assert.deepEqual(described(scene).slice(1), [`registry https://registry.test:443 by ${proxy} (by-proxy)`]);
    }
  });

  it('tries the direct way instead of a broken proxy', () => {
    const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy }] });
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', 'refused', { port: 3128 });
    assert.deepEqual(described(scene).slice(1), ['registry https://registry.test:443 direct (direct)']);
  });

  it('tries plain HTTP where the handshake meets plain text, and calls it the own way where the runtime does so', () => {
    for (const httpFallback of [false, true]) {
      const scene = new Scene({ endpoints: [{ url: 'https://registry.test:5000/v2', httpFallback }] });
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10', null, { port: 5000 });
      scene.tls('tls-plain-answer');
      const plain = waysOf(scene.view()).filter(({ scheme }) => scheme === 'http');
      assert.deepEqual(
        plain.map(({ id, instead }) => [id, instead]),
        [['http://registry.test:5000 direct', httpFallback ? null : 'plain-http']],
      );
      assert.equal(endpointWay(scene.view(), 0)?.scheme, httpFallback ? 'http' : 'https');
    }
  });

  it('does not fall back to plain HTTP after a certificate that fails', () => {
    const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', httpFallback: true }] });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10');
    scene.tls('tls-unknown-authority');
    assert.deepEqual(described(scene), ['registry https://registry.test:443 direct']);
  });
});

describe('evidence: the state of a way', () => {
  const state = (scene: Scene) => {
    const way = endpointWay(scene.view(), 0);
    assert.ok(way !== null);
    const { open, broken } = stateOf(scene.view(), way);
    return { open, broken: broken?.layer ?? null };
  };
  const undecided = { open: [], broken: null };

  it('is undecided until something says otherwise', () => {
    const scene = new Scene();
    assert.deepEqual(state(scene), undecided);
    scene.dns('registry.test', ['192.0.2.10', '192.0.2.11']);
    assert.deepEqual(state(scene), undecided);
    scene.tcp('registry.test', '192.0.2.10', 'refused');
    assert.deepEqual(state(scene), undecided, 'another address is awaited');
    scene.tcp('registry.test', '192.0.2.11');
    assert.deepEqual(state(scene), undecided, 'the handshake is awaited');
    scene.tls(null, { address: '192.0.2.11' });
    assert.deepEqual(state(scene), { open: ['192.0.2.11'], broken: null });
  });

  it('is broken at tcp when every address of every nameserver was tried', () => {
    const scene = new Scene({ nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.dns('registry.test', ['192.0.2.10'], 0);
    scene.tcp('registry.test', '192.0.2.10', 'timeout');
    assert.deepEqual(state(scene), undecided, 'the other nameserver may know a better one');
    scene.dns('registry.test', ['192.0.2.10'], 1);
    assert.deepEqual(state(scene), { open: [], broken: 'tcp' });
  });

  it('never becomes broken by what was cut off', () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.skipped('tcp');
    assert.deepEqual(state(scene), undecided);
    const later = new Scene();
    later.dns('registry.test', ['192.0.2.10']);
    later.tcp('registry.test', '192.0.2.10');
    later.skipped('tls');
    assert.deepEqual(state(later), undecided);
  });

  it('tells connections of another port or host apart', () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'refused', { port: 5000 });
    scene.tcp('other.test', '192.0.2.10', 'refused');
    assert.deepEqual(state(scene), undecided);
  });

  it('goes by the proxy to an https origin through a tunnel, and to a plain one as it is', () => {
    const tunnel = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy }] });
    tunnel.dns('proxy.test', ['192.0.2.30']);
    tunnel.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
    assert.deepEqual(state(tunnel), undecided);
    tunnel.connect(['proxy-refused', '403 Forbidden'], { status: 403 });
    assert.deepEqual(state(tunnel), { open: [], broken: 'proxy' });

    const plain = new Scene({ endpoints: [{ url: 'http://registry.test/v2', proxy }] });
    plain.dns('proxy.test', ['192.0.2.30']);
    plain.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
    assert.deepEqual(state(plain), { open: ['192.0.2.30'], broken: null });
  });

  it('is open when one of several handshakes holds, and broken when none of those that are made does', () => {
    const scene = new Scene();
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'];
    scene.dns('registry.test', addresses);
    for (const address of addresses) scene.tcp('registry.test', address);
    for (const address of addresses.slice(0, 3)) scene.tls('tls-expired', { address });
    assert.deepEqual(state(scene), undecided);
    scene.tls('tls-expired', { address: '192.0.2.4' });
    assert.deepEqual(state(scene), { open: [], broken: 'tls' });
    scene.tls(null, { address: '192.0.2.5' });
    assert.deepEqual(state(scene), { open: ['192.0.2.5'], broken: null });
  });

  it('knows digests of one letter (the kit itself)', () => assert.match(digest('a'), /^sha256:a{64}$/));
});
