import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { connect as tlsConnect } from 'node:tls';
import { makeCertificate, makePki } from '../kit/certificates.ts';
import { type CollectorProcess, startCollectorProcess } from '../kit/collector-process.ts';
import { pullwhy } from '../kit/command.ts';
import { batchOf, heartbeat } from '../kit/http-collector.ts';

const secret = 'hunter2';

async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 15_000): Promise<void> {
  for (const limit = performance.now() + ms; performance.now() < limit; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`it did not come: ${what}`);
}

/** What an agent sends of a registry that it checked. */
function checked(node: string, seq: number, verdict: 'healthy' | 'faulty'): Record<string, unknown> {
  const at = new Date().toISOString();
  const faulty = verdict === 'faulty';
  return batchOf(
    [
      heartbeat(seq, { at }),
      {
        seq: seq + 1,
        kind: 'health',
        at,
        checks: [
          {
            of: 'registry',
            subject: 'registry.corp.example',
            verdict,
            cause: faulty ? 'tls-certificate-expired' : null,
            confidence: faulty ? 'proven' : null,
            layer: faulty ? 'tls' : null,
            underlying: null,
            host: faulty ? 'registry.corp.example' : null,
            summary: faulty ? 'Its certificate has expired.' : 'It answers.',
            checkedAt: at,
            since: at,
          },
        ],
      },
    ],
    { node, sentAt: at },
  );
}

