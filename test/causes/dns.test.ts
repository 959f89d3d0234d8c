import assert from 'node:assert/strict';
import { causeOf } from '../../src/causes/index.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { Scene } from '../kit/view.ts';

const host = 'registry.test';
const two = { nameservers: ['192.0.2.53', '192.0.2.54'] };
const knownProxies = [{ url: 'http://proxy.test:3128', source: 'https_proxy from etc/environment:1' }];

/** One nameserver's answer for the registry, and nothing more. */
const said = (answer: Parameters<Scene['dns']>[1]) => {
  const scene = new Scene();
  return { scene, evidence: scene.dns(host, answer) };
};

/** What two nameservers say. */
const bothSaid = (first: Parameters<Scene['dns']>[1], second: Parameters<Scene['dns']>[1]) => {
  const scene = new Scene(two);
  return { scene, evidence: [...scene.dns(host, first, 0), ...scene.dns(host, second, 1)] };
};

/** The name cannot be looked up here, and a proxy that is known on the node gets through. */
const closedNetwork = (answer: Parameters<Scene['dns']>[1]): Scene => {
  const scene = new Scene({ knownProxies });
  scene.dns(host, answer);
  scene.reach({ proxy: 'http://proxy.test:3128', counterfactual: true, address: '192.0.2.30' });
  return scene;
};

