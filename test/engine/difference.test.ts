import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { LoadedFacts, StartFile } from '../../src/model/facts.ts';
import { Scene } from '../kit/view.ts';

const changed = (of: StartFile['of'], facts: Partial<StartFile> = {}): StartFile => ({
  path: of === 'trust' ? 'etc/ssl/certs/ca-certificates.crt' : 'etc/containerd/config.toml',
  of,
  changedAt: '2026-11-22T07:00:00.000Z',
  afterStart: true,
  seen: 'same',
  ...facts,
});

const configPath = {
  name: 'registry.config_path',
  loaded: 'not set',
  configured: '/etc/containerd/certs.d',
  source: 'etc/containerd/config.toml:7',
};

const refused =
  'failed to do request: Head "https://registry.test/v2/": dial tcp 192.0.2.10:443: connect: connection refused';
const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';

/** Every probe passes, and the runtime fails with these words. */
function failing(loaded: Partial<LoadedFacts> | null, words: string, cause: string | null): Scene {
  const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
  scene.runtime();
  if (loaded !== null) scene.loaded(loaded);
  scene.serve();
  scene.pull(words, cause);
  return scene;
}

const primary = (scene: Scene) => {
  const { verdict, findings } = conclude(scene.view());
  const [first] = findings;
  return { verdict, cause: first?.cause, underlying: first?.underlying, confidence: first?.confidence, first };
};