describe('e2e: the collector', function () {
  this.timeout(60_000);
  let folder = '';
  const started: CollectorProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-collector-`);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.stop('SIGKILL')));
    await rm(folder, { recursive: true });
  });
  async function start(flags: readonly string[] = []): Promise<CollectorProcess> {
    const one = await startCollectorProcess(['--store', `sqlite://${folder}/c.db`, ...flags]);
    started.push(one);
    return one;
  }

  it('takes what agents report, answers what is asked, tells what is wrong, and keeps it', async () => {
    const collector = await start();
    await until('ready', async () => (await collector.get('/readyz')).status === 200);
    for (const node of ['node-1', 'node-2', 'node-3', 'node-4']) {
      const verdict = node === 'node-4' ? 'healthy' : 'faulty';
      const { status, body } = await collector.report(checked(node, 1, verdict));
      assert.deepEqual([status, body], [202, { acked: 2, refused: [] }]);
    }
    const again = await collector.report(checked('node-1', 1, 'faulty'));
    assert.deepEqual(again.body, { acked: 2, refused: [] }, 'the same again changes nothing');

    const nodes = await collector.get('/v1/nodes');
    assert.deepEqual(
      nodes.body.items.map(({ node }: { node: string }) => node),
      ['node-1', 'node-2', 'node-3', 'node-4'],
    );
    await until('an incident of all three', async () => {
      const { items } = (await collector.get('/v1/incidents')).body;
      return items.length === 1 && items[0].nodes.failing === 3;
    });
    const [incident] = (await collector.get('/v1/incidents')).body.items;
    assert.deepEqual([incident.cause, incident.subject.name], ['tls-certificate-expired', 'registry.corp.example']);
    const page = await collector.get('/');
    assert.equal(page.status, 200);
    assert.match(page.text, /registry\.corp\.example/);
    const metrics = (await collector.get('/metrics')).text;
    assert.match(metrics, /^pullwhy_collector_reports_total\{result="taken"\} 5$/m);
    assert.match(metrics, /^pullwhy_collector_fresh_records_total 8$/m);
    assert.match(metrics, /^pullwhy_collector_incidents\{cause="tls-certificate-expired".*\} 1$/m);
    assert.match(metrics, /^pullwhy_collector_nodes\{state="faulty"\} 3$/m);

    const { code, ms } = await collector.stop();
    assert.equal(code, 0);
    assert.ok(ms < 5000, `${ms}`);
    assert.match(collector.logText(), /the collector has stopped/);
    const next = await start();
    assert.equal((await next.get('/v1/nodes')).body.items.length, 4, 'over a restart');
    assert.equal((await next.get(`/v1/incidents/${incident.id}`)).body.id, incident.id);
    assert.equal((await next.report(checked('node-1', 1, 'faulty'))).status, 202);
    assert.match((await next.get('/metrics')).text, /^pullwhy_collector_fresh_records_total 0$/m, 'seen before');
  });

  it('closes, unless opened: with tokens each caller only as far as its own goes', async () => {
    await writeFile(`${folder}/tokens`, `all-${secret}\nreader r-${secret}\nnode/node-1 n-${secret}\n`);
    const collector = await start([
      ...['--set', 'http.auth.mode=token', '--set', `http.auth.tokenFile=${folder}/tokens`],
    ]);
    const as = (token: string) => ({ authorization: `Bearer ${token}-${secret}` });
    const batch = batchOf([heartbeat(1)]);
    assert.equal((await collector.report(batch)).status, 401);
    assert.equal((await collector.report(batch, as('r'))).status, 403);
    assert.equal((await collector.report({ ...batch, node: 'node-2' }, as('n'))).status, 403);
    assert.equal((await collector.report(batch, as('n'))).status, 202);
    assert.equal((await collector.get('/v1/nodes', as('n'))).status, 403);
    const nodes = await collector.get('/v1/nodes', as('r'));
    assert.deepEqual(
      nodes.body.items.map(({ node }: { node: string }) => node),
      ['node-1'],
    );
    assert.doesNotMatch(collector.logText(), new RegExp(secret));
  });

  it('takes over what may change while it runs', async () => {
    const made = makePki();
    await writeFile(`${folder}/cert.pem`, made.leaf.chainPem);
    await writeFile(`${folder}/key.pem`, made.leaf.keyPem);
    const yaml = (level: string, listen: string): string =>
      `http: { listen: "${listen}", tls: { cert: ${folder}/cert.pem, key: ${folder}/key.pem } }\nlog: { level: ${level} }\n`;
    await writeFile(`${folder}/c.yaml`, yaml('info', '127.0.0.1:0'));
    const collector = await start(['--config', `${folder}/c.yaml`]);
    const serial = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = tlsConnect({ port: collector.port, host: '127.0.0.1', ca: made.root.pem }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await serial();
    const renewed = makeCertificate({ commonName: 'renewed', addresses: ['127.0.0.1'], issuer: made.root });
    await writeFile(`${folder}/cert.pem`, renewed.chainPem);
    await writeFile(`${folder}/key.pem`, renewed.keyPem);
    await writeFile(
      `${folder}/c.yaml`,
      yaml('debug', '127.0.0.1:1').replace('log:', 'ingest: { maxBatches: 5 }\nlog:'),
    );
    collector.signal('SIGHUP');
    await until('the settings', () => collector.logText().includes('the settings were read again'));
    assert.match(collector.logText(), /"changed":"ingest\.maxBatches, log\.level"/);
    await until('the certificate', async () => (await serial()) !== before);
    await writeFile(`${folder}/c.yaml`, 'http: { nonsense: 1 }\n');
    collector.signal('SIGHUP');
    await until('the refusal', () => collector.logText().includes('the settings were not taken over'));
    assert.match(collector.logText(), /c\.yaml:1/);
    assert.equal((await collector.stop()).code, 0);
  });

  describe('command line', () => {
    it('prints what is in force, where it comes from, and nothing secret', async () => {
      await writeFile(
        `${folder}/c.yaml`,
        `store: postgres://p:${secret}@db/p\nnotify:\n  - { type: slack, url: https://s.example/${secret} }\n`,
      );
      const text = await pullwhy(
        ['collector', '--config', `${folder}/c.yaml`, '--check-config', '--log-level', 'warn'],
        {
          env: { PULLWHY_RETENTION_MAX_AGE: '7d' },
        },
      );
      assert.equal(text.code, 0, text.stderr);
      assert.match(text.stdout, /^retention\.maxAge: 7d +# PULLWHY_RETENTION_MAX_AGE$/m);
      assert.match(text.stdout, /^log\.level: warn +# --log-level$/m);
      assert.match(text.stdout, /^store: .*db\/p.*c\.yaml:1$/m);
      assert.doesNotMatch(text.stdout, new RegExp(secret));
      const json = await pullwhy(['collector', '--config', `${folder}/c.yaml`, '--check-config', '-o', 'json']);
      assert.equal(Object(JSON.parse(json.stdout)).kind, 'Settings');
      assert.doesNotMatch(json.stdout, new RegExp(secret));
    });

    it('writes a file to start from, which it takes', async () => {
      const { stdout } = await pullwhy(['collector', '--print-config']);
      await writeFile(`${folder}/c.yaml`, stdout);
      const check = await pullwhy(['collector', '--config', `${folder}/c.yaml`, '--check-config']);
      assert.equal(check.code, 0, check.stderr);
      assert.match(await readFile(`${folder}/c.yaml`, 'utf8'), /^notify: \[\]$/m);
    });

    it('says what cannot be, and ends with the status for it', async () => {
      const taken = createServer().listen(0, '127.0.0.1').unref();
      await new Promise((resolve) => taken.once('listening', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      await writeFile(`${folder}/empty`, '');
      const good = ['--store', `sqlite://${folder}/x.db`];
      for (const [flags, code, words] of [
        [['--listen', '0.0.0.0:9450', ...good], 2, /--listen: http\.listen: Without authentication/],
        [['--store', 'mysql://x'], 2, /--store: store: .*sqlite/],
        [['--set', 'http.lisen=x'], 2, /Did you mean http\.listen/],
        [['--set', 'http.auth.mode=token', '--set', `http.auth.tokenFile=${folder}/empty`, ...good], 2, /no token/],
        [['--set', `storeFile=${folder}/none`], 2, /storeFile: .* is not there/],
        [['--set', 'http.auth.mode=kubernetes', ...good], 2, /needs a pod in a cluster/],
        [['--listen', `127.0.0.1:${port}`, ...good], 3, /something listens there already/],
        [['--listen', '127.0.0.1:0', '--store', 'sqlite:///proc/none/x.db'], 3, /\/proc\/none/],
        [['--listen', '127.0.0.1:0', '--store', `postgres://p:${secret}@127.0.0.1:1/p`], 3, /127\.0\.0\.1/],
      ] as const) {
        const outcome = await pullwhy(['collector', ...flags]);
        assert.match(outcome.stderr, words, flags.join(' '));
        assert.equal(outcome.code, code, `${flags.join(' ')}: ${outcome.stderr}`);
        assert.doesNotMatch(outcome.stderr, new RegExp(secret));
        assert.equal(outcome.stdout, '');
      }
      taken.close();
    });
  });
});
