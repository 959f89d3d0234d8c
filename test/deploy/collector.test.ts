import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { settingProblems } from '../../src/collector/setting-problems.ts';
import { byteCount } from '../../src/settings/values.ts';
import { root } from '../arch/sources.ts';
import { startHttpCollector } from '../kit/http-collector.ts';
import { run } from '../lab/commands.ts';
import { readApiTypes } from './api-types.ts';
import { collectorSettings as settingsOf } from './collector-settings.ts';
import { at, type Built, build, findKubectl, isObject, listAt, only, textsAt } from './kustomize.ts';

const pod = 'spec.template.spec';
const container = `${pod}.containers.0`;
const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8');

describe('deploy: collector', function () {
  this.timeout(120_000);
  const builds: Built[] = [];
  let all: Built;

  before(async function () {
    const found = await findKubectl();
    if ('why' in found) {
      process.stdout.write(`    left out: ${found.why}\n`);
      return this.skip();
    }
    const { kubectl } = found;
    builds.push(await build(kubectl, 'collector/sqlite'), await build(kubectl, 'collector/postgres'));
    all = await build(kubectl, 'containerd', ['with-collector'], ['collector/sqlite']);
    return undefined;
  });

  const each = (name: string, check: (built: Built) => void): void => {
    it(name, () => {
      for (const built of builds) {
        try {
          check(built);
        } catch (error) {
          throw new Error(`${built.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    });
  };

  each('it has no power over its node, nor over the cluster', (built) => {
    const deployment = only(built, 'Deployment');
    assert.equal(listAt(deployment, `${pod}.containers`).length, 1);
    const context = at(deployment, `${container}.securityContext`);
    assert.deepEqual(context, {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.equal(at(deployment, `${pod}.securityContext.runAsNonRoot`), true);
    assert.equal(at(deployment, `${pod}.securityContext.seccompProfile.type`), 'RuntimeDefault');
    for (const host of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(at(deployment, `${pod}.${host}`), undefined);
    for (const volume of listAt(deployment, `${pod}.volumes`)) assert.equal(at(volume, 'hostPath'), undefined);
    const rights = built.objects
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .flatMap(({ object }) => listAt(object, 'rules'))
      .filter((rule) => textsAt(rule, 'apiGroups').length > 0)
      .flatMap((rule) =>
        textsAt(rule, 'resources').flatMap((one) => textsAt(rule, 'verbs').map((verb) => `${verb} ${one}`)),
      );
    assert.deepEqual(rights.sort(), ['create subjectaccessreviews', 'create tokenreviews']);
  });

  each('nothing can be written but where the store is', (built) => {
    const deployment = only(built, 'Deployment');
    const volumes = listAt(deployment, `${pod}.volumes`);
    const mounts = listAt(deployment, `${container}.volumeMounts`);
    for (const mount of mounts)
      assert.ok(
        volumes.some(({ name }) => name === mount.name),
        String(mount.name),
      );
    assert.equal(volumes.length, mounts.length);
    const writable = mounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    assert.deepEqual(writable, built.name.endsWith('sqlite') ? ['/var/lib/pullwhy'] : []);
  });

  each('its settings are settings, fit each other, and their files are mounted', (built) => {
    const deployment = only(built, 'Deployment');
    const settings = settingsOf(built);
    assert.deepEqual(settingProblems(settings), []);
    const { listen, tls, auth } = settings.http;
    assert.equal(at(deployment, `${container}.ports.0.containerPort`), Number(listen.split(':').at(-1)));
    assert.equal(auth.mode, 'kubernetes');
    const mounted = listAt(deployment, `${container}.volumeMounts`).map(({ mountPath }) => String(mountPath));
    const file = settings.storeFile ?? settings.store.replace('sqlite://', '');
    for (const path of [tls.cert, tls.key, file])
      assert.ok(path !== null && mounted.some((folder) => path.startsWith(`${folder}/`)), `${path}`);
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      const asked = at(deployment, `${container}.${probe}.httpGet`);
      const path = probe === 'readinessProbe' ? '/readyz' : '/healthz';
      assert.deepEqual(asked, { path, port: 'https', scheme: 'HTTPS' });
    }
  });

  each('what selects its pods does select them, and everything has the recommended labels', (built) => {
    const labels = at(only(built, 'Deployment'), 'spec.template.metadata.labels');
    assert.ok(isObject(labels));
    let selectors = 0;
    for (const { kind, name, object } of built.objects) {
      assert.equal(labelOf(object, 'app.kubernetes.io/name'), 'pullwhy', `${kind} ${name}`);
      if (kind !== 'ConfigMap')
        assert.equal(labelOf(object, 'app.kubernetes.io/component'), 'collector', `${kind} ${name}`);
      const found =
        at(object, 'spec.podSelector.matchLabels') ??
        at(object, 'spec.selector.matchLabels') ??
        (kind === 'Service' ? at(object, 'spec.selector') : undefined);
      if (!isObject(found)) continue;
      selectors++;
      assert.deepEqual(found, { 'app.kubernetes.io/name': 'pullwhy', 'app.kubernetes.io/component': 'collector' });
      for (const [key, value] of Object.entries(found)) assert.equal(labels[key], value);
    }
    assert.ok(selectors >= 3);
  });

  it('one process alone has the file, on a volume with room for it', () => {
    const [sqlite] = builds;
    assert.ok(sqlite !== undefined);
    const deployment = only(sqlite, 'Deployment');
    assert.deepEqual([at(deployment, 'spec.replicas'), at(deployment, 'spec.strategy')], [1, { type: 'Recreate' }]);
    const claim = only(sqlite, 'PersistentVolumeClaim');
    assert.deepEqual(at(claim, 'spec.accessModes'), ['ReadWriteOnce']);
    const room = byteCount(`${String(at(claim, 'spec.resources.requests.storage'))}B`) ?? 0;
    const most = byteCount(settingsOf(sqlite).retention.maxBytes) ?? 0;
    assert.ok(room >= 2 * most, `${room} for ${most}`);
  });

  it('two on PostgreSQL are kept apart, and never both away', () => {
    const [, postgres] = builds;
    assert.ok(postgres !== undefined);
    const deployment = only(postgres, 'Deployment');
    assert.equal(at(deployment, 'spec.replicas'), 2);
    assert.equal(at(only(postgres, 'PodDisruptionBudget'), 'spec.maxUnavailable'), 1);
    const keys = listAt(deployment, `${pod}.topologySpreadConstraints`).map(({ topologyKey }) => topologyKey);
    assert.deepEqual(keys, ['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
    assert.equal(settingsOf(postgres).storeFile, '/etc/pullwhy-store/url');
  });

  it('agents know its name, its authority and its purpose, and no more of its Secret', () => {
    const set = only(all, 'DaemonSet');
    const service = only(all, 'Service');
    const env = new Map(listAt(set, `${container}.env`).map(({ name, value }) => [name, value]));
    const { name, namespace } = { name: at(service, 'metadata.name'), namespace: at(service, 'metadata.namespace') };
    assert.equal(
      env.get('PULLWHY_COLLECTOR_URL'),
      `https://${String(name)}.${String(namespace)}.svc:${String(at(service, 'spec.ports.0.port'))}`,
    );
    const volume = listAt(set, `${pod}.volumes`).find((one) => one.name === 'collector');
    const sources = listAt(volume, 'projected.sources');
    const token = sources.map((source) => at(source, 'serviceAccountToken')).find(isObject);
    const secret = sources.map((source) => at(source, 'secret')).find(isObject);
    const mount = listAt(set, `${container}.volumeMounts`).find((one) => one.name === 'collector');
    assert.equal(env.get('PULLWHY_COLLECTOR_TOKEN_FILE'), `${String(mount?.mountPath)}/${String(token?.path)}`);
    assert.equal(env.get('PULLWHY_COLLECTOR_CA_FILE'), `${String(mount?.mountPath)}/ca.crt`);
    assert.deepEqual(at(secret, 'items'), [{ key: 'ca.crt', path: 'ca.crt' }]);
    const tls = listAt(only(all, 'Deployment'), `${pod}.volumes`).find((one) => one.name === 'tls');
    assert.equal(secret?.name, at(tls, 'secret.secretName'));
    assert.deepEqual(settingsOf(all).http.auth.audiences, [token?.audience]);
    // What the collector asks Kubernetes about an agent: POST at the path of reports (collector/http).
    const role = all.objects.find((one) => one.kind === 'ClusterRole' && one.name === 'pullwhy-reporter');
    assert.deepEqual(at(role?.object, 'rules'), [{ nonResourceURLs: ['/v1/reports'], verbs: ['post'] }]);
    const binding = all.objects.find((one) => one.kind === 'ClusterRoleBinding' && one.name === 'pullwhy-reporter');
    assert.deepEqual(
      listAt(binding?.object, 'subjects').map((one) => one.name),
      [at(set, `${pod}.serviceAccountName`)],
    );
  });

  it('agents and collector go into one kustomization, and no selector takes the other', () => {
    const names = all.objects.map(({ kind, name, namespace }) => `${kind} ${namespace ?? ''}/${name}`);
    assert.equal(new Set(names).size, names.length);
    const [agents, collector] = [only(all, 'DaemonSet'), only(all, 'Deployment')].map((one) =>
      at(one, 'spec.selector.matchLabels'),
    );
    assert.notDeepEqual(agents, collector);
  });

  it('the README tells of every folder', () => {
    const section = readme.slice(readme.indexOf('\n## The collector\n'), readme.indexOf('\n## What the pod may do\n'));
    const told = [...section.matchAll(/^\| `collector\/([\w-]+)`/gm)].map(([, name]) => name);
    const folders = readdirSync(join(root, 'deploy/collector')).filter((name) => name !== 'base');
    assert.deepEqual(told.toSorted(), folders.sort());
  });

  it("the README's certificate is one that the collector takes, and its callers by both names", async function () {
    const [command = ''] = /^openssl req (?:.*\\\n)*.*$/m.exec(readme) ?? [];
    const own = await mkdtemp(join(tmpdir(), 'pullwhy-certificate-'));
    try {
      const made = await run('sh', ['-c', command], { cwd: own }).catch(() => null);
      if (made === null) return this.skip();
      assert.equal(made.code, 0, made.stderr);
      const [cert, key] = [join(own, 'tls.crt'), join(own, 'tls.key')];
      const collector = await startHttpCollector({ files: { cert, key, clientCa: null } });
      try {
        const service = only(all, 'Service');
        const name = `${String(at(service, 'metadata.name'))}.${String(at(service, 'metadata.namespace'))}.svc`;
        for (const servername of [name, 'localhost', 'other.example']) {
          const socket = connect({ port: collector.port, host: '127.0.0.1', servername, ca: await readFile(cert) });
          const answer = await once(socket, 'secureConnect').then(
            () => 'trusted',
            (error: NodeJS.ErrnoException) => error.code,
          );
          socket.destroy();
          assert.equal(answer, servername === 'other.example' ? 'ERR_TLS_CERT_ALTNAME_INVALID' : 'trusted', servername);
        }
      } finally {
        await collector.server.stop();
      }
    } finally {
      await rm(own, { recursive: true });
    }
    return undefined;
  });

  it('every object is one that the API server takes', async function () {
    const types = await readApiTypes();
    if ('why' in types) {
      process.stdout.write(`    left out: manifests against the types of Kubernetes: ${types.why}\n`);
      return this.skip();
    }
    const found = [...builds, all].flatMap(({ name, objects }) =>
      objects.flatMap((one) => types.problems(one)).map((text) => `${name}: ${text}`),
    );
    assert.deepEqual([...new Set(found)], []);
    return undefined;
  });
});

function labelOf(object: Record<string, unknown>, name: string): unknown {
  const labels = at(object, 'metadata.labels');
  return isObject(labels) ? labels[name] : undefined;
}
