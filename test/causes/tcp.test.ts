import { holds, misses } from '../kit/cause-cases.ts';
import { challenge, type Failure, partyOf, Scene } from '../kit/view.ts';

const host = 'registry.test';
const proxy = 'http://proxy.test:3128';
const knownProxies = [{ url: proxy, source: 'https_proxy from etc/environment:1' }];

/** The registry has these addresses, and connections to them end so (null: they are made). */
const connections = (ends: Readonly<Record<string, Failure | null>>, options = {}) => {
  const scene = new Scene(options);
  scene.dns(host, Object.keys(ends));
  const ids = Object.entries(ends).map(([address, error]) => scene.tcp(host, address, error));
  return { scene, evidence: ids };
};

const one = (error: Failure) => connections({ '192.0.2.10': error });

/** By a proxy that says that it cannot reach the registry itself. */
const onward = (status: number, squid: string | null, direct: Failure | null = 'timeout') => {
  const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy }] });
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  const headers: Record<string, string> = squid === null ? {} : { 'x-squid-error': squid };
  const evidence = [scene.connect(['proxy-refused', `${status}`], { status, headers })];
  if (direct !== null) {
    scene.dns(host, ['192.0.2.10']);
    scene.tcp(host, '192.0.2.10', direct, { counterfactual: true });
  }
  return { scene, evidence };
};

