import assert from 'node:assert/strict';
import { type RegistryHealth, registryHealthOf } from '../../src/agent/health/registry-health.ts';
import { settle } from '../../src/agent/health/settle.ts';
import { documentOf } from '../../src/engine/document.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { certificate, challenge, Scene, startedAtMs } from '../kit/view.ts';

const host = 'registry.test';
const address = '192.0.2.10';
const runtime = { name: 'containerd', version: '2.1.9', ready: null, imagePresent: null, endpoint: null };

function documentFrom(scene: Scene): Investigation {
  const head = { id: 'i', node: 'node-1', startedAt: new Date(startedAtMs).toISOString(), durationMs: 20 };
  return documentOf(scene.view(), head, runtime);
}

const healthOf = (scene: Scene): RegistryHealth => registryHealthOf(documentFrom(scene), host);

/** A registry that answers with a challenge. */
function answering(scene: Scene): Scene {
  scene.dns(host, [address]);
  scene.tcp(host, address, null, { durationMs: 3 });
  scene.tls(null, { durationMs: 9 });
  scene.ping({ status: 401, challenges: [challenge('bearer')], durationMs: 12.34 });
  return scene;
}

describe('agent: registry health', () => {
  it('is healthy by an answer alone, whatever the image', () => {
    const health = healthOf(answering(new Scene()));
    assert.equal(health.verdict, 'healthy', health.summary);
    assert.equal(health.cause, null);
    assert.deepEqual(health.latencyMs, { dns: 1, tcp: 3, tls: 9, registry: 12.3 });
    assert.deepEqual(health.certificate, { notAfter: '2027-06-01T00:00:00.000Z', subject: 'CN=registry.test' });
    assert.deepEqual(
      health.hops.map(({ hop, status }) => `${hop} ${status}`),
      ['nameserver ok', 'nameserver ok', 'registry ok', 'registry ok', 'registry ok'],
    );
  });

  it('takes nothing from what is said of an image', () => {
    const scene = answering(new Scene({ image: 'registry.test/pullwhy/health-check' }));
    scene.token();
    scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'no' }], authorization: 'bearer' });
    assert.equal(documentFrom(scene).verdict, 'faulty');
    assert.equal(healthOf(scene).verdict, 'healthy');
  });

  it('tells the first broken hop', () => {
    const scene = new Scene();
    scene.dns(host, [address]);
    scene.tcp(host, address, 'refused', { errno: 'ECONNREFUSED' });
    const health = healthOf(scene);
    assert.deepEqual([health.verdict, health.cause], ['faulty', 'tcp-refused']);
    assert.deepEqual(health.latencyMs, { dns: 1, tcp: null, tls: null, registry: null });
    assert.equal(health.hops.at(-1)?.status, 'failed');
  });

  it('says of an expired certificate when it ended', () => {
    const scene = new Scene();
    scene.dns(host, [address]);
    scene.tcp(host, address);
    const old = certificate({ notAfter: '2026-11-19T08:00:00.000Z' });
    scene.tls('tls-expired', { chain: [old], failedCertificate: 0, failedChecks: ['tls-expired'] });
    const health = healthOf(scene);
    assert.deepEqual([health.verdict, health.cause], ['faulty', 'tls-certificate-expired']);
    assert.equal(health.certificate?.notAfter, '2026-11-19T08:00:00.000Z');
  });

  it('takes the first end of the certificates that are used, and none that is only sent', () => {
    const scene = new Scene();
    scene.dns(host, [address]);
    scene.tcp(host, address);
    scene.tls(null, {
      anchor: 'CN=Root',
      chain: [
        certificate({ issuer: 'CN=Middle' }),
        certificate({ subject: 'CN=Middle', issuer: 'CN=Root', notAfter: '2026-11-30T00:00:00.000Z' }),
        certificate({ subject: 'CN=Root', issuer: 'CN=Older', notAfter: '2020-01-01T00:00:00.000Z' }),
      ],
    });
    scene.ping();
    const health = healthOf(scene);
    assert.deepEqual(health.certificate, { notAfter: '2026-11-30T00:00:00.000Z', subject: 'CN=Middle' });
    assert.deepEqual([health.verdict, health.cause], ['degraded', 'tls-certificate-expiring']);
  });

  const mirrored = () =>
    new Scene({
      endpoints: [
        { url: 'https://mirror.test/v2', role: 'mirror', source: 'etc/containerd/certs.d/registry.test/hosts.toml:3' },
        { url: 'https://registry.test/v2' },
      ],
    });

  it('is degraded by a mirror that fails beside an upstream that answers', () => {
    const scene = mirrored();
    scene.dns('mirror.test', ['192.0.2.20']);
    scene.tcp('mirror.test', '192.0.2.20', 'refused', { endpoint: 0 });
    const party = { endpoint: 1, hop: 'registry' as const };
    scene.dns(host, [address]);
    scene.tcp(host, address, null, party);
    scene.tls(null, party);
    scene.ping(party);
    const health = healthOf(scene);
    assert.deepEqual([health.verdict, health.cause], ['degraded', 'mirror-failed'], health.summary);
    assert.equal(health.findings[0]?.underlying, 'tcp-refused');
    assert.deepEqual(health.mirrors, [{ url: 'https://mirror.test/v2', verdict: 'faulty' }]);
    assert.match(health.summary, /mirror\.test .*hosts\.toml:3.*registry\.test answers/);
  });

  it('finds nothing wrong with an upstream that only its mirror reaches', () => {
    const scene = mirrored();
    const party = { endpoint: 0, host: 'mirror.test', hop: 'mirror' as const };
    scene.dns('mirror.test', ['192.0.2.20']);
    scene.tcp('mirror.test', '192.0.2.20', null, party);
    scene.tls(null, party);
    scene.ping(party);
    scene.dns(host, 'name-not-found');
    const health = healthOf(scene);
    assert.equal(health.verdict, 'healthy', health.summary);
    assert.match(health.summary, /mirror mirror\.test/);
  });

  it('is faulty when no endpoint answers, and open when that was not found out', () => {
    const scene = mirrored();
    scene.dns('mirror.test', ['192.0.2.20']);
    scene.tcp('mirror.test', '192.0.2.20', 'refused', { endpoint: 0 });
    scene.dns(host, [address]);
    scene.tcp(host, address, 'timeout', { endpoint: 1 });
    assert.equal(healthOf(scene).verdict, 'faulty');
    assert.equal(healthOf(new Scene()).verdict, 'inconclusive');
  });

  it('leaves the node itself out: it is told of once and not by each registry', () => {
    const scene = answering(new Scene({ runtime: { name: 'containerd', asked: true } }));
    scene.runtime({ failure: 'refused' });
    assert.equal(documentFrom(scene).cause, 'runtime-unreachable');
    assert.equal(healthOf(scene).verdict, 'healthy');
  });

  it('reads the budget of the last answer that tells of one', () => {
    const scene = answering(new Scene());
    const limit = { limit: 100, windowSeconds: 21_600, source: '203.0.113.7', retryAfterSeconds: null };
    scene.manifest({ rateLimit: { ...limit, remaining: 42 } });
    scene.manifest({ rateLimit: { ...limit, remaining: 41 } });
    assert.deepEqual(healthOf(scene).rateLimit?.said, {
      limit: 100,
      remaining: 41,
      windowSeconds: 21_600,
      source: '203.0.113.7',
    });
  });

  it('makes what a hostile registry says one line, and rows bounded', () => {
    const scene = new Scene();
    scene.dns(host, [address]);
    for (let n = 0; n < 100; n++) scene.tcp(host, address, ['reset', 'a\u001b[31m\nb']);
    const health = healthOf(scene);
    assert.equal(health.hops.length, 32);
    assert.ok(health.hops.every(({ error }) => error === null || !/[\u0000-\u001f]/.test(error)));
  });
});

