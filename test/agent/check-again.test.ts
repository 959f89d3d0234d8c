import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type RegistryHealth, registryHealthOf } from '../../src/agent/health/registry-health.ts';
import { type NodeEngine, openNodeEngine } from '../../src/agent/node-engine.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { daysFromNow } from '../kit/certificates.ts';
import { openStage, type Stage, stageCertificate, type ZoneEntry } from '../kit/diagnose-stage.ts';
import type { FakeRegistry } from '../kit/fake-registry.ts';

const never = new AbortController().signal;

/** A check of a registry that was well at the one before asks less, and says the same. */
describe('agent: a registry that was well, checked again', () => {
  let stage: Stage;
  let zone: Record<string, ZoneEntry>;
  let made: NodeEngine;
  beforeEach(async () => {
    stage = await openStage();
    zone = {};
    const [, given = ''] = await stage.nameserver(zone);
    await stage.file('etc/containerd/certs.d/.keep', '');
    made = openNodeEngine({
      env: systemEnv,
      node: 'node-1',
      hostRoot: join(stage.folder, 'root'),
      runtimeEndpoint: null,
      variables: {},
      settings: () => ({ deadlineMs: 8000, pullDeadlineMs: 8000, allowTargets: [] }),
      log: openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'error', format: 'json' }) }),
      nameservers: [{ address: '127.0.0.1', port: Number(given.split(':')[1]) }],
    });
  });
  afterEach(() => stage.close());

  async function checked(registry: FakeRegistry): Promise<Investigation> {
    const result = await made.checkRegistry(`registry.test:${registry.port}/team/app:1`, never);
    assert.ok(result.ok);
    return result.value;
  }

  async function health(registry: FakeRegistry): Promise<RegistryHealth> {
    return registryHealthOf(await checked(registry), `registry.test:${registry.port}`);
  }

  /** Checks it once, well after the node's files were written: younger ones are read anew each time. */
  async function well(registry: FakeRegistry): Promise<RegistryHealth> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const first = await health(registry);
    assert.equal(first.verdict, 'healthy', first.summary);
    return first;
  }

  /** What a row has, but for times. */
  function said({ latencyMs, hops, ...row }: RegistryHealth) {
    const measured = Object.entries(latencyMs).flatMap(([hop, ms]) => (ms === null ? [] : [hop]));
    return { ...row, measured, hops: hops.map(({ durationMs: _, ...hop }) => hop) };
  }

  const situations: Readonly<Record<string, () => Promise<FakeRegistry>>> = {
    'with TLS': () => stage.registry(),
    'in plain HTTP': async () => {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test_${registry.port}_`, `server = "http://registry.test:${registry.port}"\n`);
      return registry;
    },
    'that sends to a realm': async () => {
      const realm = await stage.registry({ token: { users: {} } });
      return stage.registry({ token: { users: {}, realm: `https://auth.test:${realm.port}/token` } });
    },
    'behind a mirror': async () => {
      const mirror = await stage.registry();
      const registry = await stage.registry();
      await stage.hosts(
        `registry.test_${registry.port}_`,
        `server = "https://registry.test:${registry.port}"\n[host."https://mirror.test:${mirror.port}"]\n`,
      );
      return registry;
    },
    'with a quota': () =>
      stage.registry({ headers: { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '9;w=60' } }),
    'at two addresses': async () => {
      zone['registry.test'] = ['127.0.0.1', '127.0.0.2'];
      return stage.registry({ address: '0.0.0.0' });
    },
  };
  for (const [name, situation] of Object.entries(situations)) {
    it(`says the same of one ${name}`, async () => {
      const registry = await situation();
      const first = await well(registry);
      const asked = registry.requests.length;
      const again = await checked(registry);
      assert.deepEqual(said(registryHealthOf(again, `registry.test:${registry.port}`)), said(first));
      assert.equal(registry.requests.length, asked + 1);
      // One connection shows both, so that nobody waits for a second one.
      const [tls] = again.probes.filter(({ kind }) => kind === 'tls');
      const ping = again.probes.find(({ kind }) => kind === 'registry');
      if (tls !== undefined) assert.equal(tls.startedMs, ping?.startedMs);
    });
  }

  it('sees it go, and come back', async () => {
    const registry = await stage.registry();
    await well(registry);
    registry.override = { status: 503 };
    const gone = await health(registry);
    assert.deepEqual([gone.verdict, gone.cause], ['faulty', 'registry-error']);
    registry.override = null;
    await well(registry);
    await registry.close();
    assert.equal((await health(registry)).cause, 'tcp-refused');
  });

  it('sees a certificate that was renewed, and one that has ended', async () => {
    const first = await stage.registry({ tls: stageCertificate({ notAfter: daysFromNow(90) }) });
    await well(first);
    await first.close();
    const soon = daysFromNow(5);
    const second = await stage.registry({ tls: stageCertificate({ notAfter: soon }), port: first.port });
    const row = await health(second);
    assert.equal(row.cause, 'tls-certificate-expiring');
    assert.equal(row.certificate?.notAfter.slice(0, 10), soon.toISOString().slice(0, 10));
    await second.close();
    const third = await stage.registry({ tls: stageCertificate({ notAfter: daysFromNow(-1) }), port: first.port });
    const ended = await health(third);
    assert.deepEqual([ended.verdict, ended.cause], ['faulty', 'tls-certificate-expired']);
  });

  it('sees a name that leads elsewhere, and one that is gone', async () => {
    const registry = await stage.registry();
    await well(registry);
    zone['registry.test'] = ['127.0.0.3'];
    const elsewhere = await health(registry);
    assert.equal(elsewhere.cause, 'tcp-refused');
    assert.ok(elsewhere.hops.every(({ target }) => !target.startsWith('127.0.0.1:')));
    zone['registry.test'] = ['127.0.0.1'];
    await well(registry);
    zone['registry.test'] = { rcode: 3 };
    assert.equal((await health(registry)).cause, 'dns-name-not-found');
  });

  it('goes by files that have changed since', async () => {
    const registry = await stage.registry();
    await well(registry);
    const mirror = await stage.registry();
    await stage.hosts(`registry.test_${registry.port}_`, `[host."https://mirror.test:${mirror.port}"]\n`);
    const row = await health(registry);
    assert.deepEqual(
      row.mirrors.map(({ verdict }) => verdict),
      ['healthy'],
    );
    assert.equal(mirror.requests.length, 1);
  });

  it('ends with its signal', async () => {
    const registry = await stage.registry();
    await well(registry);
    registry.override = { status: 200, manner: 'silent' };
    const begun = performance.now();
    const ended = AbortSignal.timeout(100);
    await made.checkRegistry(`registry.test:${registry.port}/team/app:1`, ended);
    assert.ok(performance.now() - begun < 3000);
  });
});
