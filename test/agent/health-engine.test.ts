import assert from 'node:assert/strict';
import { join } from 'node:path';
import { configuredRegistries } from '../../src/agent/health/configured-registries.ts';
import { type HealthWatch, openHealth } from '../../src/agent/health/health.ts';
import { openNodeEngine } from '../../src/agent/node-engine.ts';
import { RegistryRow } from '../../src/api/node.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { daysFromNow } from '../kit/certificates.ts';
import { openStage, type Stage, stageCertificate } from '../kit/diagnose-stage.ts';

/** The watch with the real engine, a real nameserver and a real registry, on loopback. */
describe('agent: watch over registries, for real', () => {
  let stage: Stage;
  let health: HealthWatch | null = null;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    await health?.stop();
    await stage.close();
  });

  async function watch(registry: string): Promise<HealthWatch> {
    const [, given = ''] = await stage.nameserver({});
    const env = systemEnv;
    const engine = openNodeEngine({
      env,
      node: 'node-1',
      hostRoot: join(stage.folder, 'root'),
      runtimeEndpoint: null,
      variables: {},
      settings: () => ({ deadlineMs: 8000, pullDeadlineMs: 8000, allowTargets: [] }),
      log: openLog({ env, write: () => undefined, settings: () => ({ level: 'error', format: 'json' }) }),
      nameservers: [{ address: '127.0.0.1', port: Number(given.split(':')[1]) }],
    });
    const made = openHealth({
      env,
      images: () => new Set(),
      configured: () => configuredRegistries(hostFiles(join(stage.folder, 'root'))),
      incidents: () => [],
      check: engine.checkRegistry,
      settings: () => ({ registries: [registry], intervalMs: 400 }),
    });
    health = made;
    return made;
  }

  /** The row once it is as wanted. */
  async function rowWhen(
    made: HealthWatch,
    registry: string,
    wanted: (row: RegistryRow) => boolean,
  ): Promise<RegistryRow> {
    let row: RegistryRow | undefined;
    for (let n = 0; n < 300; n++) {
      made.tick();
      row = made.registries().find((one) => one.registry === registry);
      if (row !== undefined && wanted(row)) return row;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${registry}: ${row?.verdict} ${row?.summary}`);
  }

  it('finds a registry well, with its certificate, its times and the clock', async () => {
    const registry = await stage.registry();
    await stage.file(`etc/containerd/certs.d/registry.test_${registry.port}_/.keep`, '');
    const name = `registry.test:${registry.port}`;
    const made = await watch(name);
    const row = await rowWhen(made, name, ({ checkedAt, usedBy }) => checkedAt !== null && usedBy.length > 1);
    assert.equal(row.verdict, 'healthy', row.summary);
    assert.deepEqual(row.usedBy, ['configuration', 'settings']);
    assert.match(row.certificate?.subject ?? '', /registry\.test/);
    for (const [hop, ms] of Object.entries(row.latencyMs)) assert.ok(ms !== null && ms > 0, hop);
    assert.deepEqual(
      row.hops.filter(({ status }) => status !== 'ok').map(({ target, error }) => `${target} ${error}`),
      [],
    );
    assert.ok(checkAgainst(RegistryRow, JSON.parse(JSON.stringify(row))).ok);
    const { clock, nameservers } = made.local();
    assert.ok(clock.offsetMs !== null && Math.abs(clock.offsetMs) < 5000);
    assert.equal(nameservers[0]?.state, 'answering');
    assert.deepEqual([...new Set(registry.requests)], ['GET /v2/']);
  });

  it('sees it go and come back', async () => {
    const registry = await stage.registry();
    const name = `registry.test:${registry.port}`;
    const made = await watch(name);
    await rowWhen(made, name, ({ verdict }) => verdict === 'healthy');
    await registry.close();
    const gone = await rowWhen(made, name, ({ verdict }) => verdict === 'faulty');
    assert.equal(gone.cause, 'tcp-refused');
    assert.equal(made.local().findings.get(name)?.[0]?.remedies.length !== 0, true);
  });

  it('warns of a certificate that ends soon', async () => {
    const registry = await stage.registry({ tls: stageCertificate({ notAfter: daysFromNow(5) }) });
    const name = `registry.test:${registry.port}`;
    const made = await watch(name);
    const row = await rowWhen(made, name, ({ checkedAt }) => checkedAt !== null);
    assert.deepEqual([row.verdict, row.cause], ['degraded', 'tls-certificate-expiring']);
    assert.ok((row.certificate?.daysLeft ?? 0) > 4 && (row.certificate?.daysLeft ?? 0) <= 5);
  });
});
