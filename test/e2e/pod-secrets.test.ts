import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodsDocument } from '../../src/api/node.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import { type FakeCluster, startCluster, waitingPod } from '../kit/fake-cluster.ts';
import { type FakeRegistry, makeImage, startFakeRegistry } from '../kit/fake-registry.ts';

const right = 'right-Pa55word';
const wrong = 'wrong-Pa55word';
const users = { robot: right };
const image = makeImage({ os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch });

/** A registry that wants a password, on plain HTTP. */
const registryOf = (): Promise<FakeRegistry> =>
  startFakeRegistry({ repositories: { 'team/app': { '1': image } }, basic: users });

function secretOf(host: string, password: string, type = 'kubernetes.io/dockerconfigjson'): unknown {
  const auths = { [host]: { auth: Buffer.from(`robot:${password}`).toString('base64') } };
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', type, data };
}

interface World {
  readonly host: string;
  readonly node: AgentNode;
  readonly cluster: FakeCluster;
  readonly registry: FakeRegistry;
  readonly agent: AgentProcess;
  /** The pod's row, once it has a cause that was found out. */
  readonly row: () => Promise<PodsDocument['pods'][number]>;
  readonly document: (id: string) => Promise<Investigation>;
  /** Asks for an investigation for the pod. */
  readonly investigate: (more?: object) => Promise<Investigation>;
}

