import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Outcome, pullwhy } from '../kit/command.ts';
import { fleetEvent, fleetIncident } from '../kit/fleet-documents.ts';
import { healthRecord, nodeRecord, type QueryCollector, startQueryCollector } from '../kit/query-collector.ts';
import { closedPort } from '../kit/tcp-server.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

describe('e2e: pullwhy fleet', function () {
  this.timeout(60_000);
  let collector: QueryCollector;
  let quiet: QueryCollector;
  let folder = '';

  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-fleet-`);
    quiet = await startQueryCollector();
    collector = await startQueryCollector();
    await collector.heard('worker-1', [
      nodeRecord({ nameserver: ['10.0.0.53'] }),
      healthRecord({
        subject: 'registry.corp.example:5000',
        verdict: 'faulty',
        cause: 'dns-timeout',
        confidence: 'proven',
        layer: 'dns',
        summary: 'No nameserver answers for registry.corp.example.',
      }),
    ]);
    await collector.heard('worker-2', [nodeRecord(), healthRecord({})]);
    await collector.heard('worker-3', [nodeRecord()], 42);
    await collector.decided(
      [
        fleetIncident('inc-1', { nodes: { failing: 12, healthy: 188, unknown: 0, names: ['worker-1', 'worker-2'] } }),
        fleetIncident('inc-2', {
          cause: 'tag-not-found',
          layer: 'manifest',
          fault: 'workload',
          scope: 'node',
          subject: { kind: 'image', name: 'registry.corp.example:5000/team/web:1.5' },
          nodes: { failing: 1, healthy: 0, unknown: 0, names: ['worker-2'] },
          attribution: [],
          summary: 'There is no tag 1.5.',
        }),
        fleetIncident('inc-0', {
          cause: 'registry-error',
          layer: 'registry',
          state: 'closed',
          closedAt: '2026-11-22T10:40:00.000Z',
        }),
      ],
      [
        fleetEvent(1),
        {
          ...fleetEvent(2),
          type: 'incident-opened',
          node: null,
          incident: fleetIncident('inc-1'),
        },
      ],
    );
  });

  after(async () => {
    await collector.close();
    await quiet.close();
    await rm(folder, { recursive: true });
  });

  const ask = (...args: string[]): Promise<Outcome> => pullwhy(['fleet', ...args, '--collector', collector.url]);

  it('tells open incidents: one line each, what sets nodes apart, what to do', async () => {
    const { code, stdout, stderr } = await ask('incidents');
    assert.equal(code, 1, stderr);
    assert.equal(stderr, '');
    assert.match(stdout, /^2 incidents are open\.\n/);
    const flat = stdout.replace(/\s+/g, ' ');
    assert.match(
      flat,
      /✗ dns-timeout at registry\.corp\.example:5000: 12 of 200 nodes, 31 pods of 4 workloads wait, for 42 min/,
    );
    assert.match(
      flat,
      /12 of 12 failing nodes use nameserver 10\.0\.0\.53, none of the 188 healthy ones does\. → Start the nameserver/,
    );
    assert.match(flat, /dig @10\.0\.0\.53 registry\.corp\.example/);
    assert.match(
      flat,
      /! tag-not-found at registry\.corp\.example:5000\/team\/web:1\.5: node worker-2.* There is no tag 1\.5\./,
    );
    assert.ok(!stdout.includes('registry-error'));
    assert.match(flat, /\? Nothing is heard of 1 node \(worker-3\): whether it is well is not known\./);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || !line.trim().includes(' '), line);
  });

  it('filters them, and ends with 0 where only a workload is at fault', async () => {
    const { code, stdout } = await ask('incidents', '--cause', 'tag-not-found');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^1 incident is open\./);
    const closed = await ask('incidents', '--state', 'closed', '-o', 'json');
    assert.equal(closed.code, 0);
    assert.deepEqual(
      JSON.parse(closed.stdout).items.map(({ id }: { id: string }) => id),
      ['inc-0'],
    );
    const none = await pullwhy(['fleet', 'incidents', '--collector', quiet.url]);
    assert.deepEqual([none.code, none.stdout], [0, '✓ No incident is open.\n']);
  });

  it('follows pages up to the limit', async () => {
    const lines = await ask('incidents', '--state', 'all', '-o', 'ndjson');
    assert.equal(lines.stdout.trim().split('\n').length, 3);
    const { stdout } = await ask('nodes', '--limit', '2', '-o', 'json');
    const { items, next } = JSON.parse(stdout);
    assert.equal(items.length, 2);
    assert.equal(typeof next, 'string');
    assert.match((await ask('nodes', '--limit', '2')).stdout, /there are more \(--limit\)/);
  });

  it('shows one incident whole', async () => {
    const { code, stdout } = await ask('incident', 'inc-1');
    assert.equal(code, 1);
    for (const part of ['12 failing, 188 healthy, 0 not known', 'hosts: 10.0.0.53', 'inv-1, inv-2', 'id: inc-1']) {
      assert.ok(stdout.includes(part), stdout);
    }
    const unknown = await ask('incident', 'inc-9');
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /^pullwhy: fleet: The collector at .* answers 404: .*GET \/v1\/incidents/);
  });

  it('shows nodes, and one of them', async () => {
    const all = await ask('nodes');
    assert.equal(all.code, 1);
    assert.match(all.stdout, /^3 nodes: 1 faulty, 1 silent, 1 healthy\.\n/);
    assert.match(all.stdout, /^\? worker-3 {2}silent, last heard 42 min ago/m);
    assert.equal((await ask('nodes', '--state', 'healthy')).code, 0);
    const one = await ask('node', 'worker-1');
    assert.equal(one.code, 1);
    assert.match(one.stdout, /^✗ worker-1 is faulty/);
    assert.match(one.stdout, /nameserver 10\.0\.0\.53[\s\S]*registry\.corp\.example:5000: dns-timeout/);
    assert.equal((await ask('node', 'worker-2')).code, 0);
    assert.equal((await ask('node', 'worker-3')).code, 3, 'silent: nothing is known');
    assert.equal((await ask('node', 'worker-9')).code, 3);
  });

  it('shows registries, and what differs between two nodes', async () => {
    const { code, stdout } = await ask('registries');
    assert.equal(code, 1);
    assert.match(stdout, /^✗ registry\.corp\.example:5000 {2}1 faulty\n/);
    const compared = await ask('compare', 'worker-1', 'worker-2');
    assert.equal(compared.code, 0);
    assert.match(compared.stdout, /worker-1 and worker-2/);
    assert.equal((await ask('compare', 'worker-1', 'worker-1')).code, 3);
  });

  it('gives the report in every form, with the same status', async () => {
    for (const [format, words] of [
      ['text', /^# ✗ /],
      ['markdown', /^# ✗ /],
      ['html', /^<!doctype html>/],
      ['json', /"kind": "FleetReport"/],
    ] as const) {
      const { code, stdout, stderr } = await ask('report', '-o', format);
      assert.equal(code, 1, stderr);
      assert.match(stdout, words);
    }
    assert.equal((await pullwhy(['fleet', 'report', '--collector', quiet.url])).code, 3, 'no node is known');
  });

  it('tells what changed, and ends', async () => {
    const { code, stdout, stderr } = await ask('events');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^2026-11-22 10:46:00Z {2}node {5}worker-1 is silent.*\n.*opened {3}dns-timeout at registry/);
    const lines = await ask('events', '-o', 'ndjson', '--after', '1');
    assert.deepEqual(
      lines.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
      ['2'],
    );
  });

  it('follows over a collector that is started again, without a gap', async () => {
    const first = await startQueryCollector();
    await first.decided([], [fleetEvent(1)]);
    let child: ChildProcess | null = null;
    let proxied = first.url;
    // The address stays, what is behind it changes: so it is behind a load balancer.
    const front: Server = createServer((request, response) => {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      const last = request.headers['last-event-id'];
      if (typeof last === 'string') headers['last-event-id'] = last;
      const leaving = new AbortController();
      response.on('close', () => leaving.abort());
      fetch(`${proxied}${request.url}`, { headers, signal: leaving.signal })
        .then(async (answer) => {
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
          for await (const part of answer.body ?? []) response.write(part);
          response.end();
        })
        .catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const address = front.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      child = spawn(
        process.execPath,
        [executable, 'fleet', 'events', '-f', '-o', 'ndjson', '--collector', `http://127.0.0.1:${port}`],
        {
          env: { PATH: '/usr/bin:/bin' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      let stdout = '';
      let stderr = '';
      child.stdout?.on('data', (part: Buffer) => {
        stdout += part;
      });
      child.stderr?.on('data', (part: Buffer) => {
        stderr += part;
      });
      const until = async (what: () => boolean): Promise<void> => {
        for (let tries = 0; !what(); tries++) {
          assert.ok(tries < 1500, `it did not come: ${stdout}${stderr}`);
          await sleep(10);
        }
      };
      await until(() => first.feed.subscribers() === 1);
      await sleep(200);
      await first.decided([], [fleetEvent(2)]);
      await until(() => stdout.includes('"id":"2"'));
      // The next collector of the same database has the same events, and one more.
      const next = await startQueryCollector();
      try {
        await next.decided([], [fleetEvent(1), fleetEvent(2), fleetEvent(3)]);
        proxied = next.url;
        await first.close();
        await until(() => stdout.includes('"id":"3"'));
        assert.deepEqual(
          stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line).id),
          ['2', '3'],
        );
        assert.match(stderr, /^pullwhy: fleet: .* It is asked again\.\n$/);
        const ended = new Promise((resolve) => child?.once('close', resolve));
        child.kill('SIGINT');
        assert.equal(await ended, 0);
      } finally {
        await next.close();
      }
    } finally {
      child?.kill('SIGKILL');
      front.closeAllConnections();
      front.close();
    }
  });

  it('asks with a token, and says what is wrong when it cannot ask', async () => {
    await writeFile(`${folder}/tokens`, 'hunter22\n');
    const closed = await startQueryCollector({ gate: { mode: 'token', tokenFile: `${folder}/tokens` } });
    try {
      const env = { PULLWHY_COLLECTOR: closed.url, PULLWHY_TOKEN_FILE: `${folder}/tokens` };
      assert.equal((await pullwhy(['fleet', 'incidents'], { env })).code, 0);
      const refused = await pullwhy(['fleet', 'incidents', '--collector', closed.url]);
      assert.equal(refused.code, 3);
      assert.match(refused.stderr, /The collector at .* answers 401: .*--token-file/);
    } finally {
      await closed.close();
    }
    const nobody = await pullwhy(['fleet', 'events', '--collector', `http://127.0.0.1:${await closedPort()}`]);
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /Nothing listens at .*: is the collector running there\? \(--collector URL/);
    assert.equal((await pullwhy(['fleet', 'incidents', '--collector', 'nonsense'])).code, 2);
    assert.equal((await ask('incidents', '--scope', 'world')).code, 2);
    assert.equal((await ask('nodes', '--limit', '0')).code, 2);
    assert.equal((await ask('events', '--after', 'x')).code, 2);
    const mistaken = await ask('incidents', '--since', 'tomorrow');
    assert.equal(mistaken.code, 3);
    assert.match(mistaken.stderr, /since is a time/);
  });
});
