import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentSettings } from '../../src/agent/settings.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { root } from '../arch/sources.ts';
import { type ApiTypes, parseModel, readApiTypes } from './api-types.ts';
import { customTypes } from './custom-types.ts';
import {
  at,
  type Built,
  build,
  components,
  findKubectl,
  isObject,
  listAt,
  type Manifest,
  only,
  overlays,
  textsAt,
} from './kustomize.ts';

const pod = 'spec.template.spec';
const container = `${pod}.containers.0`;

/** What every build has to be, whatever it adds. */
const everyBuild: readonly { readonly name: string; readonly check: (built: Built) => void }[] = [
  {
    name: 'the container has no power that is not written down',
    check(built) {
      const set = only(built, 'DaemonSet');
      assert.equal(listAt(set, `${pod}.containers`).length, 1);
      assert.equal(at(set, `${pod}.initContainers`), undefined);
      const context = at(set, `${container}.securityContext`);
      assert.equal(at(context, 'privileged'), false);
      assert.equal(at(context, 'allowPrivilegeEscalation'), false);
      assert.equal(at(context, 'readOnlyRootFilesystem'), true);
      assert.deepEqual(at(context, 'capabilities.drop'), ['ALL']);
      assert.equal(at(set, `${pod}.securityContext.seccompProfile.type`), 'RuntimeDefault');
      assert.equal(at(set, `${pod}.hostPID`), false);
      assert.equal(at(set, `${pod}.hostIPC`), false);
      const proc = hostPaths(set).includes('/proc');
      assert.deepEqual(textsAt(context, 'capabilities.add'), proc ? ['SYS_PTRACE'] : [], 'only to look at processes');
    },
  },
  {
    name: 'the capability is only where the socket, the same power, is too',
    check(built) {
      const set = only(built, 'DaemonSet');
      const socket = hostPaths(set).some((path) => /^\/run\/(containerd|crio|k3s\/containerd)$/.test(path));
      assert.equal(textsAt(set, `${container}.securityContext.capabilities.add`).length > 0, socket);
    },
  },
  {
    name: "nothing of the node can be written but the agent's own folder, and nothing is made there",
    check(built) {
      const set = only(built, 'DaemonSet');
      const volumes = listAt(set, `${pod}.volumes`);
      for (const mount of listAt(set, `${container}.volumeMounts`)) {
        const volume = volumes.find(({ name }) => name === mount.name);
        assert.ok(volume !== undefined, `${built.name}: no volume ${String(mount.name)}`);
        const own = mount.mountPath === '/var/lib/pullwhy';
        assert.equal(mount.readOnly, own ? undefined : true, `${built.name}: ${String(mount.mountPath)}`);
        const path = at(volume, 'hostPath.path');
        if (own || path === undefined) continue;
        // The host root is one folder, with everything where the node has it.
        assert.equal(mount.mountPath, `/host${String(path)}`);
        assert.ok(path !== '/' && path !== '/run' && path !== '/var' && path !== '/var/lib/kubelet', String(path));
        const type = at(volume, 'hostPath.type');
        const made =
          path === '/run/systemd/resolve' ? '' : String(path).startsWith('/var/lib/kubelet/') ? 'File' : 'Directory';
        assert.equal(type, made, `${built.name}: ${String(path)}`);
        // Mounts that come and go below it must do so here as well; the others are read-only all the way down.
        const runtime =
          /^\/(run\/(containerd|crio|k3s\/containerd)|var\/lib\/(containerd|containers\/storage|rancher\/\w+\/agent\/containerd))$/;
        const expected = runtime.test(String(path))
          ? ['HostToContainer', undefined]
          : [undefined, made === 'File' ? undefined : 'IfPossible'];
        assert.deepEqual([mount.mountPropagation, mount.recursiveReadOnly], expected, `${built.name}: ${String(path)}`);
      }
      const used = new Set(listAt(set, `${container}.volumeMounts`).map(({ name }) => name));
      assert.deepEqual(
        volumes.filter(({ name }) => !used.has(name)),
        [],
        'volumes that nothing mounts',
      );
    },
  },
  {
    name: 'it goes to every node, stays there, and is replaced a few nodes at a time',
    check(built) {
      const set = only(built, 'DaemonSet');
      assert.equal(at(set, `${pod}.hostNetwork`), true);
      // The collector's name is known to the cluster's DNS alone; probes ask the nameservers of the node's own file.
      const reports = environment(set).has('PULLWHY_COLLECTOR_URL');
      assert.equal(at(set, `${pod}.dnsPolicy`), reports ? 'ClusterFirstWithHostNet' : 'Default');
      assert.deepEqual(at(set, `${pod}.tolerations`), [{ operator: 'Exists' }]);
      assert.equal(at(set, `${pod}.priorityClassName`), 'system-node-critical');
      assert.deepEqual(at(set, 'spec.updateStrategy'), {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: '10%' },
      });
      assert.deepEqual(at(set, `${container}.resources`), {
        requests: { cpu: '10m', memory: '96Mi' },
        limits: { memory: '256Mi' },
      });
    },
  },
  {
    name: 'the labels select what is made, by the recommended scheme',
    check(built) {
      const set = only(built, 'DaemonSet');
      const labels = at(set, 'spec.template.metadata.labels');
      assert.ok(isObject(labels));
      for (const selector of [
        at(set, 'spec.selector.matchLabels'),
        ...built.objects
          .filter(({ kind }) => kind === 'PodMonitor')
          .map(({ object }) => at(object, 'spec.selector.matchLabels')),
      ]) {
        assert.ok(isObject(selector));
        // Not by the version: a selector cannot be changed.
        assert.deepEqual(Object.keys(selector).sort(), ['app.kubernetes.io/component', 'app.kubernetes.io/name']);
        for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
      }
      for (const { kind, name, object } of built.objects) {
        assert.equal(labelOf(object), 'pullwhy', `${built.name}: ${kind} ${name}`);
      }
    },
  },
  {
    name: 'the token is there where something asks the API server, and only there',
    check(built) {
      const set = only(built, 'DaemonSet');
      const granted = built.objects.some(
        ({ kind, name }) => /Binding$/.test(kind) && name.startsWith('pullwhy-agent') && name !== 'pullwhy-agent-scc',
      );
      const secrets = environment(set).has('PULLWHY_KUBERNETES_READ_SECRETS');
      assert.equal(at(set, `${pod}.automountServiceAccountToken`), granted || secrets);
    },
  },
  {
    name: 'its settings are settings, and fit each other and the mounts',
    check(built) {
      const set = only(built, 'DaemonSet');
      const settings = settingsOf(built);
      assert.equal(settings.node.hostRoot, '/host');
      assert.equal(settings.state.directory, '/var/lib/pullwhy');
      const tls = settings.http.tls.cert !== null;
      const [, port] = settings.http.listen.split(':');
      assert.equal(at(set, `${container}.ports.0.containerPort`), Number(port));
      for (const [probe, path] of [
        ['livenessProbe', '/healthz'],
        ['readinessProbe', '/readyz'],
      ]) {
        const asked = at(set, `${container}.${probe}.httpGet`);
        assert.deepEqual(asked, { host: '127.0.0.1', path, port: 'http', scheme: tls ? 'HTTPS' : 'HTTP' });
      }
      const socket = hostPaths(set).some((path) => path.startsWith('/run/') && !/log|systemd/.test(path));
      assert.equal(settings.retry.mode, socket ? 'on-recovery' : 'off', 'nothing is pulled without a socket');
      if (!settings.http.listen.startsWith('127.')) assert.ok(tls && settings.http.auth.mode === 'kubernetes');
      const file = `${settings.http.tls.cert ?? '/etc/pullwhy/x'}`;
      assert.ok(
        listAt(set, `${container}.volumeMounts`).some(({ mountPath }) => file.startsWith(`${String(mountPath)}/`)),
      );
    },
  },
];

