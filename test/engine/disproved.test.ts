import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import { Scene } from '../kit/view.ts';

/** A fault of each layer that a pull passes, as the probes meet it. */
const passed: Record<string, { cause: CauseId; probe: string; build: (scene: Scene) => void }> = {
  dns: {
    cause: 'dns-name-not-found',
    probe: 'name lookup',
    build: (scene) => void scene.dns('registry.test', 'name-not-found'),
  },
  tcp: {
    cause: 'tcp-refused',
    probe: 'connection',
    build: (scene) => {
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10', 'refused');
    },
  },
  tls: {
    cause: 'tls-unknown-authority',
    probe: 'TLS handshake',
    build: (scene) => {
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10');
      scene.tls('tls-unknown-authority', { failedChecks: ['tls-unknown-authority'], failedCertificate: 0 });
    },
  },
  registry: {
    cause: 'registry-error',
    probe: 'registry',
    build: (scene) => {
      scene.reach();
      scene.ping({ status: 503 });
      scene.manifest({ status: 503 });
    },
  },
  auth: {
    cause: 'access-denied',
    probe: 'authentication',
    build: (scene) => {
      scene.reach();
      scene.ping();
      scene.manifest({ status: 403, errors: [{ code: 'DENIED', message: 'denied' }] });
    },
  },
  manifest: {
    cause: 'tag-not-found',
    probe: 'manifest',
    build: (scene) => {
      scene.reach();
      scene.ping();
      scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
      scene.names('tags', ['2.0']);
    },
  },
};

describe('a pull that works where probes fail', () => {
  for (const [layer, { probe, build }] of Object.entries(passed)) {
    it(`disproves a fault of layer ${layer}: never faulty, and no proof`, () => {
      const alone = new Scene();
      build(alone);
      const before = conclude(alone.view());
      assert.equal(before.verdict, 'faulty');

      const scene = new Scene();
      scene.runtime();
      build(scene);
      scene.pull(null);
      const { verdict, findings, summary } = conclude(scene.view());
      assert.equal(verdict, 'degraded');
      assert.equal(findings[0]?.cause, before.findings[0]?.cause);
      assert.deepEqual([findings[0]?.severity, findings[0]?.confidence], ['degraded', 'possible']);
      assert.ok(findings.every(({ severity }) => severity === 'degraded'));
      assert.match(summary, /The runtime pulls registry\.test\/team\/app:1\.0 all the same/);
      assert.ok(summary.includes(`a probe of the ${probe} disagrees`), summary);
    });
  }

  it('disproves nothing of the layers, which it fetches only where the node lacks them', () => {
    const scene = new Scene();
    scene.runtime();
    scene.reach();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer', { status: 503 });
    scene.pull(null);
    const { verdict, findings } = conclude(scene.view());
    assert.equal(verdict, 'degraded');
    assert.equal(findings[0]?.severity, 'degraded');
    assert.match(
      findings[0]?.summary ?? '',
      /does not disprove it: a pull fetches only the layers that the node lacks/,
    );
    assert.notEqual(findings[0]?.confidence, 'possible');
  });

  it('only shows what it has loaded, where the probes are right about the files', () => {
    const scene = new Scene();
    scene.runtime();
    scene.loaded({
      files: [
        {
          path: 'etc/ssl/certs/ca-certificates.crt',
          of: 'trust',
          changedAt: '2026-11-22T07:00:00.000Z',
          afterStart: true,
          seen: 'same',
        },
      ],
    });
    passed.tls?.build(scene);
    scene.pull(null);
    const { verdict, findings } = conclude(scene.view());
    assert.deepEqual([verdict, findings[0]?.confidence], ['degraded', 'likely']);
    assert.match(findings[0]?.summary ?? '', /after its next start/);
  });
});
