import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type CollectorProcess, startCollectorProcess } from '../kit/collector-process.ts';
import { batchOf, heartbeat } from '../kit/http-collector.ts';
import { startIncomingHook } from '../kit/incoming-hook.ts';

/** What an agent sends of a registry that it checked. */
function checked(node: string, seq: number): unknown {
  const at = new Date().toISOString();
  const check = {
    of: 'registry',
    subject: 'registry.corp.example',
    verdict: 'faulty',
    cause: 'tcp-timeout',
    confidence: 'proven',
    layer: 'tcp',
    underlying: null,
    host: 'registry.corp.example',
    summary: 'Packets to registry.corp.example vanish.',
    checkedAt: at,
    since: at,
  };
  return batchOf([heartbeat(seq, { at }), { seq: seq + 1, kind: 'health', at, checks: [check] }], { node, sentAt: at });
}

describe('e2e: the collector tells of incidents', function () {
  this.timeout(90_000);
  it('one message for all nodes, signed, and none again after it was killed', async () => {
    const folder = await mkdtemp(`${tmpdir()}/pullwhy-notify-`);
    const hook = await startIncomingHook();
    let collector: CollectorProcess | null = null;
    try {
      await writeFile(`${folder}/key`, 'a-key-of-32-characters-0123456789\n');
      await writeFile(`${folder}/slack`, `${hook.url}/services/T0/B0/sEcReTpAtH\n`);
      await writeFile(
        `${folder}/c.yaml`,
        [
          `store: sqlite://${folder}/c.db`,
          'http: { publicUrl: "https://pullwhy.test" }',
          'notify:',
          `  - { type: webhook, name: hook, url: "${hook.url}/hook", secretFile: ${folder}/key, delay: 3s, window: 1s }`,
          `  - { type: slack, name: chat, urlFile: ${folder}/slack, delay: 3s, window: 1s, minScope: cluster }`,
        ].join('\n'),
      );
      const start = (): Promise<CollectorProcess> =>
        startCollectorProcess(['--config', `${folder}/c.yaml`, '--log-level', 'debug']);
      collector = await start();
      for (let node = 0; node < 12; node++) {
        const taken: { readonly status: number } = await collector.report(checked(`worker-${node}`, 1));
        assert.equal(taken.status, 202);
      }
      const toldAt = async (path: string): Promise<readonly string[]> => {
        for (let tries = 0; tries < 400 && !hook.messages.some((one) => one.path.startsWith(path)); tries++)
          await new Promise((resolve) => setTimeout(resolve, 50));
        return hook.messages.filter((one) => one.path.startsWith(path)).map(({ body }) => body);
      };
      const [body = '{}', ...others] = await toldAt('/hook');
      assert.deepEqual(others, []);
      const { changes } = JSON.parse(body);
      assert.equal(changes.length, 1, 'twelve nodes are one incident');
      const { change, incident } = changes[0];
      assert.deepEqual(
        [change, incident.cause, incident.scope, incident.nodes.failing],
        ['opened', 'tcp-timeout', 'cluster', 12],
      );
      const signed = hook.messages.find(({ path }) => path === '/hook');
      assert.match(String(signed?.headers['webhook-signature']), /^v1,[\w+/]{43}=$/);
      const [chat = ''] = await toldAt('/services');
      assert.match(chat, new RegExp(`https://pullwhy.test/v1/incidents/${incident.id}`));

      // What arrived is told again, with the same id, by whoever takes over before it was recorded (src/collector/notify/README.md).
      const metricsOf = async (): Promise<string> => (await fetch(`${collector?.url}/metrics`)).text();
      const recorded = (text: string): boolean =>
        ['hook', 'chat'].every(
          (name) =>
            new RegExp(`^pullwhy_collector_notices_total\\{target="${name}",change="opened"\\} 1$`, 'm').test(text) &&
            new RegExp(`^pullwhy_collector_notices_waiting\\{target="${name}"\\} 0$`, 'm').test(text),
        );
      for (let tries = 0; tries < 400 && !recorded(await metricsOf()); tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      const before = await metricsOf();
      assert.ok(recorded(before), before.match(/^pullwhy_collector_notices.*$/gm)?.join('\n'));
      const said = collector.logText();
      await collector.stop('SIGKILL');
      collector = await start();
      // The lease of the one that was killed runs out first.
      for (let tries = 0; tries < 400 && !/evaluates the fleet now/.test(collector.logText()); tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      for (let node = 0; node < 12; node++) await collector.report(checked(`worker-${node}`, 3));
      await new Promise((resolve) => setTimeout(resolve, 4000));
      assert.deepEqual(hook.messages.map(({ path }) => path.slice(0, 9)).sort(), ['/hook', '/services']);
      assert.doesNotMatch(said + collector.logText(), /sEcReTpAtH|a-key-of-32/);
      const metrics = await metricsOf();
      assert.match(metrics, /^pullwhy_collector_leader 1$/m);
      assert.match(metrics, /^pullwhy_collector_incidents\{cause="tcp-timeout",scope="cluster",severity="fault"\} 1$/m);
      assert.equal((await collector.stop()).code, 0);
      collector = null;
    } finally {
      await collector?.stop('SIGKILL');
      await hook.close();
      await rm(folder, { recursive: true });
    }
  });
});
