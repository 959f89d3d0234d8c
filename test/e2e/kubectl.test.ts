/** `kubectl pullwhy`: the built executable against an API server by TLS, with a real agent behind its proxy to pods. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isRecord } from '../../src/lib/json.ts';
import { captures, haveCaptures } from '../kit/captures.ts';
import { type Outcome, pullwhy } from '../kit/command.ts';
import { agentPod, type FakeCluster, itemsOf, startCluster, waitingPod } from '../kit/fake-cluster.ts';
import { type ServedAgent, startServedAgent } from '../kit/served-agent.ts';
import { closedPort } from '../kit/tcp-server.ts';

const notFound =
  'Back-off pulling image "reg.example/team/web:9": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "reg.example/team/web:9": failed to resolve reference "reg.example/team/web:9": reg.example/team/web:9: not found';

describe('e2e: kubectl pullwhy', function () {
  this.timeout(60_000);
  let cluster: FakeCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  afterEach(() => {
    cluster.objects = {};
    cluster.api.requests.length = 0;
  });

  const plugin = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    pullwhy(['kubectl', ...args], { env: { KUBECONFIG: cluster.kubeconfig, PATH: '/nowhere', ...env } });

  /** Runs the executable by a link of that name, as kubectl does. */
  async function calledBy(name: string, args: readonly string[]): Promise<Pick<Outcome, 'code' | 'stdout'>> {
    const called = `${cluster.folder}/${name}`;
    await rm(called, { force: true });
    await symlink(fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url)), called);
    const child = spawn(process.execPath, [called, ...args], {
      env: { KUBECONFIG: cluster.kubeconfig, LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, stdout };
  }

  function harmless({ stdout, stderr }: Outcome): void {
    for (const line of stdout.split('\n')) {
      // Names and commands stay whole, to be copied.
      const long = line.length > 80 && !/^\s*(?:\S+ )?\S{60,}$|^ {6}\S/.test(line);
      assert.ok(!long, `${line.length}: ${line}`);
    }
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
    assert.doesNotMatch(stdout + stderr, /s3cret/);
  }

  function fails(outcome: Outcome, code: number, words: RegExp): void {
    assert.equal(outcome.code, code, outcome.stderr + outcome.stdout);
    assert.equal(outcome.stdout, '');
    assert.match(outcome.stderr, words);
    assert.match(outcome.stderr, /^kubectl pullwhy: [^\n]*\n$/, 'one line');
    harmless(outcome);
  }

  describe('with the agent of the node', () => {
    let served: ServedAgent;
    const name = 'web-7d4b9c6f5-x2x8p';
    before(async () => {
      served = await startServedAgent(['--set', 'http.maxPerCaller=50']);
    });
    after(() => served.close());
    const pods = () => [waitingPod({ name, image: served.missing }), agentPod('node-1')];

    it("prints the pod's investigation by the API server's proxy", async function () {
      if (!served.hasPods) return this.skip();
      cluster.objects = { pods: pods(), agentUrl: served.url };
      const text = await plugin([name]);
      assert.equal(text.code, 1, text.stderr);
      assert.equal(text.stderr, '');
      assert.match(text.stdout, /^✗ shop\/web-7d4b9c6f5-x2x8p on node-1, container app\n/);
      assert.match(text.stdout, /cannot be pulled on node-1\n[\s\S]*cause: tag-not-found \(proven\)/);
      assert.match(text.stdout, /^ {2}✗ manifest /m, 'the way, hop by hop');
      harmless(text);
      assert.ok(
        cluster.api.requests.some(
          ({ path }) => path === '/api/v1/namespaces/pullwhy-system/pods/pullwhy-agent-node-1:9440/proxy/v1/pods',
        ),
      );
      // What the agent has is shown, nothing is made anew.
      assert.ok(cluster.api.requests.every(({ method }) => method === 'GET'));
      const json = await plugin([name, '-n', 'shop', '-o', 'json']);
      const document: unknown = JSON.parse(json.stdout);
      assert.ok(isRecord(document) && document.kind === 'PodPulls');
      const [pod] = itemsOf(document, 'pods');
      assert.equal(isRecord(pod?.agent) && pod.agent.reachedBy, 'proxy');
      assert.equal(itemsOf(pod, 'investigations')[0]?.cause, 'tag-not-found');
      assert.equal(itemsOf(pod, 'images')[0]?.causeBy, 'agent');
    });

    it('has an investigation made where the agent has none', async () => {
      const image = served.missing.replace(':9.9', ':7.7');
      cluster.objects = { pods: [waitingPod({ name: 'other', image }), agentPod('node-1')], agentUrl: served.url };
      const text = await plugin(['other']);
      assert.equal(text.code, 1, text.stderr);
      assert.match(text.stdout, /:7\.7 cannot be pulled on node-1\n[\s\S]*cause: tag-not-found/);
      const [asked] = cluster.api.requests.filter(({ method }) => method === 'POST');
      assert.deepEqual(JSON.parse(asked?.body ?? ''), {
        image,
        pod: { namespace: 'shop', name: 'other' },
        pullPolicy: 'IfNotPresent',
      });
      harmless(text);
    });

    it("goes by kubectl's port-forward where the proxy does not reach the agent, and ends it", async function () {
      if (!served.hasPods) return this.skip();
      cluster.objects = { pods: pods() };
      const bin = `${cluster.folder}/bin`;
      await mkdir(bin);
      const said = `${cluster.folder}/kubectl.args`;
      const script = `#!/bin/sh
echo "$$ $*" > ${said}
echo 'Forwarding from 127.0.0.1:${served.agent.port} -> 9440'
exec /usr/bin/sleep 60
`;
      await writeFile(`${bin}/kubectl`, script);
      await chmod(`${bin}/kubectl`, 0o700);
      const text = await plugin([name, '--context', 'main'], { PATH: bin });
      assert.equal(text.code, 1, text.stderr);
      assert.match(text.stdout, /cause: tag-not-found \(proven\)/);
      const [pid = '', ...args] = readFileSync(said, 'utf8').trim().split(' ');
      assert.equal(
        args.join(' '),
        '--context main -n pullwhy-system port-forward --address 127.0.0.1 pod/pullwhy-agent-node-1 :9440',
      );
      assert.throws(() => process.kill(Number(pid), 0), 'it is gone');
    });

    it('is found by its name too', async function () {
      if (!served.hasPods) return this.skip();
      cluster.objects = { pods: pods(), agentUrl: served.url };
      const { code, stdout } = await calledBy('kubectl-pullwhy', [name]);
      assert.equal(code, 1);
      assert.match(stdout, /cause: tag-not-found \(proven\)/);
    });

    it('puts what agents know into the table', async function () {
      if (!served.hasPods) return this.skip();
      const other = waitingPod({ name: 'db-0', namespace: 'data', node: 'node-2', image: 'reg.example/db:1' });
      cluster.objects = { pods: [...pods(), other], agentUrl: served.url };
      const text = await plugin(['-A']);
      assert.equal(text.code, 1, text.stderr);
      assert.match(text.stdout, /^2 pods of all namespaces wait for 2 images\.\n\n/);
      assert.match(text.stdout, /✗ shop\/web-7d4b9c6f5-x2x8p: tag-not-found, next try /);
      assert.match(text.stdout, /✗ data\/db-0: unknown, /);
      harmless(text);
      assert.match(text.stdout, /own words[\s\S]*\n {4}kubectl pullwhy POD -n NAMESPACE\n$/);
      const wide = await plugin(['-A', '-o', 'wide', '--node', 'node-1']);
      const [head = '', row = '', ...rest] = wide.stdout.trim().split('\n');
      assert.match(head, /^NAMESPACE +POD +CONTAINER +IMAGE +REASON +CAUSE +CONFIDENCE +NODE +FAILED +NEXT-TRY$/);
      assert.match(row, /^shop +web-7d4b9c6f5-x2x8p +app +\S+:9\.9 +ImagePullBackOff +tag-not-found +proven +node-1 /);
      assert.deepEqual(rest, []);
    });
  });

  describe('without an agent', () => {
    it('says so, and explains by the words of the pod', async () => {
      cluster.objects = { pods: [waitingPod({ name: 'web', image: 'reg.example/team/web:9', message: notFound })] };
      const text = await plugin(['web']);
      assert.equal(text.code, 1, text.stderr);
      assert.match(text.stdout, /^✗ shop\/web on node-1, container app\n/);
      assert.match(text.stdout, /nothing was measured\):\ntag-not-found/);
      assert.match(text.stdout, /No agent of Pullwhy runs on node-1/);
      assert.match(text.stdout, /^ {6}pullwhy diagnose reg\.example\/team\/web:9$/m);
      harmless(text);
    });

    for (const [what, agent, words] of [
      ['is not ready', agentPod('node-1', { ready: false }), /was not reached: it is not ready/],
      ['listens on loopback', agentPod('node-1'), /loopback only; and\s+there is no kubectl here/],
    ] as const)
      it(`says how to ask an agent that ${what}`, async () => {
        const pod = waitingPod({ name: 'web', image: 'reg.example/team/web:9', message: notFound });
        cluster.objects = { pods: [pod, agent] };
        const text = await plugin(['web']);
        assert.equal(text.code, 1);
        assert.match(text.stdout.replace(/\n\s+/g, ' '), words);
        assert.match(text.stdout, /^ {6}kubectl -n pullwhy-system port-forward pod\/pullwhy-agent-node-1 9440$/m);
        assert.match(text.stdout, /nothing was measured\):\ntag-not-found/);
        harmless(text);
      });

    it('says of a pod without trouble, without a node, or that is gone what it is', async () => {
      const running = {
        ...Object(waitingPod({ name: 'fine', image: 'a' })),
        status: {
          phase: 'Running',
          containerStatuses: [{ name: 'app', state: { running: { startedAt: '2026-11-22T10:47:11Z' } } }],
        },
      };
      cluster.objects = { pods: [running, waitingPod({ name: 'new', image: 'a', node: null })] };
      const fine = await plugin(['fine']);
      assert.equal(fine.code, 0);
      assert.equal(fine.stdout, '✓ shop/fine on node-1 waits for no image (Running).\n');
      const fresh = await plugin(['new']);
      assert.match(fresh.stdout, /^\? shop\/new is on no node yet/);
      const none = await plugin([]);
      assert.equal(none.code, 0);
      assert.equal(none.stdout, '✓ No pod of the namespace shop waits for an image.\n');
    });

    it('gives each captured pod the cause that its words have', async function () {
      if (!haveCaptures()) return this.skip();
      const folder = `${captures}/containerd-1.7.24-api/api`;
      const saved = readdirSync(folder).map((file): unknown => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')));
      cluster.objects = {
        pods: saved.map((one) => (isRecord(one) ? one.pod : null)),
        events: saved.flatMap((one) => itemsOf(one, 'events')),
      };
      const json = await plugin(['-A', '-o', 'json']);
      assert.equal(json.code, 1, json.stderr);
      const causes = new Map(
        itemsOf(JSON.parse(json.stdout), 'pods').map((pod) => [pod.pod, itemsOf(pod, 'images')[0]?.cause]),
      );
      assert.equal(causes.get('bad-tag'), 'tag-not-found');
      assert.equal(causes.get('auth-secret-missing'), 'pull-secret-missing');
      assert.equal(causes.get('rate-limit-429'), 'rate-limited');
      assert.equal(causes.get('never-absent'), 'image-never-pull');
      assert.equal(causes.get('tls-expired'), 'tls-certificate-expired');
      assert.ok(!causes.has('ok'));
      const text = await plugin(['-A']);
      harmless(text);
      const one = await plugin(['auth-secret-missing', '-n', 'ctrd17']);
      assert.match(one.stdout, /did not find the pull secret regcred-missing in ctrd17/);
      assert.match(one.stdout, /failed about \d+ times/);
      harmless(one);
    });

    it('counts the tries of a static pod, whose events have another uid than its mirror', async () => {
      const made = waitingPod({ name: 'etcd-node-1', image: 'reg.example/team/web:9', message: notFound });
      const metadata = isRecord(made) && isRecord(made.metadata) ? made.metadata : {};
      const annotations = { 'kubernetes.io/config.mirror': 'c0ffee' };
      const event = (reason: string, message: string) => ({
        metadata: { name: reason, namespace: 'shop' },
        involvedObject: { kind: 'Pod', namespace: 'shop', name: 'etcd-node-1', uid: 'c0ffee' },
        reason,
        message,
        count: 3,
        firstTimestamp: new Date(Date.now() - 60_000).toISOString(),
        lastTimestamp: new Date(Date.now() - 5000).toISOString(),
      });
      const image = '"reg.example/team/web:9"';
      cluster.objects = {
        pods: [{ ...Object(made), metadata: { ...metadata, annotations } }],
        events: [
          event('Pulling', `Pulling image ${image}`),
          event('Failed', `Failed to pull image ${image}: not found`),
        ],
      };
      for (const args of [['etcd-node-1'], ['-A', '-o', 'json']]) {
        const { stdout } = await plugin(args);
        assert.match(stdout, /failed 3 times|"attempts": ?3/);
      }
    });

    it('is harmless whatever a pod says', async () => {
      const message = `Back-off pulling image "a": ErrImagePull: \u001b[2J\u202e${'x'.repeat(300)} not found`;
      cluster.objects = {
        pods: [waitingPod({ name: 'web', image: 'a\u001b[31m', message, reason: 'Err\u0007ImagePull' })],
      };
      for (const args of [['web'], ['-A'], ['-A', '-o', 'wide'], ['web', '-o', 'json']]) {
        const { stdout } = await plugin(args);
        assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
      }
    });
  });

  describe('of workloads', () => {
    const deployment = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { matchLabels: { app: 'web' } } },
    };
    const path = '/apis/apps/v1/namespaces/shop/deployments/web';
    it('looks at the pods of a deployment', async () => {
      const image = 'reg.example/team/web:9';
      const labels = { app: 'web' };
      cluster.objects = {
        pods: [
          waitingPod({ name: 'web-a', image, message: notFound, labels }),
          waitingPod({ name: 'web-b', image, message: notFound, labels, node: 'node-2' }),
          waitingPod({ name: 'db-0', image: 'reg.example/db:1' }),
        ],
        others: { [path]: deployment },
      };
      for (const form of [['deploy/web'], ['deployments.apps/web'], ['deployment', 'web']]) {
        const text = await plugin(['-n', 'shop', ...form]);
        assert.equal(text.code, 1, text.stderr);
        assert.match(text.stdout, /^2 pods of \S+ in the namespace shop wait for 1 image\.\n/);
        assert.match(text.stdout, /No agent of Pullwhy runs on node-1[\s\S]*✗ shop\/web-b: tag-not-found/);
        assert.doesNotMatch(text.stdout, /db-0/);
        harmless(text);
      }
    });

    it('says when there is none, or it has no pods', async () => {
      fails(await plugin(['deploy/web']), 2, /There is no deployment web in the namespace shop/);
      cluster.objects = { others: { [path]: deployment } };
      fails(await plugin(['deploy/web']), 2, /has no pods: .*describe deployment web/);
      fails(await plugin(['-A', 'deploy/web']), 2, /name it by -n/);
      fails(await plugin(['web-a', 'web-b']), 2, /"web-a" is no kind that has pods here/);
      fails(await plugin(['deploy/web', 'web-b']), 2, /"deploy\/web\/web-b" is no name of a pod/);
    });
  });

  describe('says in one sentence what is wrong and what to do', () => {
    const image = 'a';
    it('no such pod', async () => {
      fails(await plugin(['web']), 2, /There is no pod web in the namespace shop.*-A looks in all/);
      const owner = { kind: 'ReplicaSet', name: 'web-7d4' };
      const labels = { 'pod-template-hash': '7d4' };
      cluster.objects = { pods: [waitingPod({ name: 'web-7d4-abc', image, owner, labels })] };
      fails(await plugin(['web']), 2, /may be meant: deployment\/web, or web-7d4-abc\./);
    });
    it('ambiguous', async () => {
      cluster.objects = { pods: ['shop', 'test'].map((namespace) => waitingPod({ name: 'web-0', namespace, image })) };
      fails(await plugin(['-A', 'web-0']), 2, /There are 2 pods web-0, in shop and test: name the namespace by -n/);
      fails(await plugin(['web-0', '--node', 'n2']), 2, /is on node-1, not on n2/);
    });
    it('forbidden', async () => {
      cluster.objects = { pods: [waitingPod({ name: 'web', image, message: notFound })], forbidden: /./ };
      fails(await plugin(['web']), 3, /right to get pods/);
      fails(await plugin(['-A']), 3, /right to list pods/);
      // Events and agents are not all there is.
      cluster.objects = { ...cluster.objects, forbidden: /\/events$|\/api\/v1\/pods$|pullwhy-system/ };
      const text = await plugin(['web']);
      assert.equal(text.code, 1);
      assert.match(text.stdout.replace(/\n\s+/g, ' '), /you may not list pods in pullwhy-system/);
      assert.match(text.stdout, /Events could not be read/);
      harmless(text);
    });
    it('no kubeconfig, no such context, a server that is not there', async () => {
      const none = { KUBECONFIG: '', HOME: '/nowhere' };
      fails(await plugin(['web'], none), 2, /There is no kubeconfig at .*--kubeconfig FILE/);
      fails(await plugin(['web', '--kubeconfig', '/nowhere']), 2, /\/nowhere is not there/);
      fails(await plugin(['web', '--context', 'x']), 2, /There is no context x .* there are: main/);
      const dead = `${cluster.folder}/dead`;
      const text = readFileSync(cluster.kubeconfig, 'utf8');
      await writeFile(dead, text.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${await closedPort()}`));
      fails(await plugin(['web', '--kubeconfig', dead]), 3, /right --context, and is its network or VPN up/);
      await writeFile(dead, text.replace('s3cret-token', 'other-s3cret'));
      fails(await plugin(['web', '--kubeconfig', dead]), 3, /Log in to the cluster again/);
    });
    it('names that are none', async () => {
      fails(await plugin(['pod/../x']), 2, /is no name of a pod/);
      fails(await plugin(['node/x']), 2, /"node" is no kind that has pods here/);
      fails(await plugin(['x', '-n', 'a/b']), 2, /-n: "a\/b" is no name/);
      fails(await plugin(['x', '-n', 'a', '-A']), 2, /exclude each other/);
      assert.equal(cluster.api.requests.length, 0);
    });
  });

  it('completes names, kinds, flags and their values for kubectl', async () => {
    cluster.objects = {
      pods: ['web-a', 'web-b', 'db-0'].map((name) => waitingPod({ name, image: 'a' })),
      others: {
        '/apis/apps/v1/namespaces/shop/deployments': {
          metadata: { resourceVersion: '1' },
          items: [{ metadata: { name: 'web' } }],
        },
        '/api/v1/nodes': { metadata: { resourceVersion: '1' }, items: [{ metadata: { name: 'node-1' } }] },
      },
    };
    const offered = async (...words: string[]): Promise<string[]> => {
      const { code, stdout } = await calledBy('kubectl_complete-pullwhy', words);
      assert.equal(code, 0);
      return stdout.trim().split('\n');
    };
    assert.deepEqual(await offered('web'), ['web-a', 'web-b', ':4']);
    assert.deepEqual(await offered('-n', 'none', 'd'), ['deploy/', 'ds/', ':6']);
    assert.deepEqual(await offered('deploy/w'), ['deploy/web', ':4']);
    assert.deepEqual(await offered('--node', ''), ['node-1', ':4']);
    assert.deepEqual(await offered('web-a', '-o', 'w'), ['wide', ':4']);
    assert.deepEqual(await offered('--kubeconfig', ''), [':0']);
    assert.deepEqual(await offered('--all'), ['--all-namespaces', ':4']);
    assert.deepEqual(await offered('--kubeconfig', '/nowhere', 'web'), [':6']);
  });
});
