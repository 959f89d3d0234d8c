import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import type { Problem } from '../../src/model/problem.ts';
import { primaryOf } from '../kit/cause-cases.ts';
import { challenge, partyOf, Scene, type SceneOptions } from '../kit/view.ts';

const mirrored: SceneOptions = {
  endpoints: [
    { url: 'https://mirror.test/v2', role: 'mirror', source: 'etc/containerd/certs.d/registry.test/hosts.toml:3' },
    { url: 'https://registry.test/v2', role: 'upstream' },
  ],
};
const upstream = { endpoint: 1, address: '192.0.2.11' };
const asked = { runtime: { name: 'containerd', asked: true } } as const;
const unknownTag = [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }];
const limits = [{ code: 'TOOMANYREQUESTS', message: 'limit' }];

/** A mirror whose port refuses, and whatever `upstreamSays` of the upstream. */
const deadMirror = (upstreamSays: (scene: Scene) => void, options: SceneOptions = {}): Scene => {
  const scene = new Scene({ ...mirrored, ...options });
  scene.dns('mirror.test', ['192.0.2.10']);
  scene.tcp('mirror.test', '192.0.2.10', 'refused');
  upstreamSays(scene);
  return scene;
};

/** The registry's port refuses. */
const refused = (options: SceneOptions = {}): Scene => {
  const scene = new Scene(options);
  scene.dns('registry.test', ['192.0.2.10']);
  scene.tcp('registry.test', '192.0.2.10', 'refused');
  return scene;
};

/** The verdict, and the primary cause with what it carries. */
const verdict = (scene: Scene): [string, CauseId | null, CauseId | null] => {
  const { verdict: one, findings } = conclude(scene.view());
  return [one, findings[0]?.cause ?? null, findings[0]?.underlying ?? null];
};

const layersOf = (scene: Scene): string[] => conclude(scene.view()).ruledOut.map(({ layer }) => layer);