describe('causes: dns', () => {
  holds('dns-name-not-found', 'NXDOMAIN', () => ({
    ...said('name-not-found'),
    host,
    says: /registry\.test does not exist.*192\.0\.2\.53/,
  }));
  holds('dns-name-not-found', 'the name is there, without any address', () => said([]));
  holds('dns-name-not-found', 'both nameservers say so', () => ({
    ...bothSaid('name-not-found', 'name-not-found'),
    says: /192\.0\.2\.53 and 192\.0\.2\.54/,
  }));
  holds('dns-name-not-found', 'the first says so, and Go asks no further, though the second is silent', () => ({
    ...bothSaid('name-not-found', 'timeout'),
    confidence: 'likely',
  }));
  holds('dns-name-not-found', 'a filter answers 0.0.0.0 and ::', () => {
    const held = said(['0.0.0.0', '::']);
    held.scene.tcp(host, '0.0.0.0', 'refused');
    held.scene.tcp(host, '::', 'refused');
    return { ...held, host, says: /^Nameserver 192\.0\.2\.53 blocks registry\.test: it answers 0\.0\.0\.0 and ::,/ };
  });
  holds('dns-name-not-found', 'two filters answer 0.0.0.0', () => ({
    ...bothSaid(['0.0.0.0'], ['0.0.0.0']),
    says: /^Nameservers 192\.0\.2\.53 and 192\.0\.2\.54 block registry\.test: they answer 0\.0\.0\.0,/,
  }));
  holds('dns-name-not-found', 'one filters, and the other does not know the name: both know no address', () => ({
    ...bothSaid(['0.0.0.0'], 'name-not-found'),
    says: /^Nameserver 192\.0\.2\.53 blocks/,
  }));
  holds('dns-name-not-found', 'the hosts file says 0.0.0.0', () => {
    const scene = new Scene();
    return {
      scene,
      evidence: [scene.hosts(host, ['0.0.0.0'])],
      says: /^etc\/hosts:3 of this node blocks registry\.test/,
    };
  });
  misses(
    'dns-name-not-found',
    '0.0.0.0 beside an address',
    () => {
      const { scene } = said(['0.0.0.0', '192.0.2.10']);
      scene.tcp(host, '0.0.0.0', 'refused');
      scene.tcp(host, '192.0.2.10', 'timeout');
      return scene;
    },
    'tcp-timeout',
  );
  misses(
    'dns-name-not-found',
    '0.0.0.0 in a network where a known proxy gets through',
    () => closedNetwork(['0.0.0.0']),
    'proxy-required',
  );
  misses(
    'dns-name-not-found',
    "the proxy's name is blocked",
    () => {
      const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy: 'http://proxy.test:3128' }] });
      scene.dns('proxy.test', ['0.0.0.0']);
      scene.tcp('proxy.test', '0.0.0.0', 'refused', { port: 3128 });
      return scene;
    },
    'proxy-unreachable',
  );
  misses('dns-name-not-found', 'SERVFAIL', () => said('server-failure').scene, 'dns-server-failure');
  misses(
    'dns-name-not-found',
    'NXDOMAIN in a network where a known proxy gets through',
    () => closedNetwork('name-not-found'),
    'proxy-required',
  );
  misses(
    'dns-name-not-found',
    'only the first nameserver does not know the name',
    () => {
      const { scene } = bothSaid('name-not-found', ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10');
      scene.tls();
      return scene;
    },
    'dns-inconsistent',
  );
  misses(
    'dns-name-not-found',
    'the lookup was cut off',
    () => {
      const scene = new Scene();
      scene.skipped('dns');
      return scene;
    },
    null,
  );
  misses(
    'dns-name-not-found',
    "the proxy's name is what does not exist",
    () => {
      const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy: 'http://proxy.test:3128' }] });
      scene.dns('proxy.test', 'name-not-found');
      return scene;
    },
    'proxy-unreachable',
  );

  holds('dns-server-failure', 'SERVFAIL', () => ({
    ...said('server-failure'),
    says: /answers SERVFAIL for registry\.test/,
  }));
  misses('dns-server-failure', 'silence', () => said('timeout').scene, 'dns-timeout');
  misses('dns-server-failure', 'a known proxy gets through', () => closedNetwork('server-failure'), 'proxy-required');

  holds('dns-timeout', 'the only nameserver is silent', () => said('timeout'));
  holds('dns-timeout', 'both are', () => bothSaid('timeout', 'timeout'));
  holds('dns-timeout', 'the last is, after one that fails', () => ({
    ...bothSaid('server-failure', 'timeout'),
    confidence: 'likely',
    says: /Nameserver 192\.0\.2\.54 /,
  }));
  misses('dns-timeout', 'nothing listens there', () => said('refused').scene, 'dns-refused');
  misses(
    'dns-timeout',
    'the first is silent, the second answers',
    () => {
      const { scene } = bothSaid('timeout', ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10');
      scene.tls();
      scene.ping();
      scene.manifest();
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    'dns-inconsistent',
  );

  holds('dns-refused', 'nothing listens at the nameserver', () => ({ ...said('refused'), says: /nothing listens/ }));
  holds('dns-refused', 'it answers REFUSED', () => ({ ...said('dns-refused'), says: /answers REFUSED/ }));
  misses('dns-refused', 'SERVFAIL', () => said('server-failure').scene, 'dns-server-failure');
  misses(
    'dns-refused',
    'the registry refuses, not the nameserver',
    () => {
      const { scene } = said(['192.0.2.10']);
      scene.tcp(host, '192.0.2.10', 'refused');
      return scene;
    },
    'tcp-refused',
  );

  holds('dns-inconsistent', 'the one that the runtime believes does not know the name, the other does', () => {
    const held = bothSaid('name-not-found', ['192.0.2.10']);
    held.scene.tcp(host, '192.0.2.10');
    held.scene.tls();
    return { ...held, says: /192\.0\.2\.53 says that there is no such name, 192\.0\.2\.54 gives 192\.0\.2\.10/ };
  });
  holds('dns-inconsistent', 'the one that the runtime believes leads nowhere', () => {
    const held = bothSaid(['192.0.2.99'], ['192.0.2.10']);
    held.scene.tcp(host, '192.0.2.99', 'timeout');
    held.scene.tcp(host, '192.0.2.10');
    held.scene.tls();
    return held;
  });
  holds('dns-inconsistent', 'degraded: the first is silent and the second serves', () => {
    const scene = new Scene(two);
    const evidence = scene.dns(host, 'timeout', 0);
    scene.dns(host, ['192.0.2.10'], 1);
    scene.tcp(host, '192.0.2.10');
    scene.tls();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer');
    return { scene, evidence, severity: 'degraded', says: /192\.0\.2\.53 is silent; 192\.0\.2\.54 answers/ };
  });
  misses(
    'dns-inconsistent',
    'they give different addresses, and all of them serve',
    () => {
      const { scene } = bothSaid(['192.0.2.10'], ['192.0.2.11']);
      for (const address of ['192.0.2.10', '192.0.2.11']) {
        scene.tcp(host, address);
        scene.tls(null, { address });
      }
      return scene;
    },
    null,
  );
  misses(
    'dns-inconsistent',
    'they give different addresses, and all of them are dead',
    () => {
      const { scene } = bothSaid(['192.0.2.10'], ['192.0.2.11']);
      for (const address of ['192.0.2.10', '192.0.2.11']) scene.tcp(host, address, 'timeout');
      return scene;
    },
    'tcp-timeout',
  );
  misses(
    'dns-inconsistent',
    'the second was not heard in time',
    () => {
      const scene = new Scene(two);
      scene.dns(host, 'name-not-found', 0);
      scene.skipped('dns');
      return scene;
    },
    null,
  );

  it('puts every nameserver into the command that compares them', () => {
    const [, compare] = causeOf('dns-inconsistent').remedies({ host, nameserver: '192.0.2.53 and 192.0.2.54' });
    assert.equal(compare?.command, 'dig +short registry.test @192.0.2.53; dig +short registry.test @192.0.2.54');
  });
});