describe('agent: verdicts of registries settle', () => {
  const well: RegistryHealth = {
    verdict: 'healthy',
    cause: null,
    summary: 'It answers.',
    findings: [],
    hops: [],
    latencyMs: { dns: null, tcp: null, tls: null, registry: null },
    certificate: null,
    rateLimit: null,
    mirrors: [],
  };
  const failed = (confidence: 'proven' | 'likely'): RegistryHealth => {
    const finding = {
      cause: 'tcp-timeout',
      layer: 'tcp',
      confidence,
      severity: 'fault',
      summary: 'Nothing comes back.',
      evidence: [],
      remedies: [],
      underlying: null,
      host: null,
      endpoint: 0,
      alternatives: [],
    } as const;
    return { ...well, verdict: 'faulty', cause: 'tcp-timeout', summary: 'Nothing comes back.', findings: [finding] };
  };
  const open: RegistryHealth = { ...well, verdict: 'inconclusive', summary: 'Not found out.' };

  /** The verdicts, and since when they hold, of checks a minute apart. */
  const course = (...checks: readonly RegistryHealth[]): string[] => {
    let held: ReturnType<typeof settle> | null = null;
    return checks.map((check, minute) => {
      held = settle(held, check, minute);
      return `${held.health.verdict} ${held.since}`;
    });
  };

  it('waits for a second failure, and counts from the first', () => {
    assert.deepEqual(course(well, well, failed('likely'), failed('likely'), failed('likely'), well, well), [
      'healthy 0',
      'healthy 0',
      'degraded 2',
      'faulty 2',
      'faulty 2',
      'healthy 5',
      'healthy 5',
    ]);
    assert.match(settle(null, failed('likely'), 0).health.summary, /failed once/);
  });

  it('believes what is proven at once', () => {
    assert.deepEqual(course(well, failed('proven'), failed('proven')), ['healthy 0', 'faulty 1', 'faulty 1']);
  });

  it('holds what is known over checks that come to nothing, and not for ever', () => {
    assert.deepEqual(course(well, open, open, open, well), [
      'healthy 0',
      'healthy 0',
      'healthy 0',
      'inconclusive 3',
      'healthy 4',
    ]);
    assert.deepEqual(course(open), ['inconclusive 0']);
  });
});