describe('conclude: endpoints', () => {
  it('is healthy when the only endpoint serves', () => {
    const scene = new Scene();
    scene.serve();
    const { verdict: one, findings, endpoints, summary } = conclude(scene.view());
    assert.deepEqual([one, findings, endpoints[0]?.verdict], ['healthy', [], 'healthy']);
    assert.equal(summary, 'registry.test/team/app:1.0 can be pulled on this node, from registry.test.');
  });

  const answers: readonly [CauseId, (scene: Scene) => void][] = [
    [
      'tag-not-found',
      (scene) => {
        scene.manifest({ ...upstream, status: 404, errors: unknownTag });
        scene.names('tags', ['0.9'], upstream);
      },
    ],
    [
      'repository-not-found',
      (scene) => scene.manifest({ ...upstream, status: 404, errors: [{ code: 'NAME_UNKNOWN', message: '' }] }),
    ],
    [
      'access-denied',
      (scene) => scene.manifest({ ...upstream, status: 403, errors: [{ code: 'DENIED', message: 'denied' }] }),
    ],
    ['rate-limited', (scene) => scene.manifest({ ...upstream, status: 429, errors: limits })],
    ['platform-mismatch', (scene) => scene.manifest({ ...upstream, kind: 'index', platforms: ['linux/arm64'] })],
  ];
  for (const [cause, say] of answers) {
    it(`takes the upstream's answer about the image over the mirror's fault: ${cause}`, () => {
      const scene = deadMirror((one) => {
        one.reach(upstream);
        one.ping(upstream);
        say(one);
      });
      const { verdict: overall, findings, endpoints } = conclude(scene.view());
      assert.equal(overall, 'faulty');
      assert.deepEqual(
        findings.map((finding) => [finding.cause, finding.endpoint]),
        [
          [cause, 1],
          ['tcp-refused', 0],
        ],
      );
      assert.deepEqual(
        endpoints.map((endpoint) => endpoint.verdict),
        ['faulty', 'faulty'],
      );
    });
  }

  it("takes the first endpoint's own cause when the upstream says nothing about the image", () => {
    const scene = deadMirror((one) => {
      one.dns('registry.test', ['192.0.2.11']);
      one.tcp('registry.test', '192.0.2.11', 'timeout', { endpoint: 1 });
    });
    assert.deepEqual(verdict(scene), ['faulty', 'tcp-refused', null]);
    assert.deepEqual(
      conclude(scene.view()).findings.map(({ cause, endpoint }) => [cause, endpoint]),
      [
        ['tcp-refused', 0],
        ['tcp-timeout', 1],
      ],
    );
  });

  it("takes the mirror's answer about the image where the upstream cannot be reached, as in closed networks", () => {
    const scene = new Scene(mirrored);
    scene.reach();
    scene.ping();
    scene.manifest({ status: 404, errors: unknownTag });
    scene.names('tags', ['0.9']);
    scene.dns('registry.test', 'name-not-found');
    assert.deepEqual(verdict(scene), ['faulty', 'tag-not-found', null]);
  });

  it('is healthy when the mirror serves and the upstream behind it is dead', () => {
    const scene = new Scene(mirrored);
    scene.serve();
    scene.dns('registry.test', ['192.0.2.11']);
    scene.tcp('registry.test', '192.0.2.11', 'timeout', { endpoint: 1 });
    const { verdict: one, findings, endpoints } = conclude(scene.view());
    assert.deepEqual([one, findings], ['healthy', []]);
    assert.deepEqual(
      endpoints.map((endpoint) => endpoint.verdict),
      ['healthy', 'faulty'],
    );
  });

  it('is degraded by a dead mirror while the upstream serves, and says what is wrong with it', () => {
    const scene = deadMirror((one) => one.serve(upstream));
    assert.deepEqual(verdict(scene), ['degraded', 'mirror-failed', 'tcp-refused']);
    const [finding] = conclude(scene.view()).findings;
    assert.equal(finding?.severity, 'degraded');
    assert.equal(finding.host, 'mirror.test');
    assert.match(finding.summary, /mirror\.test \(etc\/containerd\/certs\.d\/registry\.test\/hosts\.toml:3\) fails/);
    assert.match(finding.summary, /refuses the connection/);
  });

  it('is degraded by a second mirror that is dead, too', () => {
    const scene = new Scene({
      endpoints: [
        { url: 'https://mirror.test/v2', role: 'mirror' },
        { url: 'https://second.test/v2', role: 'mirror' },
        { url: 'https://registry.test/v2' },
      ],
    });
    scene.serve();
    scene.dns('second.test', 'name-not-found');
    scene.serve({ endpoint: 2, address: '192.0.2.12' });
    assert.deepEqual(verdict(scene), ['degraded', 'mirror-failed', 'dns-name-not-found']);
  });

  it('is healthy when the mirror only does not hold this image', () => {
    const scene = new Scene(mirrored);
    scene.reach();
    scene.ping();
    scene.manifest({ status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'unknown' }] });
    scene.serve(upstream);
    assert.deepEqual(verdict(scene), ['healthy', null, null]);
  });

  it('is degraded when the mirror answers 404 with a page: that is no mirror', () => {
    const scene = new Scene(mirrored);
    scene.reach();
    scene.ping({ status: 404, bodyFormat: 'html' });
    scene.manifest({ status: 404, bodyFormat: 'html' });
    scene.serve(upstream);
    assert.deepEqual(verdict(scene), ['degraded', 'mirror-failed', 'registry-invalid-response']);
  });

  it('does not call faulty what was not checked to its end', () => {
    const scene = deadMirror((one) => one.skipped('dns', { endpoint: 1 }));
    const { verdict: one, endpoints } = conclude(scene.view());
    assert.equal(one, 'inconclusive');
    assert.equal(endpoints[1]?.verdict, 'skipped');
    assert.deepEqual(verdict(new Scene()), ['inconclusive', null, null]);
  });

  it('does not call healthy what was not checked to its end', () => {
    for (const part of ['config', 'layer'] as const) {
      const scene = new Scene();
      scene.reach();
      scene.ping();
      scene.manifest();
      scene.blob(part);
      scene.skipped('blob');
      assert.deepEqual(verdict(scene), ['inconclusive', null, null]);
      assert.match(conclude(scene.view()).summary, /answers, and whether it gives .* was not found out\.$/);
    }
  });

  it('takes the hop that comes first on the way', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', 'timeout');
    assert.deepEqual(verdict(scene), ['faulty', 'auth-service-unreachable', 'dns-timeout']);
    assert.match(primaryOf(scene)?.summary ?? '', /auth\.test.*does not answer, so auth\.test cannot be looked up/);
  });

  it('names the host of the content that cannot be fetched, and why', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest();
    scene.blob('config', { status: 307, next: partyOf('https://cdn.test/x') });
    scene.dns('cdn.test', ['192.0.2.40']);
    scene.tcp('cdn.test', '192.0.2.40', 'timeout');
    assert.deepEqual(verdict(scene), ['faulty', 'blob-unreachable', 'tcp-timeout']);
    assert.equal(primaryOf(scene)?.host, 'cdn.test');
  });

  it('keeps a rate limit at the token service a rate limit', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
    scene.token({ status: 429, errors: limits });
    assert.deepEqual(verdict(scene), ['faulty', 'rate-limited', null]);
  });

  it('names a cause that is not known as such, with the evidence', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    const evidence = scene.manifest({ status: 409, errors: [{ code: 'CONFLICT', message: 'being moved' }] });
    assert.deepEqual(verdict(scene), ['faulty', 'unknown', null]);
    assert.deepEqual(primaryOf(scene)?.evidence, [evidence]);
    assert.equal(primaryOf(scene)?.confidence, 'possible');
  });

  it('has evidence for every fault, and every piece of it is a probe', () => {
    const scene = deadMirror((one) => one.dns('registry.test', 'server-failure'));
    const known = new Set(scene.view().probes.map(({ id }) => id));
    for (const { evidence } of conclude(scene.view()).findings) {
      assert.ok(evidence.length > 0 && evidence.every((id) => known.has(id)));
    }
  });
});