describe('a pull that fails where the probes pass', () => {
  it('is explained by registry settings that are not loaded, and lead elsewhere', () => {
    const loaded = { settings: [configPath], endpoints: ['https://registry.test/v2'] };
    const { first, ...rest } = primary(failing(loaded, refused, 'tcp-refused'));
    assert.deepEqual(rest, {
      verdict: 'faulty',
      cause: 'runtime-misconfigured',
      underlying: 'tcp-refused',
      confidence: 'proven',
    });
    assert.match(first?.summary ?? '', /process 512, started 2026-11-22 06:00:00 UTC/);
    assert.match(
      first?.summary ?? '',
      /registry\.config_path is not set there, and .* in etc\/containerd\/config\.toml:7/,
    );
    assert.match(first?.summary ?? '', /So it fails: .*refuses/);
    assert.equal(first?.remedies[0]?.command, 'systemctl daemon-reload && systemctl restart containerd');
    assert.deepEqual(first?.evidence.length, 2);
  });

  it('is only likely to be so explained where the probes did not get the whole image', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded({ settings: [configPath], endpoints: ['https://registry.test/v2'] });
    scene.reach();
    scene.ping();
    scene.pull(refused, 'tcp-refused');
    assert.equal(primary(scene).confidence, 'likely');
  });

  it('is likely explained by a changed file, where the runtime does not tell what it has loaded', () => {
    const { first, ...rest } = primary(
      failing({ settings: null, files: [changed('settings')] }, refused, 'tcp-refused'),
    );
    assert.deepEqual(rest, {
      verdict: 'faulty',
      cause: 'runtime-misconfigured',
      underlying: 'tcp-refused',
      confidence: 'likely',
    });
    assert.match(first?.summary ?? '', /etc\/containerd\/config\.toml changed 2026-11-22 07:00:00 UTC/);
    assert.deepEqual(first?.alternatives, ['tcp-refused']);
  });

  it('is explained by the trust store that it loaded before, as the authority that it lacks', () => {
    const { first, ...rest } = primary(failing({ files: [changed('trust')] }, untrusted, 'tls-unknown-authority'));
    assert.deepEqual(rest, {
      verdict: 'faulty',
      cause: 'tls-unknown-authority',
      underlying: null,
      confidence: 'proven',
    });
    assert.match(first?.summary ?? '', /CN=Test CA is in its trust store/);
    assert.match(first?.remedies[0]?.command ?? '', /restart containerd/);
  });

  it('is likely explained by other files that it sees under the same names', () => {
    for (const seen of ['other', 'absent'] as const) {
      const trust = primary(
        failing({ files: [changed('trust', { afterStart: false, seen })] }, untrusted, 'tls-unknown-authority'),
      );
      assert.deepEqual([trust.cause, trust.confidence], ['tls-unknown-authority', 'likely']);
      assert.match(trust.first?.summary ?? '', /mount namespace/);
      const settings = primary(
        failing({ files: [changed('settings', { afterStart: false, seen })] }, refused, 'tcp-refused'),
      );
      assert.deepEqual([settings.cause, settings.underlying], ['runtime-misconfigured', 'tcp-refused']);
    }
  });

  const unexplained: Record<string, [Partial<LoadedFacts> | null, string, string | null, string]> = {
    'a process that cannot be looked at': [null, refused, 'tcp-refused', 'tcp-refused'],
    'files that are older than the process': [
      { settings: null, files: [changed('settings', { afterStart: false }), changed('trust', { afterStart: false })] },
      untrusted,
      'tls-unknown-authority',
      'tls-unknown-authority',
    ],
    'a change too near the start to tell': [
      { settings: null, files: [changed('settings', { afterStart: null })] },
      refused,
      'tcp-refused',
      'tcp-refused',
    ],
    'a changed file of which all that bears on pulls is loaded': [
      { settings: [], files: [changed('settings')] },
      refused,
      'tcp-refused',
      'tcp-refused',
    ],
    'a pause image that is not loaded': [
      { settings: [{ ...configPath, name: 'sandbox_image' }], files: [changed('settings')] },
      refused,
      'tcp-refused',
      'tcp-refused',
    ],
    'a full disk beside settings that are not loaded': [
      { settings: [configPath], endpoints: ['https://registry.test/v2'], files: [changed('settings')] },
      'no space left on device',
      'disk-full',
      'disk-full',
    ],
    'a trust store that changed, and a refused connection': [
      { files: [changed('trust')] },
      refused,
      'tcp-refused',
      'tcp-refused',
    ],
  };
  for (const [name, [loaded, words, cause, expected]] of Object.entries(unexplained)) {
    it(`is not explained by ${name}`, () => {
      const scene = failing(loaded, words, cause);
      const result = primary(scene);
      assert.deepEqual([result.cause, result.confidence, result.underlying], [expected, 'likely', null]);
    });
  }

  it('with credentials refused may be a secret that it does not tell', () => {
    const result = primary(failing({ files: [changed('settings')] }, '401 Unauthorized', 'credentials-rejected'));
    assert.deepEqual(
      [result.cause, result.underlying, result.confidence],
      ['runtime-misconfigured', 'credentials-rejected', 'likely'],
    );
  });

  it('is not explained by changed files of a CRI-O, which may have been told to load them', () => {
    const scene = new Scene({ runtime: { name: 'cri-o', asked: true } });
    scene.runtime({ name: 'cri-o' });
    scene.loaded({ settings: null, unit: 'crio', files: [changed('settings')] });
    scene.serve();
    scene.pull(refused, 'tcp-refused');
    const result = primary(scene);
    assert.deepEqual([result.cause, result.confidence], ['tcp-refused', 'likely']);
  });

  it('is named by the probes where they fail too', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded({ settings: null, files: [changed('settings'), changed('trust')] });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'refused');
    scene.pull(refused, 'tcp-refused');
    const result = primary(scene);
    assert.deepEqual([result.verdict, result.cause, result.confidence], ['faulty', 'tcp-refused', 'proven']);
  });
});

