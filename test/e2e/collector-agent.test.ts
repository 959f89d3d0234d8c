import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, mib, startAgentProcess } from '../kit/agent-process.ts';
import { makePki } from '../kit/certificates.ts';
import { kubeletFails, runtimeFails } from '../kit/node-lines.ts';
import { type ReportReceiver, startReportReceiver } from '../kit/report-receiver.ts';

const secret = 'a-token-that-nobody-else-sees';

/** A member of a record, by its path. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, part) => (typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined),
    value,
  );
}

async function until(what: string, holds: () => boolean, ms = 20_000): Promise<void> {
  for (const limit = performance.now() + ms; performance.now() < limit; ) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`it did not come: ${what}`);
}

describe('e2e: an agent that reports', function () {
  this.timeout(90_000);
  const pki = makePki();
  let node: AgentNode;
  let receiver: ReportReceiver;
  let agent: AgentProcess | null = null;
  let flags: readonly string[] = [];

  before(async () => {
    node = await makeAgentNode({
      registries: 2,
      images: 4,
      journald: [],
      methods: {
        Version: () => ({
          answer: { version: '0.1.0', runtime_name: 'containerd', runtime_version: '2.1.9', runtime_api_version: 'v1' },
        }),
      },
    });
    await node.write('collector/ca.pem', pki.root.pem);
    await node.write('collector/token', secret);
    await node.write('etc/os-release', 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n');
    await node.write(
      `etc/containerd/certs.d/${node.hosts[0]}/hosts.toml`,
      `server = "https://${node.hosts[0]}"\n[host."https://${node.hosts[0]}".header]\n  authorization = "Basic c2VjcmV0"\n`,
    );
    receiver = await startReportReceiver({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem });
    flags = [
      ...node.flags,
      ...['--set', `collector.url=${receiver.url}`],
      ...['--set', `collector.caFile=${node.root}/collector/ca.pem`],
      ...['--set', `collector.tokenFile=${node.root}/collector/token`],
      ...['--set', 'node.labels=zone=eu-1a,node-pool=gpu'],
      ...['--set', 'health.interval=5s'],
    ];
  });
  afterEach(async () => {
    if (agent?.running() === true) await agent.stop('SIGKILL');
    agent = null;
  });
  after(async () => {
    await receiver.close();
    await node.close();
  });

  const incidents = (image: string): readonly unknown[] =>
    receiver
      .records('incident')
      .map((record) => record.incident)
      .filter((incident) => at(incident, 'image') === image);

  it('tells what the node is, that it lives, and how its registries are; every record fits what is published', async () => {
    agent = await startAgentProcess(flags);
    await until('a node record', () => receiver.records('node').length > 0);
    await until('a heartbeat', () => receiver.records('heartbeat').length > 0);
    const attributes = at(receiver.records('node').at(-1), 'attributes');
    assert.deepEqual(at(attributes, 'zone'), ['eu-1a']);
    assert.deepEqual(at(attributes, 'node-pool'), ['gpu']);
    assert.deepEqual(at(attributes, 'nameserver'), ['127.0.0.1']);
    assert.deepEqual(at(attributes, 'runtime'), ['containerd']);
    assert.deepEqual(at(attributes, 'os'), ['Debian GNU/Linux 13 (trixie)']);
    assert.match(String(at(attributes, 'trust-store')), /^1 authorities [0-9a-f]{12}$/);
    assert.match(String(at(attributes, 'registry-configuration')), /etc\/containerd\/config\.toml [0-9a-f]{12}/);
    assert.match(String(at(attributes, 'registry-configuration')), /hosts\.toml [0-9a-f]{12}/);
    assert.match(String(at(receiver.records('node').at(-1), 'authorities')), /^Pullwhy Test Root [0-9a-f]{16}$/);
    assert.equal(receiver.batches[0]?.headers.authorization, `Bearer ${secret}`);
    const ready = await agent.ask('/readyz?verbose');
    assert.match(ready.body, /^collector following 2\d{3}-.*\nok\n$/m);
    const metrics = (await agent.ask('/metrics')).body;
    assert.match(metrics, /^pullwhy_collector_up 1$/m);
    assert.match(metrics, /^pullwhy_report_records_total\{result="taken"\} \d+$/m);
    assert.match(metrics, /^# TYPE pullwhy_spool_dropped_total counter$/m);
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(receiver.complaints, []);
  });

  it('tells of a pull that fails within a second or so, with what was found', async function () {
    if (node.journald === null) return this.skip();
    agent = await startAgentProcess(flags);
    await until('reports', () => receiver.records('heartbeat').length > 1);
    const image = `${node.hosts[0]}/team/missing:1.0`;
    const error = `failed to resolve image: ${image}: not found`;
    const failing = { image, error, pod: 'web-0' };
    await node.say([...runtimeFails(failing), ...kubeletFails(failing)]);
    await until('the incident', () => incidents(image).length > 0);
    await until('its cause', () => at(incidents(image).at(-1), 'cause') === 'repository-not-found', 15_000);
    const last = incidents(image).at(-1);
    assert.equal(at(last, 'registry'), node.hosts[0]);
    assert.equal(at(last, 'state'), 'open');
    assert.equal(at(last, 'pods'), 1);
    const id = at(last, 'investigation');
    await until('the investigation', () =>
      receiver.records('investigation').some((record) => at(record, 'investigation', 'id') === id),
    );
    const everything = [...receiver.kept.values()].join('\n');
    assert.equal(everything.includes('c2VjcmV0') || everything.includes(secret), false, 'no credential is reported');
    assert.deepEqual(receiver.complaints, []);
    assert.equal((await agent.stop()).code, 0);
  });

  it('goes on through kill -9 and a collector that is away, and each record counts once', async () => {
    const before = receiver.kept.size;
    let asked = 0;
    // Every second batch arrives and is never answered, every third is turned away.
    receiver.behave = () => {
      asked++;
      if (asked % 3 === 0) return { kind: 'answer', status: 503, headers: { 'retry-after': '0' } };
      return asked % 2 === 0 ? { kind: 'late' } : { kind: 'take' };
    };
    for (let round = 0; round < 6; round++) {
      agent = await startAgentProcess(flags);
      const seen = asked;
      await until('a batch', () => asked > seen);
      await agent.stop('SIGKILL');
    }
    receiver.behave = () => ({ kind: 'take' });
    agent = await startAgentProcess(flags);
    const spool = agent;
    let waiting = '';
    await until('everything', () => {
      void spool.ask('/metrics').then(({ body }) => {
        waiting = /^pullwhy_spool_records (\d+)$/m.exec(body)?.[1] ?? '';
      });
      return waiting === '0';
    });
    assert.ok(receiver.kept.size > before + 4);
    assert.ok(existsSync(join(node.root, 'state/spool.db')));
    assert.deepEqual(receiver.complaints, []);
    assert.equal((await agent.stop()).code, 0);
    assert.ok(statSync(join(node.root, 'state/spool.db')).size < 500_000);
  });

  it('says clearly what is wrong with the collector, and works on', async () => {
    const other = makePki();
    await node.write('collector/other.pem', other.root.pem);
    agent = await startAgentProcess([...flags, '--set', `collector.caFile=${node.root}/collector/other.pem`]);
    const running = agent;
    await until('the word', () => running.logText().includes('the collector takes no reports'));
    assert.match(agent.logText(), /is not trusted.*Set collector\.caFile/);
    assert.equal((await agent.ask('/readyz')).status, 200);
    assert.match((await agent.ask('/readyz?verbose')).body, /^collector unreadable /m);
    assert.match((await agent.ask('/metrics')).body, /^pullwhy_collector_up 0$/m);
    assert.equal((await agent.stop()).code, 0);
  });

  it('does not start with a collector that would be told in clear', async () => {
    await assert.rejects(
      startAgentProcess([...node.flags, '--set', 'collector.url=http://collector.example:9450']),
      /collector\.url.*in clear.*https/s,
    );
  });

  it('costs less than 4 MiB', async function () {
    this.timeout(180_000);
    const measure = async (with_: readonly string[]): Promise<number> => {
      const values: number[] = [];
      for (let round = 0; round < 3; round++) {
        agent = await startAgentProcess(with_);
        await new Promise((resolve) => setTimeout(resolve, 12_000));
        values.push((await agent.footprint()).rss);
        await agent.stop('SIGKILL');
      }
      return values.sort((a, b) => a - b)[1] ?? 0;
    };
    const without = await measure([...node.flags, '--set', 'health.interval=5s']);
    const reporting = await measure(flags);
    console.log(`      RSS ${mib(without)} MiB without, ${mib(reporting)} MiB with reports`);
    assert.ok(reporting - without < 4 * 1024 * 1024, `${mib(reporting - without)} MiB more`);
  });
});