describe('conclude: the image on the node and its policy', () => {
  const present = (policy: 'Always' | 'IfNotPresent' | 'Never', here: boolean): Scene => {
    const scene = refused({ ...asked, policy });
    scene.runtime();
    scene.image(here);
    return scene;
  };

  it('is never faulty while the image is here and the policy does not ask', () => {
    for (const policy of ['IfNotPresent', 'Never'] as const) {
      const scene = present(policy, true);
      assert.deepEqual(verdict(scene), ['degraded', 'tcp-refused', null]);
      assert.ok(conclude(scene.view()).findings.every(({ severity }) => severity === 'degraded'));
      scene.pull('connection refused', 'tcp-refused');
      assert.equal(conclude(scene.view()).verdict, 'degraded', 'though the pull fails');
    }
  });

  it('is healthy when the registry serves too', () => {
    const scene = new Scene({ ...asked, policy: 'IfNotPresent' });
    scene.runtime();
    scene.image(true);
    scene.serve();
    const { verdict: one, summary } = conclude(scene.view());
    assert.equal(one, 'healthy');
    assert.match(summary, /is on this node, and imagePullPolicy IfNotPresent starts it without a registry\.$/);
  });

  it('is healthy when nothing else was checked: it starts without a registry', () => {
    const scene = new Scene({ ...asked, policy: 'Never' });
    scene.runtime();
    scene.image(true);
    scene.skipped('dns');
    assert.equal(conclude(scene.view()).verdict, 'healthy');
  });

  it('blames Always, when the registry that it forces fails', () => {
    const scene = present('Always', true);
    const { verdict: one, findings } = conclude(scene.view());
    assert.equal(one, 'faulty');
    assert.deepEqual(
      findings.map(({ cause, underlying }) => [cause, underlying]),
      [
        ['pull-policy-always', 'tcp-refused'],
        ['tcp-refused', null],
      ],
    );
    assert.match(findings[0]?.remedies[0]?.text ?? '', /IfNotPresent/);
  });

  it('does not blame Always for what another policy would meet as well', () => {
    assert.deepEqual(verdict(present('Always', false)), ['faulty', 'tcp-refused', null]);
    const healthy = new Scene({ ...asked, policy: 'Always' });
    healthy.runtime();
    healthy.image(true);
    healthy.serve();
    assert.deepEqual(verdict(healthy), ['healthy', null, null]);
    const full = new Scene({ ...asked, policy: 'Always' });
    full.runtime();
    full.image(true);
    full.disk({ freeBytes: 0 });
    full.serve();
    assert.deepEqual(verdict(full), ['faulty', 'disk-full', null]);
  });

  it('does not blame Always where the pull works', () => {
    const scene = present('Always', true);
    scene.pull(null);
    assert.deepEqual(verdict(scene), ['degraded', 'tcp-refused', null]);
  });

  it('names Never first, whatever the registry does', () => {
    assert.deepEqual(verdict(present('Never', false)), ['faulty', 'image-never-pull', null]);
  });
});