describe('probes that do not go where the runtime goes', () => {
  const stale = { settings: [configPath], endpoints: ['https://registry.test/v2'] };

  it('say so where they pass and no pull was made', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded(stale);
    scene.serve();
    const { verdict, cause, confidence, first } = primary(scene);
    assert.deepEqual([verdict, cause, confidence], ['degraded', 'runtime-misconfigured', 'proven']);
    assert.match(first?.summary ?? '', /--pull/);
  });

  it('prove nothing of the runtime where they fail and no pull was made', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded(stale);
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'refused');
    const { verdict, findings } = conclude(scene.view());
    assert.equal(verdict, 'inconclusive');
    assert.deepEqual(
      findings.map(({ cause, confidence }) => [cause, confidence]),
      [
        ['runtime-misconfigured', 'proven'],
        ['tcp-refused', 'possible'],
      ],
    );
  });

  it('come after what stops the node whatever the way', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded(stale);
    scene.serve();
    scene.disk({ freeBytes: 0 });
    const { verdict, cause } = primary(scene);
    assert.deepEqual([verdict, cause], ['faulty', 'disk-full']);
  });

  it('are no witness in another network', () => {
    for (const works of [true, false]) {
      const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
      scene.runtime();
      scene.loaded({ sameNetwork: false });
      if (works) scene.serve();
      else {
        scene.dns('registry.test', ['192.0.2.10']);
        scene.tcp('registry.test', '192.0.2.10', 'refused');
      }
      const { verdict, summary } = conclude(scene.view());
      assert.equal(verdict, 'inconclusive');
      assert.match(summary, /another network than the runtime/);
    }
  });

  it('say that first, whatever else they meet there', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded({ sameNetwork: false });
    scene.serve();
    scene.disk({ freeBytes: 12 * 2 ** 30, totalBytes: 100 * 2 ** 30 });
    const { verdict, summary } = conclude(scene.view());
    assert.equal(verdict, 'inconclusive');
    assert.match(summary, /another network than the runtime/);
  });

  it('leave a pull in another network as the witness', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime();
    scene.loaded({ sameNetwork: false });
    scene.serve();
    scene.pull(null);
    assert.equal(conclude(scene.view()).verdict, 'healthy');
  });
});

describe('an environment that the unit sets otherwise', () => {
  const differing = (configured: string | null, running: string | null) => ({
    environment: [
      { name: 'HTTPS_PROXY', configured, running, source: 'etc/systemd/system/containerd.service.d/proxy.conf:2' },
    ],
  });

  it('is told with a proxy that fails, the restart first', () => {
    const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy: 'http://proxy.test:3128' }] });
    const id = scene.loaded(differing(null, 'http://proxy.test:3128'));
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', 'refused', { port: 3128 });
    const { first } = primary(scene);
    assert.equal(first?.cause, 'proxy-unreachable');
    assert.match(first?.summary ?? '', /has HTTPS_PROXY=http:\/\/proxy\.test:3128, which .*proxy\.conf:2 does not set/);
    assert.match(first?.remedies[0]?.command ?? '', /systemctl restart containerd/);
    assert.ok(first?.evidence.includes(id));
  });

  it('is told of a proxy that is required only where the unit sets one by now', () => {
    for (const [configured, told] of [
      ['http://proxy.test:3128', true],
      [null, false],
    ] as const) {
      const known = [{ url: 'http://proxy.test:3128', source: 'HTTPS_PROXY from etc/environment:1' }];
      const scene = new Scene({ knownProxies: known });
      scene.loaded(differing(configured, null));
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10', 'refused');
      scene.reach({ proxy: 'http://proxy.test:3128', counterfactual: true, address: '192.0.2.30' });
      const { first } = primary(scene);
      assert.equal(first?.cause, 'proxy-required');
      assert.equal(/does not have HTTPS_PROXY/.test(first?.summary ?? ''), told);
    }
  });

  it('is not told with a fault that no proxy makes', () => {
    const scene = new Scene();
    scene.loaded(differing('http://proxy.test:3128', null));
    scene.reach();
    scene.ping();
    scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
    assert.doesNotMatch(primary(scene).first?.summary ?? '', /HTTPS_PROXY/);
  });
});
