import { holds, misses } from '../kit/cause-cases.ts';
import { type Failure, Scene } from '../kit/view.ts';

const host = 'registry.test';
const proxy = 'http://proxy.test:3128';
const endpoints = [{ url: 'https://registry.test/v2', proxy, proxyReason: 'https_proxy' }];

/** The proxy is connected to. */
const toProxy = (): Scene => {
  const scene = new Scene({ endpoints });
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  return scene;
};

/** Its answer to CONNECT; and what the counterfactual direct way gives: open, or broken so, or not tried. */
const answered = (
  status: number | null,
  direct: 'open' | Failure | null,
  more: { squid?: string; error?: Failure; withCredentials?: boolean } = {},
) => {
  const scene = toProxy();
  const { squid, withCredentials = false } = more;
  const refused: Failure = [status === 407 ? 'proxy-auth' : 'proxy-refused', `${status}`];
  const headers: Record<string, string> = squid === undefined ? {} : { 'x-squid-error': squid };
  const evidence = [scene.connect(more.error ?? refused, { status, headers, withCredentials })];
  if (direct === null) return { scene, evidence };
  scene.dns(host, ['192.0.2.10']);
  const tcp = scene.tcp(host, '192.0.2.10', direct === 'open' ? null : direct, { counterfactual: true });
  const tls = direct === 'open' ? [scene.tls(null, { proxy: null, counterfactual: true })] : [];
  return { scene, evidence: direct === 'open' ? [...evidence, tcp, ...tls] : evidence };
};

/** A registry without TLS, asked through the proxy; its answer is the proxy's own. */
const plain = (facts: Parameters<Scene['ping']>[0]) => {
  const scene = new Scene({ endpoints: [{ url: 'http://registry.test:5000/v2', proxy }] });
  scene.dns('proxy.test', ['192.0.2.30']);
  scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128 });
  const evidence = [scene.ping(facts)];
  return { scene, evidence };
};