describe('conclude: the second witness, a real pull', () => {
  it('is not faulty when the pull works, though probes fail', () => {
    const scene = refused(asked);
    scene.runtime();
    scene.image(false);
    scene.pull(null);
    const { verdict: one, pull } = conclude(scene.view());
    assert.equal(one, 'degraded');
    assert.deepEqual(pull, { attempted: true, ok: true, durationMs: 1, error: null, cause: null });
  });

  it('is healthy when the pull works and nothing could be probed', () => {
    const scene = new Scene(asked);
    scene.pull(null);
    assert.equal(conclude(scene.view()).verdict, 'healthy');
  });

  it("takes the runtime's words when the pull fails where the probes pass, as likely", () => {
    const scene = new Scene(asked);
    scene.runtime();
    scene.serve();
    const id = scene.pull('failed to extract layer: unsupported', 'unpack-failed');
    assert.deepEqual(verdict(scene), ['faulty', 'unpack-failed', null]);
    const [finding] = conclude(scene.view()).findings;
    assert.deepEqual([finding?.confidence, finding?.evidence], ['likely', [id]]);
    assert.match(finding?.summary ?? '', /by its own words: failed to extract layer/);
  });

  it('says unknown when the words mean nothing known', () => {
    const scene = new Scene(asked);
    scene.serve();
    scene.pull('the moon is in the wrong house');
    assert.deepEqual(verdict(scene), ['faulty', 'unknown', null]);
    assert.equal(primaryOf(scene)?.confidence, 'possible');
    assert.match(primaryOf(scene)?.summary ?? '', /the moon is in the wrong house\.$/);
  });

  it('keeps to the probes when both fail', () => {
    const scene = refused(asked);
    scene.pull('dial tcp 192.0.2.10:443: connect: no route to host', 'no-route');
    const { findings, pull } = conclude(scene.view());
    assert.equal(findings[0]?.cause, 'tcp-refused');
    assert.equal(pull.cause, 'no-route', "the document keeps what the runtime's words mean");
  });

  it("takes words that can mean one thing only over the probes' unknown", () => {
    const build = (causeConfidence: string): Scene => {
      const scene = new Scene(asked);
      scene.reach();
      scene.ping();
      scene.manifest({ status: 409, errors: [{ code: 'CONFLICT', message: '' }] });
      scene.pull('connect: no route to host', 'no-route', { causeConfidence });
      return scene;
    };
    assert.equal(primaryOf(build('proven'))?.cause, 'no-route');
    assert.equal(primaryOf(build('likely'))?.cause, 'unknown');
  });

  it('puts a node that cannot store the image before a registry that cannot be reached', () => {
    const scene = refused(asked);
    scene.pull('write meta.db: no space left on device', 'disk-full', { causeConfidence: 'likely' });
    const { findings } = conclude(scene.view());
    assert.deepEqual(
      findings.map(({ cause }) => cause),
      ['disk-full', 'tcp-refused'],
    );
    assert.match(findings[0]?.summary ?? '', /own words: write meta\.db: no space left on device/);
  });

  it('makes a fault of what was only degraded, when that is what the pull fails at', () => {
    const scene = new Scene({ ...asked, nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.dns('registry.test', 'timeout', 0);
    scene.dns('registry.test', ['192.0.2.10'], 1);
    scene.tcp('registry.test', '192.0.2.10');
    scene.tls();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer');
    scene.pull('lookup registry.test on 192.0.2.53:53: i/o timeout', 'dns-inconsistent');
    const { verdict: one, findings } = conclude(scene.view());
    assert.deepEqual(
      [one, findings.map(({ cause, severity }) => [cause, severity])],
      ['faulty', [['dns-inconsistent', 'fault']]],
    );
  });

  it('is as before when the pull was cut off', () => {
    const scene = new Scene(asked);
    scene.serve();
    scene.skipped('pull', { hop: 'runtime' });
    const { verdict: one, pull } = conclude(scene.view());
    assert.deepEqual([one, pull.attempted], ['healthy', false]);
  });
});

describe("conclude: the runtime and the node's files", () => {
  it('names a runtime that does not serve CRI first, for nothing can be pulled', () => {
    for (const [failure, cause] of [
      ['socket-absent', 'runtime-unreachable'],
      ['not-served', 'runtime-misconfigured'],
    ] as const) {
      const scene = refused(asked);
      const id = scene.runtime({ failure });
      assert.deepEqual(verdict(scene), ['faulty', cause, null]);
      assert.deepEqual(primaryOf(scene)?.evidence, [id]);
    }
  });

  it("counts the network's verdict where no runtime was looked for", () => {
    const scene = new Scene();
    scene.serve();
    assert.deepEqual(verdict(scene), ['healthy', null, null]);
    assert.deepEqual(verdict(refused()), ['faulty', 'tcp-refused', null]);
  });

  const ignored: Problem = {
    severity: 'warning',
    cause: 'runtime-misconfigured',
    source: 'etc/containerd/certs.d/registry.test/hosts.toml:2',
    message: 'This line does not parse, so containerd ignores the file.',
  };

  it('is degraded by a hosts.toml that is ignored while the pull works', () => {
    const scene = new Scene({ problems: [ignored] });
    scene.serve();
    assert.deepEqual(verdict(scene), ['degraded', 'runtime-misconfigured', null]);
    assert.match(
      primaryOf(scene)?.summary ?? '',
      /^etc\/containerd\/certs\.d\/registry\.test\/hosts\.toml:2: This line/,
    );
  });

  it('tells it beside the fault when the pull does not work', () => {
    const scene = refused({ problems: [ignored] });
    const { verdict: one, findings } = conclude(scene.view());
    assert.equal(one, 'faulty');
    assert.deepEqual(
      findings.map(({ cause, severity }) => [cause, severity]),
      [
        ['tcp-refused', 'fault'],
        ['runtime-misconfigured', 'degraded'],
      ],
    );
  });

  it('says nothing against the node for a warning about what may be meant so', () => {
    const scene = new Scene({ problems: [{ ...ignored, harmless: true }] });
    scene.serve();
    assert.deepEqual(verdict(scene), ['healthy', null, null]);
  });

  for (const cause of [
    'registry-blocked',
    'proxy-misconfigured',
    'short-name-unresolved',
    'invalid-image-name',
  ] as const) {
    it(`puts an error of the plan before what the network says: ${cause}`, () => {
      const scene = refused({
        problems: [{ severity: 'error', cause, source: 'etc/x:1', message: 'It cannot be used.' }],
      });
      assert.deepEqual(verdict(scene).slice(0, 2), ['faulty', cause]);
    });
  }

  it('has nothing to ask for a name that does not parse', () => {
    const scene = new Scene({
      image: 'Not A Name',
      problems: [{ severity: 'error', cause: 'invalid-image-name', source: 'IMAGE', message: 'There is a space.' }],
    });
    const { verdict: one, findings, endpoints } = conclude(scene.view());
    assert.deepEqual([one, findings[0]?.summary, endpoints], ['faulty', 'There is a space.', []]);
  });

  it('names the first of several things that stop a pull before it starts, in the order of a pull', () => {
    const scene = refused({ ...asked, policy: 'Never' });
    scene.runtime();
    scene.image(false);
    scene.disk({ freeBytes: 0 });
    assert.deepEqual(
      conclude(scene.view()).findings.map(({ cause }) => cause),
      ['image-never-pull', 'disk-full', 'tcp-refused'],
    );
  });
});

describe('conclude: what is ruled out', () => {
  it('is what was checked and holds', () => {
    const scene = new Scene(asked);
    scene.runtime();
    scene.disk();
    scene.serve();
    assert.deepEqual(layersOf(scene), ['runtime', 'node', 'dns', 'tcp', 'tls', 'registry', 'manifest', 'blob']);
  });

  it('has no layer that was not reached, was cut off, or has a finding', () => {
    const scene = refused();
    assert.deepEqual(layersOf(scene), ['dns']);
    const cut = new Scene();
    cut.dns('registry.test', ['192.0.2.10']);
    cut.skipped('tcp');
    assert.deepEqual(layersOf(cut), ['dns']);
    assert.deepEqual(layersOf(new Scene()), []);
  });

  it("does not count what was tried instead of the runtime's own way", () => {
    const scene = new Scene({ knownProxies: [{ url: 'http://proxy.test:3128', source: 'etc/environment:1' }] });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'timeout');
    scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128, counterfactual: true });
    scene.connect(null, { proxy: 'http://proxy.test:3128', counterfactual: true });
    scene.tls(null, { proxy: 'http://proxy.test:3128', counterfactual: true });
    assert.deepEqual(layersOf(scene), ['dns', 'tcp'].slice(0, 1));
  });

  it('does not rule out what a finding carries', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', []);
    assert.deepEqual(verdict(scene), ['faulty', 'auth-service-unreachable', 'dns-name-not-found']);
    assert.ok(!layersOf(scene).includes('dns'));
  });

  it('does not rule authentication out by a token that opens nothing', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
    scene.token();
    scene.manifest({ authorization: 'bearer', status: 401, challenges: [challenge('bearer')] });
    assert.deepEqual(verdict(scene), ['faulty', 'repository-not-found-or-private', null]);
    assert.ok(!layersOf(scene).includes('auth'));
    assert.ok(!layersOf(scene).includes('manifest'));
  });

  it('does not rule a layer out by a redirect that has led nowhere yet', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest({ status: 307, next: partyOf('https://regional.test/x') });
    scene.dns('regional.test', ['192.0.2.40']);
    scene.tcp('regional.test', '192.0.2.40', 'timeout');
    assert.ok(!layersOf(scene).includes('manifest'));
  });

  it("tells the clock by the answers' dates, when it is right", () => {
    for (const [clockOffsetMs, told] of [
      [900, true],
      [-4000, true],
      [90_000, false],
    ] as const) {
      const scene = new Scene();
      scene.reach();
      scene.ping({ clockOffsetMs });
      assert.equal(
        conclude(scene.view()).ruledOut.some(({ note }) => note.startsWith('clock')),
        told,
      );
    }
  });
});

describe('conclude: pure', () => {
  it('gives the same again, from a copy that went through JSON, whatever the order of the probes', () => {
    const scene = deadMirror((one) => one.serve(upstream));
    const view = scene.view();
    const copy: unknown = JSON.parse(JSON.stringify(view));
    assert.deepEqual(copy, view);
    assert.deepEqual(conclude(view), conclude(scene.view()));
  });
});