describe('deploy: manifests', function () {
  this.timeout(120_000);
  const builds: Built[] = [];
  let types: ApiTypes | null = null;

  before(async function () {
    const found = await findKubectl();
    if ('why' in found) {
      process.stdout.write(`    left out: ${found.why}\n`);
      return this.skip();
    }
    const read = await readApiTypes();
    if ('why' in read) process.stdout.write(`    left out: manifests against the types of Kubernetes: ${read.why}\n`);
    else types = read;
    const wanted: (readonly [string, ...string[]])[] = overlays().map((name) => [name] as const);
    for (const name of components()) {
      // A runtime's overlay has these already.
      if (!['runtime-process', 'cluster-api', 'network-access'].includes(name)) wanted.push(['containerd', name]);
    }
    wanted.push(['containerd', 'network-access'], ['read-only', 'network-access'], ['read-only', 'monitoring']);
    wanted.push(['k3s', 'selinux', 'pod-events', 'node-condition', 'monitoring']);
    builds.push(...(await Promise.all(wanted.map(([name, ...more]) => build(found.kubectl, name, more)))));
  });

  for (const { name, check } of everyBuild) {
    it(name, () => {
      for (const built of builds) {
        try {
          check(built);
        } catch (error) {
          throw new Error(`${built.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    });
  }

  it('every object is one that the API server takes', function () {
    if (types === null) return this.skip();
    const { problems } = types;
    const found = builds.flatMap(({ name, objects }) =>
      objects.flatMap((one) => problemsOf(one, problems)).map((text) => `${name}: ${text}`),
    );
    assert.deepEqual([...new Set(found)], []);
    assert.ok(builds.length >= overlays().length + 8);
  });

  it('the check finds what is wrong', function () {
    if (types === null) return this.skip();
    const { problems } = types;
    const set = (spec: unknown): Manifest => ({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      name: 'x',
      namespace: null,
      object: { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'x' }, spec },
    });
    const template = { spec: { containers: [{ name: 'c', securityContext: { priviledged: true } }] } };
    assert.deepEqual(problems(set({ template, minReadySeconds: 'ten' })), [
      'DaemonSet x.spec.template.spec.containers.0.securityContext.priviledged: there is no such field in V1SecurityContext',
      'DaemonSet x.spec.minReadySeconds must be of type int, and is "ten"',
      'DaemonSet x.spec.selector is required',
    ]);
    assert.deepEqual(problems({ ...set({}), kind: 'DemonSet' }), ['DemonSet x: Kubernetes has no apps/v1 DemonSet']);
    assert.equal(parseModel('print("hello")'), null);
  });

  it('the README tells of every overlay and every component', () => {
    const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8');
    const tables = readme.slice(0, readme.indexOf('\n## '));
    const rows = [...tables.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name),
    );
    assert.deepEqual(rows.toSorted(), [...overlays(), ...components()].sort());
  });

  it('OpenShift lets in what the DaemonSet takes, and no more', () => {
    const built = builds.find(({ name }) => name === 'openshift');
    assert.ok(built !== undefined);
    const set = only(built, 'DaemonSet');
    const scc = only(built, 'SecurityContextConstraints');
    assert.deepEqual(scc.allowedCapabilities, at(set, `${container}.securityContext.capabilities.add`));
    const kinds = listAt(set, `${pod}.volumes`).flatMap((volume) =>
      Object.keys(volume).filter((key) => key !== 'name'),
    );
    // The token comes as a projected volume.
    assert.deepEqual(
      [...new Set([...kinds, 'projected'])].sort(),
      textsAt(scc, 'volumes')
        .toSorted()
        .filter((kind) => kind !== 'secret'),
    );
    for (const [field, path] of [
      ['allowHostNetwork', 'hostNetwork'],
      ['allowHostPID', 'hostPID'],
      ['allowHostIPC', 'hostIPC'],
    ] as const) {
      assert.equal(scc[field], at(set, `${pod}.${path}`), field);
    }
    assert.equal(scc.allowPrivilegedContainer, false);
    assert.equal(at(set, `${pod}.securityContext.seLinuxOptions.type`), 'spc_t');
  });

  it('the read-only agent is nobody in particular', () => {
    for (const built of builds.filter(({ name }) => name.startsWith('read-only'))) {
      const set = only(built, 'DaemonSet');
      assert.equal(at(set, `${pod}.securityContext.runAsNonRoot`), true);
      assert.notEqual(at(set, `${pod}.securityContext.runAsUser`), 0);
      assert.deepEqual(
        hostPaths(set).filter(
          (path) => !['/etc', '/usr', '/var/log', '/run/log', '/run/systemd/resolve'].includes(path),
        ),
        [],
      );
    }
  });

  function problemsOf(manifest: Manifest, builtIn: ApiTypes['problems']): readonly string[] {
    const name = `${manifest.apiVersion}/${manifest.kind}`;
    const [, custom] = Object.entries(customTypes).find(([key]) => key === name) ?? [];
    if (custom === undefined) return builtIn(manifest);
    const checked = checkAgainst(custom, manifest.object);
    return checked.ok
      ? []
      : checked.error.map(({ pointer, message }) => `${manifest.kind} ${manifest.name}${pointer}: ${message}`);
  }
});

function labelOf(object: Record<string, unknown>): unknown {
  const labels = at(object, 'metadata.labels');
  return isObject(labels) ? labels['app.kubernetes.io/name'] : undefined;
}

function hostPaths(set: Record<string, unknown>): readonly string[] {
  return listAt(set, `${pod}.volumes`).flatMap((volume) => {
    const path = at(volume, 'hostPath.path');
    return typeof path === 'string' && path !== '/var/lib/pullwhy' ? [path] : [];
  });
}

function environment(set: Record<string, unknown>): ReadonlyMap<string, string> {
  return new Map(
    listAt(set, `${container}.env`).flatMap(({ name, value }) =>
      typeof name === 'string' && typeof value === 'string' ? [[name, value] as const] : [],
    ),
  );
}

/** The settings as the agent would load them: the file of the ConfigMap, and the environment above it. */
function settingsOf(built: Built): AgentSettings {
  const set = only(built, 'DaemonSet');
  const name = at(
    listAt(set, `${pod}.volumes`).find((volume) => volume.name === 'settings'),
    'configMap.name',
  );
  const map = built.objects.find((one) => one.kind === 'ConfigMap' && one.name === name);
  assert.ok(map !== undefined, `no ConfigMap ${String(name)}`);
  const data = at(map.object, 'data');
  const text = isObject(data) ? data['agent.yaml'] : undefined;
  assert.ok(typeof text === 'string');
  const environmentOf = Object.fromEntries(environment(set));
  const loaded = loadSettings(AgentSettings, {
    file: { path: 'agent.yaml', text },
    environment: environmentOf,
    flags: new Map(),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value.value;
}