describe('causes: proxy', () => {
  holds('proxy-unreachable', 'its name does not exist', () => {
    const scene = new Scene({ endpoints });
    return {
      scene,
      evidence: scene.dns('proxy.test', 'name-not-found'),
      host: 'proxy.test:3128',
      underlying: 'dns-name-not-found',
    };
  });
  holds('proxy-unreachable', 'its nameserver is silent', () => {
    const scene = new Scene({ endpoints });
    return { scene, evidence: scene.dns('proxy.test', 'timeout'), underlying: 'dns-timeout' };
  });
  const ends: readonly [Failure, 'tcp-refused' | 'tcp-timeout' | 'no-route' | 'tcp-reset'][] = [
    ['refused', 'tcp-refused'],
    ['timeout', 'tcp-timeout'],
    ['unreachable', 'no-route'],
    ['reset', 'tcp-reset'],
  ];
  for (const [code, underlying] of ends) {
    holds('proxy-unreachable', `its port: ${underlying}`, () => {
      const scene = new Scene({ endpoints });
      scene.dns('proxy.test', ['192.0.2.30']);
      const evidence = [scene.tcp('proxy.test', '192.0.2.30', code, { port: 3128 })];
      return { scene, evidence, underlying, says: /proxy http:\/\/proxy\.test:3128 cannot be reached/ };
    });
  }
  holds('proxy-unreachable', 'its port refuses, though the registry can be reached without it', () => {
    const scene = new Scene({ endpoints });
    scene.dns('proxy.test', ['192.0.2.30']);
    const evidence = [scene.tcp('proxy.test', '192.0.2.30', 'refused', { port: 3128 })];
    scene.reach({ proxy: null, counterfactual: true });
    return { scene, evidence, underlying: 'tcp-refused' };
  });
  holds('proxy-unreachable', 'it closes without an answer', () => answered(null, 'timeout', { error: 'closed' }));
  holds('proxy-unreachable', 'it does not answer, and the registry cannot be reached directly either', () => ({
    ...answered(null, 'timeout', { error: 'timeout' }),
    confidence: 'likely',
    alternatives: ['tcp-timeout'],
  }));
  misses('proxy-unreachable', 'it answers 403', () => answered(403, 'timeout').scene, 'proxy-denied');
  misses(
    'proxy-unreachable',
    'it hangs at this registry, which this node reaches directly',
    () => answered(null, 'open', { error: 'timeout' }).scene,
    'proxy-bypass-missing',
  );
  misses(
    'proxy-unreachable',
    'NO_PROXY leads around the dead proxy',
    () => {
      const scene = new Scene({ knownProxies: [{ url: proxy, source: 'https_proxy' }] });
      scene.serve();
      scene.dns('proxy.test', ['192.0.2.30']);
      scene.tcp('proxy.test', '192.0.2.30', 'refused', { port: 3128 });
      return scene;
    },
    null,
  );
  misses('proxy-unreachable', 'the proxy has not been heard yet', toProxy, null);

  holds('proxy-auth-required', '407', () => ({ ...answered(407, null), says: /wants authentication \(407\)/ }));
  holds('proxy-auth-required', 'the credentials of its URL are refused', () => ({
    ...answered(407, 'timeout', { withCredentials: true }),
    says: /were sent and refused/,
  }));
  holds('proxy-auth-required', '407, though the registry can be reached directly', () => ({
    scene: answered(407, 'open').scene,
    evidence: answered(407, 'open').evidence.slice(0, 1),
  }));
  misses('proxy-auth-required', '403', () => answered(403, null).scene, 'proxy-denied');
  misses(
    'proxy-auth-required',
    'the registry, not the proxy, answers 401',
    () => {
      const scene = new Scene({ endpoints });
      scene.reach();
      scene.ping({ status: 401 });
      scene.manifest({ status: 401 });
      return scene;
    },
    'credentials-missing',
  );

  holds('proxy-denied', '403, and directly the registry cannot be reached', () => ({
    ...answered(403, 'timeout', { squid: 'ERR_ACCESS_DENIED 0' }),
    says: /refuses to open registry\.test:443 \(it answers 403, ERR_ACCESS_DENIED\)/,
  }));
  holds('proxy-denied', 'squid denies with another status', () =>
    answered(503, 'timeout', { squid: 'ERR_ACCESS_DENIED 0' }),
  );
  const deniedPlain = () => plain({ status: 403, bodyFormat: 'html', proxyError: 'ERR_ACCESS_DENIED 0' });
  holds('proxy-denied', 'the request of a plain-HTTP registry, which refuses this node too', () => {
    const { scene, evidence } = deniedPlain();
    scene.dns(host, ['192.0.2.10']);
    scene.tcp(host, '192.0.2.10', 'refused', { port: 5000, counterfactual: true });
    return { scene, evidence };
  });
  holds('proxy-denied', 'whether this node reaches it directly was not found out', () => ({
    ...deniedPlain(),
    confidence: 'likely',
    alternatives: ['proxy-bypass-missing'],
  }));
  misses(
    'proxy-denied',
    'the request of a plain-HTTP registry, which this node reaches',
    () => {
      const { scene } = deniedPlain();
      scene.dns(host, ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10', null, { port: 5000, counterfactual: true });
      scene.ping({ proxy: null, counterfactual: true, apiVersion: 'registry/2.0' });
      return scene;
    },
    'proxy-bypass-missing',
  );
  holds('proxy-denied', 'the request of a plain-HTTP registry, in whose place directly a portal answers', () => {
    const { scene, evidence } = deniedPlain();
    scene.dns(host, ['192.0.2.10']);
    scene.tcp(host, '192.0.2.10', null, { port: 5000, counterfactual: true });
    scene.ping({ proxy: null, counterfactual: true, status: 302 });
    return { scene, evidence, confidence: 'likely', alternatives: ['proxy-bypass-missing'] };
  });
  misses(
    'proxy-denied',
    'directly this node reaches the registry',
    () => answered(403, 'open').scene,
    'proxy-bypass-missing',
  );
  misses(
    'proxy-denied',
    'the proxy cannot connect',
    () => answered(503, 'timeout', { squid: 'ERR_CONNECT_FAIL 111' }).scene,
    'tcp-refused',
  );
  misses(
    'proxy-denied',
    "the registry's own 403 by the proxy",
    () => {
      const scene = new Scene({ endpoints });
      scene.reach();
      scene.ping();
      scene.manifest({ status: 403, errors: [{ code: 'DENIED', message: 'denied' }] });
      return scene;
    },
    'access-denied',
  );

  holds('proxy-bypass-missing', 'the proxy refuses, this node reaches it', () => ({
    ...answered(403, 'open'),
    says: /NO_PROXY lacks it/,
  }));
  holds('proxy-bypass-missing', 'the proxy cannot look the name up, this node can', () =>
    answered(503, 'open', { squid: 'ERR_DNS_FAIL 0' }),
  );
  holds('proxy-bypass-missing', 'a proxy without words of its own fails onward', () => answered(502, 'open'));
  misses('proxy-bypass-missing', 'neither way works', () => answered(502, 'timeout').scene, 'unknown');
  misses(
    'proxy-bypass-missing',
    'directly there is a connection, and the certificate fails',
    () => {
      const { scene } = answered(403, null);
      scene.dns(host, ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10', null, { counterfactual: true });
      scene.tls('tls-unknown-authority', { proxy: null, counterfactual: true });
      return scene;
    },
    'proxy-denied',
  );

  /** The proxy opens a tunnel in which the handshake ends so; and what the direct way gives. */
  const tunneled = (inside: Failure, direct: 'open' | Failure) => {
    const scene = toProxy();
    scene.connect(null, { status: 200 });
    const evidence = [scene.tls(inside, { proxy, address: '192.0.2.30', chain: [] })];
    scene.dns(host, ['192.0.2.10']);
    const tcp = scene.tcp(host, '192.0.2.10', direct === 'open' ? null : direct, { counterfactual: true });
    if (direct !== 'open') return { scene, evidence };
    return { scene, evidence: [...evidence, tcp, scene.tls(null, { proxy: null, counterfactual: true })] };
  };
  for (const inside of ['closed', 'reset'] satisfies Failure[]) {
    holds('proxy-bypass-missing', `the proxy's tunnel leads to nobody (${inside}), this node reaches the host`, () =>
      tunneled(inside, 'open'),
    );
  }
  holds('proxy-bypass-missing', 'the tunnel is silent, this node reaches the host', () => ({
    ...tunneled('timeout', 'open'),
    confidence: 'likely',
    alternatives: ['mtu-black-hole'],
  }));
  misses(
    'proxy-bypass-missing',
    'the tunnel leads to nobody, and directly the host cannot be reached either',
    () => tunneled('closed', 'timeout').scene,
    'tls-handshake-failed',
  );
  holds('proxy-bypass-missing', 'the server in the tunnel refuses by an alert, this node reaches the host', () => ({
    ...tunneled('tls-alert', 'open'),
    says: /on the way that it opens another server answers/,
  }));
  misses(
    'proxy-bypass-missing',
    'the server in the tunnel refuses by an alert, and so does the host directly',
    () => {
      const { scene } = tunneled('tls-alert', 'closed');
      scene.tcp(host, '192.0.2.10', null, { counterfactual: true });
      scene.tls('tls-alert', { proxy: null, counterfactual: true, chain: [] });
      return scene;
    },
    'tls-handshake-failed',
  );

  const knownProxies = [
    { url: 'http://old.test:3128', source: 'http_proxy from etc/sysconfig/docker:1' },
    { url: proxy, source: 'https_proxy from etc/environment:3' },
  ];
  const closed = (broken: 'dns' | 'tcp', through: boolean) => {
    const scene = new Scene({ knownProxies });
    const named = scene.dns(host, broken === 'dns' ? 'name-not-found' : ['192.0.2.10']);
    const evidence = broken === 'dns' ? named : [scene.tcp(host, '192.0.2.10', 'timeout')];
    scene.dns('proxy.test', ['192.0.2.30']);
    const tcp = scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128, counterfactual: true });
    const by = { proxy, counterfactual: true, address: '192.0.2.30' };
    const connect = scene.connect(through ? null : ['proxy-refused', '403'], { ...by, status: through ? 200 : 403 });
    if (!through) return { scene, evidence };
    return { scene, evidence: [...evidence, tcp, connect, scene.tls(null, by)] };
  };
  holds('proxy-required', 'packets vanish, and the proxy of /etc/environment gets through', () => ({
    ...closed('tcp', true),
    says: /etc\/environment:3/,
  }));
  /** The handshake ends so on the runtime's own way, and a known proxy gets through. */
  const mute = (error: Failure) => {
    const scene = new Scene({ knownProxies });
    scene.dns(host, ['192.0.2.10']);
    scene.tcp(host, '192.0.2.10');
    const evidence = [scene.tls(error, { chain: [] })];
    scene.dns('proxy.test', ['192.0.2.30']);
    const tcp = scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128, counterfactual: true });
    const by = { proxy, counterfactual: true, address: '192.0.2.30' };
    const connect = scene.connect(null, { ...by, status: 200 });
    return { scene, evidence: [...evidence, tcp, connect, scene.tls(null, by)] };
  };
  for (const error of ['reset', 'closed', 'timeout'] satisfies Failure[]) {
    holds('proxy-required', `the port opens and TLS gets no answer (${error}), the proxy gets through`, () =>
      mute(error),
    );
  }
  misses(
    'proxy-required',
    'large packets vanish on the own way',
    () => {
      const { scene } = mute('timeout');
      scene.small(null, { unnamedBytes: null });
      return scene;
    },
    'mtu-black-hole',
  );
  misses('proxy-required', 'the server says why', () => mute('tls-alert').scene, 'tls-handshake-failed');
  holds('proxy-required', 'the name is not known here, and the proxy gets through', () => closed('dns', true));
  misses('proxy-required', 'the known proxy refuses it', () => closed('tcp', false).scene, 'tcp-timeout');
  misses(
    'proxy-required',
    'the known proxy was not tried to its end',
    () => {
      const scene = new Scene({ knownProxies });
      scene.dns(host, ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10', 'timeout');
      scene.skipped('proxy');
      return scene;
    },
    'tcp-timeout',
  );
  misses(
    'proxy-required',
    'the runtime goes by a proxy already, which fails',
    () => {
      const scene = new Scene({ endpoints, knownProxies: [{ url: 'http://old.test:3128', source: 'x' }] });
      scene.dns('proxy.test', ['192.0.2.30']);
      scene.tcp('proxy.test', '192.0.2.30', 'timeout', { port: 3128 });
      return scene;
    },
    'proxy-unreachable',
  );
});
