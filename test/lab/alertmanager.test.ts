import assert from 'node:assert/strict';
import type { FleetIncident } from '../../src/api/fleet.ts';
import { type Frozen, Type } from '../../src/api/schema.ts';
import { openNotifier } from '../../src/collector/notify/notifier.ts';
import { NotifySettings } from '../../src/collector/notify/settings.ts';
import { openTarget } from '../../src/collector/notify/target.ts';
import { openStore } from '../../src/collector/store/store.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { openMetrics } from '../../src/lib/metrics.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { fleetIncident } from '../kit/fleet-documents.ts';
import { startIncomingHook } from '../kit/incoming-hook.ts';
import { type Alertmanager, alertmanagerMissing, startAlertmanager } from './alertmanager.ts';

type Incident = Frozen<FleetIncident>;

// The real Alertmanager: whether it takes what it is sent, and makes of it what is meant.
describe('lab: a real Alertmanager', function () {
  this.timeout(60_000);
  let hook: Awaited<ReturnType<typeof startIncomingHook>>;
  let manager: Alertmanager;
  /** What is added to the clocks, so that what happens once a minute does now. */
  let ahead = 0;
  const env = {
    ...systemEnv,
    monotonic: () => systemEnv.monotonic() + ahead,
  };

  before(async function () {
    this.timeout(300_000);
    const missing = await alertmanagerMissing();
    if (missing !== null) {
      process.stdout.write(`    skipped: no Alertmanager here: ${missing}\n`);
      return this.skip();
    }
    hook = await startIncomingHook();
    manager = await startAlertmanager(`${hook.url}/am`);
    return undefined;
  });
  after(async () => {
    await manager?.stop();
    await hook?.close();
  });

  async function open() {
    const lines: string[] = [];
    const log = openLog({
      env,
      write: (line) => void lines.push(line),
      settings: () => ({ level: 'info', format: 'json' }),
    });
    const store = await openStore('sqlite::memory:', { env, log });
    assert.ok(store.ok);
    const settings = { notify: [{ type: 'alertmanager', url: `${manager.url}/`, delay: '0s' }] };
    const loaded = loadSettings(Type.Object({ notify: NotifySettings }), {
      file: { path: 'c.yaml', text: JSON.stringify(settings) },
      environment: {},
      flags: new Map(),
    });
    assert.ok(loaded.ok);
    const targets = loaded.value.value.notify.map((entry) => openTarget(entry, env));
    const linkOf = (id: string): string => `https://pullwhy.test/v1/incidents/${id}`;
    const notifier = openNotifier({ env, log, metrics: openMetrics(), store: store.value, targets, linkOf });
    return {
      lines,
      async tell(incidents: readonly Incident[]) {
        notifier.tick(incidents, () => true);
        await notifier.idle();
      },
      async close() {
        await notifier.close();
        await store.value.close();
      },
    };
  }

  const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

  /** What it has sent on of an incident, in order. */
  const sentOn = (id: string): string[] =>
    hook.messages.flatMap(({ body }) => {
      const { alerts }: { alerts: { status: string; labels: Record<string, string> }[] } = JSON.parse(body);
      return alerts
        .filter(({ labels }) => labels.incident === id)
        .map(({ status, labels }) => `${status} ${labels.scope}`);
    });

  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${what}: ${JSON.stringify(hook.messages.map(({ body }) => body.slice(0, 400)))}`);
  }

  it('shows an incident as an alert, follows its scope, and resolves it when it is closed', async () => {
    const told = await open();
    const opened = fleetIncident('one', { openedAt: ago(60), scope: 'node' });
    await told.tell([opened]);
    await until('it stands', async () => (await manager.alerts()).length === 1);
    const [alert] = await manager.alerts();
    assert.ok(alert !== undefined);
    const { alertname, cause, scope, severity, subject, incident } = alert.labels;
    assert.deepEqual(
      { alertname, cause, scope, severity, subject, incident },
      {
        alertname: 'PullwhyIncident',
        cause: 'dns-timeout',
        scope: 'node',
        severity: 'warning',
        subject: 'registry.corp.example:5000',
        incident: 'one',
      },
    );
    assert.equal(Date.parse(alert.startsAt), Date.parse(opened.openedAt));
    assert.ok(Date.parse(alert.endsAt) > Date.now() + 200_000, 'it stands for minutes without us');
    assert.match(alert.annotations.description ?? '', /none of the 188 healthy ones does/);

    await told.tell([{ ...opened, scope: 'cluster' }]);
    await until(
      'the scope is followed',
      async () => (await manager.alerts()).map(({ labels }) => labels.scope).join() === 'cluster',
    );
    await until('its users hear of it', () => sentOn('one').includes('firing cluster'));
    await told.tell([{ ...opened, scope: 'cluster', state: 'closed', closedAt: ago(0) }]);
    await until('it is resolved', async () => (await manager.alerts()).length === 0);
    await until('its users hear of the end', () => sentOn('one').includes('resolved cluster'));
    assert.deepEqual(told.lines, [], 'nothing was refused');
    await told.close();
  });

  it('fires again when the incident comes back as the same', async () => {
    const told = await open();
    const opened = fleetIncident('back', { openedAt: ago(300) });
    await told.tell([opened]);
    await until('it fires', () => sentOn('back').includes('firing group'));
    await told.tell([{ ...opened, state: 'closed', closedAt: ago(1) }]);
    await until('it is resolved', () => sentOn('back').includes('resolved group'));
    const before = sentOn('back').length;
    await told.tell([{ ...opened, reopened: 1 }]);
    await until('it fires again', () => sentOn('back').slice(before).includes('firing group'));
    await told.close();
  });

  it('has everything back after it has lost its memory, and takes foreign words as they are', async () => {
    const told = await open();
    const words = 'q"uote \\ back\nline {{ template }} <b> \u{1f600} \ud800';
    const foreign = fleetIncident('words', {
      openedAt: ago(60),
      summary: words,
      subject: { kind: 'image', name: words },
      remedies: [],
      attribution: [],
    });
    const many = Array.from({ length: 150 }, (_, at) => fleetIncident(`many-${at}`, { openedAt: ago(60) }));
    const all = [foreign, ...many];
    const standing = async (): Promise<number> =>
      (await manager.alerts()).filter(
        ({ labels }) => labels.incident === 'words' || labels.incident?.startsWith('many-'),
      ).length;
    await told.tell(all);
    await until('all stand', async () => (await standing()) === 151);
    await manager.restart('lost');
    await told.tell(all);
    assert.equal(await standing(), 0, 'nothing new is to be told');
    ahead += 61_000;
    await told.tell(all);
    await until('all stand again', async () => (await standing()) === 151);
    assert.deepEqual(told.lines, [], 'nothing was refused');
    await told.close();
  });
});