describe('causes: tcp', () => {
  holds('tcp-refused', 'the only address refuses', () => ({
    ...one('refused'),
    host,
    says: /^registry\.test:443 \(192\.0\.2\.10\) refuses/,
  }));
  holds('tcp-refused', 'IPv4 refuses, and the node has no IPv6', () =>
    connections({ '192.0.2.10': 'refused', '2001:db8::10': 'unreachable' }),
  );
  /** A registry of the public's whose name leads to these addresses, all of which refuse. */
  const public_ = (addresses: readonly string[]) => {
    const scene = new Scene({ image: 'quay.io/team/app:1.0', endpoints: [{ url: 'https://quay.io/v2' }] });
    scene.dns('quay.io', addresses);
    return { scene, evidence: addresses.map((address) => scene.tcp('quay.io', address, 'refused')) };
  };
  holds('tcp-refused', 'a nameserver sends a public name to loopback', () => ({
    ...public_(['127.0.0.1', '::1']),
    says: /^quay\.io:443 leads to this node itself \(127\.0\.0\.1, \[::1\], by nameserver 192\.0\.2\.53\)/,
  }));
  holds('tcp-refused', 'loopback is one of several', () => ({
    ...public_(['127.0.0.1', '192.0.2.10']),
    says: /^quay\.io:443 \(127\.0\.0\.1, 192\.0\.2\.10\) refuses/,
  }));
  misses('tcp-refused', 'packets vanish', () => one('timeout').scene, 'tcp-timeout');
  misses(
    'tcp-refused',
    'one address refuses and another is open',
    () => {
      const { scene } = connections({ '192.0.2.10': 'refused', '192.0.2.11': null });
      scene.tls(null, { address: '192.0.2.11' });
      scene.ping();
      scene.manifest();
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    'some-addresses-unreachable',
  );
  misses(
    'tcp-refused',
    "another registry's port refuses",
    () => {
      const scene = new Scene();
      scene.serve();
      scene.tcp('other.test', '192.0.2.99', 'refused');
      return scene;
    },
    null,
  );
  misses(
    'tcp-refused',
    'directly, while a known proxy gets through',
    () => {
      const { scene } = connections({ '192.0.2.10': 'refused' }, { knownProxies });
      scene.reach({ proxy, counterfactual: true, address: '192.0.2.30' });
      return scene;
    },
    'proxy-required',
  );
  misses(
    'tcp-refused',
    "the proxy's port refuses",
    () => {
      const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy }] });
      scene.dns('proxy.test', ['192.0.2.30']);
      scene.tcp('proxy.test', '192.0.2.30', 'refused', { port: 3128 });
      return scene;
    },
    'proxy-unreachable',
  );
  holds('tcp-refused', "the token service's port refuses", () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', ['192.0.2.50']);
    const evidence = [scene.tcp('auth.test', '192.0.2.50', 'refused')];
    return { scene, evidence, host: 'auth.test', primary: 'auth-service-unreachable' };
  });
  holds('tcp-refused', "the port of the content's host refuses", () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest();
    scene.blob('layer', { status: 307, next: partyOf('https://cdn.test/x') });
    scene.dns('cdn.test', ['192.0.2.40']);
    const evidence = [scene.tcp('cdn.test', '192.0.2.40', 'refused')];
    return { scene, evidence, host: 'cdn.test', primary: 'blob-unreachable' };
  });
  holds('tcp-refused', 'the port of the host to which the registry sends for the manifest refuses', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest({ status: 307, next: partyOf('https://regional.test/x') });
    scene.dns('regional.test', ['192.0.2.40']);
    const evidence = [scene.tcp('regional.test', '192.0.2.40', 'refused')];
    return { scene, evidence, host: 'regional.test' };
  });
  holds('tcp-refused', 'squid says that the registry refuses it', () => ({
    ...onward(503, 'ERR_CONNECT_FAIL 111'),
    confidence: 'likely',
    says: /so says the proxy http:\/\/proxy\.test:3128/,
  }));
  holds('tcp-refused', 'a proxy fails onward without a reason, and the registry refuses this node too', () => ({
    ...onward(502, null, 'refused'),
    confidence: 'likely',
  }));

  holds('tcp-timeout', 'packets vanish', () => one('timeout'));
  holds('tcp-timeout', "this node's own filter drops them", () => one('not-permitted'));
  holds('tcp-timeout', 'to every address', () => connections({ '192.0.2.10': 'timeout', '192.0.2.11': 'timeout' }));
  holds('tcp-timeout', 'squid says that it gets no answer', () => ({
    ...onward(503, 'ERR_CONNECT_FAIL 110'),
    confidence: 'likely',
  }));
  misses(
    'tcp-timeout',
    'a second address was not tried to its end',
    () => {
      const scene = new Scene();
      scene.dns(host, ['192.0.2.10', '192.0.2.11']);
      scene.tcp(host, '192.0.2.10', 'timeout');
      scene.skipped('tcp');
      return scene;
    },
    null,
  );
  misses('tcp-timeout', 'the proxy fails onward and nothing tells why', () => onward(504, null).scene, 'unknown');

  holds('tcp-timeout', 'silence that the deadline made too short to be a proof', () => {
    const scene = new Scene();
    scene.dns(host, ['192.0.2.10']);
    return {
      scene,
      evidence: [scene.tcp(host, '192.0.2.10', 'timeout', { durationMs: 1600 })],
      confidence: 'likely',
    };
  });

  const given = (words: Parameters<Scene['journal']>[0][number], durationMs = 1500) => {
    const scene = new Scene();
    scene.dns(host, ['192.0.2.10']);
    const evidence = [scene.tcp(host, '192.0.2.10', 'timeout', { durationMs })];
    const dial = `failed to do request: Head "https://${host}/v2/": dial tcp 192.0.2.10:443: i/o timeout`;
    scene.journal([{ at: '2026-11-22T07:59:58.000000Z', cause: 'tcp-timeout', message: dial, ...words }]);
    return { scene, evidence };
  };
  holds('tcp-timeout', 'short silence, when the runtime has just given up in its own time', () => given({}));
  const notJustNow: Readonly<Record<string, Parameters<typeof given>>> = {
    'minutes ago': [{ at: '2026-11-22T07:57:00.000000Z' }],
    'on another host': [{ message: 'dial tcp 192.0.2.99:443: i/o timeout' }],
    'for another reason': [{ cause: 'tcp-reset' }],
    'while a first packet alone had time': [{}, 900],
  };
  for (const [what, words] of Object.entries(notJustNow)) {
    holds('tcp-timeout', `short silence, when the runtime gave up ${what}`, () => ({
      ...given(...words),
      confidence: 'likely',
    }));
  }

  const silent = () => {
    const scene = new Scene();
    scene.dns(host, ['192.0.2.10']);
    scene.tcp(host, '192.0.2.10');
    return { scene, evidence: [scene.tls('timeout', { chain: [] })] };
  };
  holds('mtu-black-hole', 'the handshake ends in silence, and small packets pass', () => {
    const { scene, evidence } = silent();
    return { scene, evidence: [...evidence, scene.small(null)], says: /large ones vanish/ };
  });
  holds('mtu-black-hole', 'small packets pass, and no large handshake, whether it names the server or not', () => {
    const { scene, evidence } = silent();
    return { scene, evidence: [...evidence, scene.small(null, { unnamedBytes: null })] };
  });
  holds('mtu-black-hole', 'small packets pass, and what a handshake without the name gets is none too large', () => {
    const { scene, evidence } = silent();
    return {
      scene,
      evidence: [...evidence, scene.small(null, { unnamedBytes: 7 })],
      confidence: 'likely',
      alternatives: ['tls-handshake-failed'],
    };
  });
  misses(
    'mtu-black-hole',
    'large packets pass as long as they do not name the server',
    () => {
      const { scene } = silent();
      scene.small(null, { unnamedBytes: 1400 });
      return scene;
    },
    'tls-handshake-failed',
  );
  misses(
    'mtu-black-hole',
    'small packets do not pass either',
    () => {
      const { scene } = silent();
      scene.small('timeout');
      return scene;
    },
    'tls-handshake-failed',
  );
  /** The layer stands still, of so many bytes. */
  const still = () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    return { scene, evidence: [scene.blob('layer', { error: 'timeout', status: null, size: 200_000 })] };
  };
  holds('mtu-black-hole', 'a layer stands still, and its first bytes come when no more is asked for', () => {
    const { scene, evidence } = still();
    return {
      scene,
      evidence: [...evidence, scene.small(null)],
      confidence: 'likely',
      alternatives: ['registry-timeout'],
      primary: 'blob-unreachable',
    };
  });
  misses(
    'mtu-black-hole',
    'a layer stands still, and its first bytes do not come either',
    () => {
      const { scene } = still();
      scene.small('timeout');
      return scene;
    },
    'blob-unreachable',
  );
  misses('mtu-black-hole', 'small packets were not tried in time', () => silent().scene, 'tls-handshake-failed');
  misses(
    'mtu-black-hole',
    'small packets of another way pass',
    () => {
      const { scene } = silent();
      scene.small(null, { host: 'other.test' });
      return scene;
    },
    'tls-handshake-failed',
  );

  holds('no-route', 'the network is unreachable', () => ({
    ...one('unreachable'),
    says: /for want of a route or by a firewall/,
  }));
  holds('no-route', 'the nameservers are, so no name can be looked up', () => {
    const scene = new Scene();
    return { scene, evidence: scene.dns(host, 'unreachable'), says: /nameserver 192\.0\.2\.53:53/ };
  });
  misses(
    'no-route',
    'IPv6 is unreachable, IPv4 is what fails',
    () => connections({ '2001:db8::10': 'unreachable', '192.0.2.10': 'timeout' }).scene,
    'tcp-timeout',
  );
  misses(
    'no-route',
    'IPv6 is unreachable and IPv4 serves',
    () => {
      const { scene } = connections({ '2001:db8::10': 'unreachable', '192.0.2.10': null });
      scene.tls();
      scene.ping();
      scene.manifest();
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );

  holds('tcp-reset', 'at the handshake of TCP', () => one('reset'));
  holds('tcp-reset', 'as soon as the name is sent, on every address', () => {
    const { scene } = connections({ '192.0.2.10': null, '192.0.2.11': null });
    const evidence = ['192.0.2.10', '192.0.2.11'].map((address) => scene.tls('reset', { address }));
    return { scene, evidence };
  });
  misses(
    'tcp-reset',
    'one is reset, another presents an expired certificate',
    () => {
      const { scene } = connections({ '192.0.2.10': null, '192.0.2.11': null });
      scene.tls('reset', { address: '192.0.2.10' });
      scene.tls('tls-expired', { address: '192.0.2.11' });
      return scene;
    },
    'tls-certificate-expired',
  );
  misses(
    'tcp-reset',
    'the reset comes when the request is sent',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping({ error: 'reset' });
      return scene;
    },
    'registry-error',
  );

  const serving = (scene: Scene, address: string): Scene => {
    scene.tls(null, { address });
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer');
    return scene;
  };
  holds('some-addresses-unreachable', 'IPv6 packets vanish, IPv4 serves', () => {
    const { scene, evidence } = connections({ '192.0.2.10': null, '2001:db8::10': 'timeout' });
    return {
      scene: serving(scene, '192.0.2.10'),
      evidence: evidence.slice(1),
      severity: 'degraded',
      says: /2001:db8::10: timeout/,
    };
  });
  holds('some-addresses-unreachable', 'IPv4 packets vanish, IPv6 serves', () => {
    const { scene, evidence } = connections({ '192.0.2.10': 'timeout', '2001:db8::10': null });
    return { scene: serving(scene, '2001:db8::10'), evidence: evidence.slice(0, 1), severity: 'degraded' };
  });
  holds('some-addresses-unreachable', 'the host of one address is gone (no ARP answer)', () => {
    const scene = new Scene();
    scene.dns(host, ['192.0.2.10', '192.0.2.11']);
    scene.tcp(host, '192.0.2.10');
    const evidence = [scene.tcp(host, '192.0.2.11', 'unreachable', { errno: 'EHOSTUNREACH' })];
    return { scene: serving(scene, '192.0.2.10'), evidence, severity: 'degraded' };
  });
  misses(
    'some-addresses-unreachable',
    'the node has no IPv6 at all',
    () => {
      const scene = new Scene();
      scene.dns(host, ['192.0.2.10', '2001:db8::10']);
      scene.tcp(host, '192.0.2.10');
      scene.tcp(host, '2001:db8::10', 'unreachable', { errno: 'ENETUNREACH' });
      return serving(scene, '192.0.2.10');
    },
    null,
  );
  misses(
    'some-addresses-unreachable',
    'only a nameserver that the runtime does not come to gives the dead one',
    () => {
      const scene = new Scene({ nameservers: ['192.0.2.53', '192.0.2.54'] });
      scene.dns(host, ['192.0.2.10'], 0);
      scene.dns(host, ['192.0.2.99'], 1);
      scene.tcp(host, '192.0.2.10');
      scene.tcp(host, '192.0.2.99', 'timeout');
      return serving(scene, '192.0.2.10');
    },
    null,
  );
});