/** A node with one pod that waits, its API server, and a real agent; whatever it says or writes is looked through. */
async function withAgent(
  options: {
    readonly secrets: (host: string) => Readonly<Record<string, unknown>>;
    readonly names?: readonly string[];
    readonly account?: readonly string[];
    readonly settings?: Readonly<Record<string, string>>;
    readonly forbidden?: RegExp;
    readonly methods?: NonNullable<Parameters<typeof makeAgentNode>[0]>['methods'];
  },
  use: (world: World) => Promise<void>,
): Promise<void> {
  const registry = await registryOf();
  const node = await makeAgentNode(options.methods === undefined ? {} : { methods: options.methods });
  const host = `localreg.test:${registry.port}`;
  await node.write('etc/hosts', '127.0.0.1 localreg.test\n');
  await node.write(
    `etc/containerd/certs.d/${host}/hosts.toml`,
    `server = "http://${host}"\n\n[host."http://${host}"]\n`,
  );
  const { names = ['regcred'], account = [], secrets, settings = {}, forbidden } = options;
  const waiting = waitingPod({
    name: 'web-0',
    image: `${host}/team/app:1`,
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "${host}/team/app:1": ErrImagePull: failed to pull and unpack image "${host}/team/app:1": failed to resolve reference "${host}/team/app:1": unexpected status from HEAD request to http://${host}/v2/team/app/manifests/1: 401 Unauthorized`,
    owner: { kind: 'StatefulSet', name: 'web' },
  });
  const pod = JSON.parse(JSON.stringify(waiting));
  pod.spec.imagePullSecrets = names.map((name) => ({ name }));
  pod.spec.serviceAccountName = 'default';
  const others: Record<string, unknown> = {
    '/api/v1/namespaces/shop/serviceaccounts/default': {
      kind: 'ServiceAccount',
      imagePullSecrets: account.map((name) => ({ name })),
    },
  };
  for (const [name, object] of Object.entries(secrets(host)))
    others[`/api/v1/namespaces/shop/secrets/${name}`] = object;
  const cluster = await startCluster({ pods: [pod], others, ...(forbidden === undefined ? {} : { forbidden }) });
  const agent = await startAgentProcess([...node.flags], {
    env: {
      KUBECONFIG: cluster.kubeconfig,
      PULLWHY_KUBERNETES_READ_SECRETS: 'true',
      PULLWHY_HTTP_ALLOW_TARGETS: '127.0.0.0/8',
      PULLWHY_HEALTH_INTERVAL: '0s',
      PULLWHY_LOG_LEVEL: 'debug',
      ...settings,
    },
  });
  const said: string[] = [];
  const ask: AgentProcess['ask'] = async (path, how) => {
    const answer = await agent.ask(path, how);
    said.push(answer.body);
    return answer;
  };
  const document = async (id: string): Promise<Investigation> =>
    JSON.parse((await ask(`/v1/investigations/${id}`)).body);
  const row: World['row'] = async () => {
    for (const until = Date.now() + 20_000; ; ) {
      const { body } = await ask('/v1/pods');
      const rows: PodsDocument['pods'] = JSON.parse(body).pods;
      const [first] = rows;
      if (first?.investigation != null) return first;
      if (Date.now() > until) throw new Error(`no investigation: ${body}\n${agent.logText()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const investigate: World['investigate'] = async (more = {}) => {
    const body = { image: `${host}/team/app:1`, pod: { namespace: 'shop', name: 'web-0' }, ...more };
    const answer = await ask('/v1/investigations', { method: 'POST', body });
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body);
  };
  try {
    await use({ host, node, cluster, registry, agent, row, document, investigate });
    for (const path of ['/v1/pods', '/v1/investigations', '/v1/report', '/metrics', '/v1/registries']) await ask(path);
  } finally {
    await agent.stop();
    const written = filesBelow(join(node.root, 'state')).map((file) => readFileSync(file, 'latin1'));
    await Promise.all([cluster.close(), registry.close(), node.close()]);
    const hidden = [right, wrong, ...[right, wrong].map((one) => Buffer.from(`robot:${one}`).toString('base64'))];
    for (const text of [...said, agent.logText(), ...written]) {
      for (const secret of hidden) assert.ok(!text.includes(secret), `a secret in: ${text.slice(0, 2000)}`);
    }
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

/** Those of the last endpoint: containerd has the registry itself behind its hosts.toml. */
function atUpstream(tries: Investigation['credentialTries'] = []): NonNullable<Investigation['credentialTries']> {
  const last = Math.max(...tries.map(({ endpoint }) => endpoint));
  return tries.filter(({ endpoint }) => endpoint === last);
}

const asked = ({ api }: FakeCluster, kind: string): string[] =>
  api.requests.map(({ path }) => path).filter((path) => path.includes(`/${kind}`));

describe('agent: pull secrets of the pods that wait', function () {
  this.timeout(60_000);

  it('names the secret whose credentials are refused', () =>
    withAgent({ secrets: (host) => ({ regcred: secretOf(host, wrong) }) }, async ({ row, document, cluster, host }) => {
      const { cause, confidence, summary, investigation, uid, owner, policy } = await row();
      assert.deepEqual([cause, confidence], ['credentials-rejected', 'proven'], summary);
      assert.match(summary, /user "robot" from Secret shop\/regcred/);
      assert.deepEqual([uid, owner, policy], ['uid-shop-web-0', { kind: 'StatefulSet', name: 'web' }, 'IfNotPresent']);
      const { credentialTries, pod } = await document(investigation ?? '');
      assert.deepEqual(
        atUpstream(credentialTries).map(({ source, key, username, outcome, status }) => [
          source,
          key,
          username,
          outcome,
          status,
        ]),
        [
          ['Secret shop/regcred', host, 'robot', 'refused', 401],
          [null, null, null, 'refused', 401],
        ],
      );
      assert.deepEqual(
        pod?.secrets.map(({ name, state, keys }) => [name, state, keys]),
        [['regcred', 'usable', [host]]],
      );
      assert.deepEqual([...new Set(asked(cluster, 'secrets'))], ['/api/v1/namespaces/shop/secrets/regcred']);
    }));

  it('proves that a secret does not exist', () =>
    withAgent({ secrets: () => ({}) }, async ({ row }) => {
      const { cause, confidence, summary } = await row();
      assert.deepEqual([cause, confidence], ['pull-secret-missing', 'proven'], summary);
      assert.match(summary, /shop\/regcred does not exist/);
    }));

  it('says what is wrong with one that the kubelet passes over', () =>
    withAgent({ secrets: (host) => ({ regcred: secretOf(host, right, 'Opaque') }) }, async ({ row }) => {
      const { cause, confidence, summary } = await row();
      assert.deepEqual([cause, confidence], ['pull-secret-invalid', 'proven'], summary);
      assert.match(summary, /has the type Opaque/);
    }));

  it('says for which registries there are credentials, where there are none for this one', () =>
    withAgent({ secrets: () => ({ regcred: secretOf('other.test', right) }) }, async ({ row }) => {
      const { cause, summary } = await row();
      assert.equal(cause, 'credentials-missing', summary);
      assert.match(summary, /Secret shop\/regcred has entries for other\.test only/);
    }));

  it('names the secret that would be needed where none may be read, and asks for none', () =>
    withAgent(
      {
        secrets: (host) => ({ regcred: secretOf(host, right) }),
        settings: { PULLWHY_KUBERNETES_READ_SECRETS: 'false' },
      },
      async ({ row, document, cluster }) => {
        const { cause, confidence, summary, investigation } = await row();
        assert.deepEqual([cause, confidence], ['credentials-missing', 'possible'], summary);
        assert.match(
          summary,
          /the pull secret shop\/regcred, not tried, for it is not read \(kubernetes\.readSecrets is off\)/,
        );
        const { verdict, findings } = await document(investigation ?? '');
        assert.equal(verdict, 'inconclusive');
        assert.match(
          findings[0]?.remedies[0]?.command ?? '',
          /^kubectl create rolebinding pullwhy-pull-secrets -n shop /,
        );
        assert.deepEqual([...asked(cluster, 'secrets'), ...asked(cluster, 'serviceaccounts')], []);
      },
    ));

  it('asks for no path but a secret’s, whatever a pod calls it', () =>
    withAgent(
      { secrets: () => ({}), names: ['../../kube-system/secrets/root', 'x?watch=1', 'UP'] },
      async ({ row, cluster }) => {
        assert.equal((await row()).cause, 'pull-secret-missing');
        assert.deepEqual(asked(cluster, 'secrets'), []);
      },
    ));

  it('names the right that lacks', () =>
    withAgent(
      { secrets: (host) => ({ regcred: secretOf(host, right) }), forbidden: /secrets\/regcred$/ },
      async ({ row, document, agent }) => {
        const { cause, summary, investigation } = await row();
        assert.equal(cause, 'credentials-missing', summary);
        assert.match(summary, /not tried, for it may not be read by the agent .*403/);
        const command = 'kubectl create rolebinding pullwhy-pull-secrets -n shop --clusterrole=pullwhy-pull-secrets';
        const { findings } = await document(investigation ?? '');
        assert.ok(findings[0]?.remedies[0]?.command?.startsWith(command), JSON.stringify(findings[0]?.remedies));
        const ready = await agent.ask('/readyz?verbose');
        assert.match(ready.body, /^kubernetes-secrets unreadable /m);
        const report = await agent.ask('/v1/report');
        assert.ok(report.body.includes(command), report.body);
      },
    ));

  it('tries each secret of the pod, and says what each got', () =>
    withAgent(
      {
        names: ['stale', 'good'],
        secrets: (host) => ({ stale: secretOf(host, wrong), good: secretOf(host, right) }),
      },
      async ({ investigate }) => {
        const { verdict, credentialTries } = await investigate();
        assert.equal(verdict, 'healthy');
        assert.deepEqual(
          atUpstream(credentialTries).map(({ source, outcome }) => [source, outcome]),
          [
            ['Secret shop/stale', 'refused'],
            ['Secret shop/good', 'accepted'],
            [null, 'not-tried'],
          ],
        );
      },
    ));

  it('uses them for images that the pod names, and no others', () =>
    withAgent({ secrets: (host) => ({ regcred: secretOf(host, right) }) }, async ({ investigate, host, cluster }) => {
      await investigate();
      const before = asked(cluster, 'secrets').length;
      const { pod, credentials } = await investigate({ image: `${host}/team/other:1` });
      assert.deepEqual([pod, credentials, asked(cluster, 'secrets').length], [undefined, null, before]);
    }));

  describe('with the right credentials', () => {
    /** A runtime that counts what it is handed. */
    const counting = (handed: unknown[]) => ({
      PullImage: (request: unknown) => {
        handed.push(request);
        return { answer: { image_ref: 'sha256:1' } };
      },
    });

    it('leaves the pull to the kubelet, and says so', async () => {
      const handed: unknown[] = [];
      await withAgent(
        { secrets: (host) => ({ regcred: secretOf(host, right) }), methods: counting(handed) },
        async ({ row, investigate }) => {
          const { cause, retry } = await row();
          assert.equal(cause, 'back-off-only');
          assert.equal(retry.state, 'not-possible');
          assert.match(retry.note, /retry\.withPodCredentials/);
          const { probes } = await investigate({ pull: true });
          const pull = probes.find(({ kind }) => kind === 'pull');
          assert.equal(pull?.status, 'skipped');
          assert.match(pull?.error?.message ?? '', /every pod of this node/);
        },
      );
      assert.deepEqual(handed, []);
    });

    it('pulls with them where that is configured', async () => {
      const handed: { auth?: { username?: string } }[] = [];
      await withAgent(
        {
          secrets: (host) => ({ regcred: secretOf(host, right) }),
          methods: counting(handed),
          settings: { PULLWHY_RETRY_WITH_POD_CREDENTIALS: 'true' },
        },
        async ({ row }) => {
          for (const until = Date.now() + 15_000; handed.length === 0 && Date.now() < until; ) await row();
          assert.equal((await row()).retry.state, 'pulled');
        },
      );
      assert.equal(handed[0]?.auth?.username, 'robot', JSON.stringify(handed));
    });
  });
});
