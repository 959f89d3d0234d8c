import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { until } from '../kit/until.ts';
import { must, type Outcome, run, type Service, startService } from '../lab/commands.ts';
import { configurationOf } from '../lab/containerd-config.ts';
import type { Lab } from '../lab/lab.ts';
import type { BuiltImage } from './image.ts';
import { at, type Built, isObject, listAt, only, textsAt } from './kustomize.ts';

/** A node whose containerd is at its usual places: the manifests' paths hold as they are written. */
export interface Node {
  /** Files of its /var/lib and /run, as this process sees them. */
  readonly varLib: string;
  readonly run: string;
  /** The folder that holds `var/journal`, for a journald. */
  readonly log: string;
  /** Starts a pod of a DaemonSet as the kubelet would, as far as `ctr` can; it is there until the end of the case. */
  readonly start: (built: Built, change?: (set: Record<string, unknown>) => void) => Promise<Pod>;
  /** Ends containerd and starts another one at the same place. */
  readonly restart: () => Promise<void>;
}

/** One container that runs. */
export interface Pod {
  /** Of its first process, as this machine counts. */
  readonly pid: number;
  readonly running: () => boolean;
  readonly log: () => Promise<string>;
  /** Runs a program within it, as the same user. */
  readonly exec: (command: readonly string[]) => Promise<Outcome>;
  readonly stop: () => Promise<void>;
}

const spec = 'spec.template.spec';
const container = `${spec}.containers.0`;

/** What a runtime lets a container have unless it is told otherwise (containerd, oci/spec.go, defaultUnixCaps). */
const usualCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
];

/** Starts the lab's containerd at /run/containerd and /var/lib/containerd, in a mount namespace of its own. */
export async function startNode(lab: Lab, image: BuiltImage, env: Readonly<Record<string, string>>): Promise<Node> {
  const folder = `${lab.folder}/deploy`;
  const log = `${folder}/log`;
  for (const name of ['lib/containerd', 'lib/kubelet', 'run/containerd', 'run/log', 'run/systemd/resolve', 'log/var']) {
    await mkdir(`${folder}/${name}`, { recursive: true });
  }
  const etc = lab.network.etc('node');
  await mkdir(`${etc}/containerd`, { recursive: true });
  const state = '/run/containerd';
  const socket = `${state}/containerd.sock`;
  const config = '/etc/containerd/config.toml';
  const setup = { name: 'deploy', containerd: lab.containerd, folder, root: '/var/lib/containerd', state };
  const text = configurationOf({ ...setup, config: { inside: config, outside: config } }, socket);
  // Any folder of /etc that is laid over hides the machine's own; so is this file laid over the lab's.
  await writeFile(`${folder}/config.toml`, text);

  // Not by `ip netns exec`: it mounts another /sys, without the control groups that a container needs. What it lays over
  // /etc is laid here.
  const script = [
    'for file in "$2"/*; do mount --bind "$file" "/etc/$(basename "$file")" || exit; done',
    'mount --bind "$1/run" /run',
    'mount --bind "$1/lib" /var/lib',
    'mount --bind "$1/log/var" /var/log',
    'mount --bind "$1/config.toml" /etc/containerd/config.toml',
    'shift 2',
    'exec "$@"',
  ].join(' && ');
  const { program } = lab.containerd;
  let service: Service | undefined;
  const startContainerd = async (): Promise<void> => {
    const inside = ['nsenter', `--net=/run/netns/${lab.network.name('node')}`, 'sh', '-c', script, 'sh', folder, etc];
    const args = ['-m', '--propagation', 'private', ...inside, program, '--config', config];
    const started = await startService('deploy-containerd', 'unshare', args, `${folder}/containerd.log`, env);
    service = started;
    const ready = async () => {
      if (!started.running()) throw new Error(await readFile(started.logFile, 'utf8'));
      return (await ctr('version')).code === 0;
    };
    await until(`containerd (see ${started.logFile})`, ready, 20_000);
  };
  // The namespace's name is that of the control groups, too.
  const group = `pullwhy-pods-${process.pid}`;
  // That of the same package, among the mounts of its containerd: it looks into the image's files.
  const ctrWords = (args: readonly string[]): string[] => {
    const inside = ['-t', String(service?.pid), '-m', `${dirname(program)}/ctr`];
    return [...inside, '-a', socket, '-n', group, ...args];
  };
  const ctr = (...args: string[]) => run('nsenter', ctrWords(args), { timeoutMs: 120_000 });

  lab.defer(() => removeGroups(group));
  await startContainerd();
  lab.defer(async () => service?.stop());
  await must('nsenter', ctrWords(['images', 'import', '--snapshotter', 'native', image.archive]), {
    timeoutMs: 120_000,
  });

  let serial = 0;
  return {
    varLib: `${folder}/lib`,
    run: `${folder}/run`,
    log,
    async restart() {
      await service?.stop();
      await startContainerd();
    },
    async start(built, change = () => undefined) {
      const set: Record<string, unknown> = structuredClone(only(built, 'DaemonSet'));
      change(set);
      const id = `agent-${serial++}`;
      const own = `${folder}/${id}`;
      await mkdir(own, { recursive: true });
      const flags = await flagsOf(built, set, own);
      const logFile = `${own}/log`;
      // Detached, for it outlives this containerd; the shim itself writes what it prints.
      const words = ['run', '--detach', '--log-uri', `file://${logFile}`, ...flags, image.name, id];
      await writeFile(logFile, '');
      await must('nsenter', ctrWords([...words, ...(await commandOf(set, image))]));
      const listed = (await ctr('tasks', 'ls')).stdout;
      const pid = Number(new RegExp(`^${id}\\s+(\\d+)\\s`, 'm').exec(listed)?.[1]);
      assert.ok(pid > 0, listed);
      const stop = async () => {
        if (existsSync(`/proc/${pid}`)) {
          await ctr('tasks', 'kill', '-s', 'SIGTERM', id);
          const gone = () => until('the end of the container', () => !existsSync(`/proc/${pid}`), 10_000);
          await gone().catch(async () => {
            await ctr('tasks', 'kill', '-s', 'SIGKILL', id);
            await gone();
          });
        }
        await ctr('tasks', 'rm', '--force', id);
        await ctr('containers', 'rm', id);
      };
      lab.defer(stop);
      let executed = 0;
      return {
        pid,
        running: () => existsSync(`/proc/${pid}`),
        log: () => readFile(logFile, 'utf8'),
        exec: (command) => ctr('tasks', 'exec', '--exec-id', `exec-${executed++}`, id, ...command),
        stop,
      };
    },
  };

  /** The manifest's words as those of `ctr`. */
  async function flagsOf(built: Built, set: Record<string, unknown>, own: string): Promise<string[]> {
    const context = at(set, `${container}.securityContext`);
    const user = at(set, `${spec}.securityContext.runAsUser`);
    const [additional] = listOfNumbers(at(set, `${spec}.securityContext.supplementalGroups`));
    // ctr knows no supplementary groups: the one that is there stands in for the group.
    const group = additional ?? at(set, `${spec}.securityContext.runAsGroup`);
    const flags = ['--snapshotter', 'native', '--user', `${String(user)}:${String(group)}`];
    if (at(set, `${spec}.hostNetwork`) === true) flags.push('--net-host');
    if (at(set, `${spec}.securityContext.seccompProfile.type`) === 'RuntimeDefault') flags.push('--seccomp');
    if (at(context, 'readOnlyRootFilesystem') === true) flags.push('--read-only');
    if (at(context, 'allowPrivilegeEscalation') !== false) flags.push('--allow-new-privs');
    if (at(context, 'privileged') === true) flags.push('--privileged');
    if (textsAt(context, 'capabilities.drop').includes('ALL')) {
      for (const name of usualCapabilities) flags.push('--cap-drop', `CAP_${name}`);
    }
    for (const name of textsAt(context, 'capabilities.add')) flags.push('--cap-add', `CAP_${name}`);
    const memory = /^(\d+)Mi$/.exec(String(at(set, `${container}.resources.limits.memory`)))?.[1];
    flags.push('--memory-limit', String(Number(memory) * 1024 * 1024));
    for (const { name, value, valueFrom } of listAt(set, `${container}.env`)) {
      const told = at(valueFrom, 'fieldRef.fieldPath') === 'spec.nodeName' ? 'worker-3' : value;
      flags.push('--env', `${String(name)}=${String(told)}`);
    }
    const volumes = listAt(set, `${spec}.volumes`);
    for (const mount of listAt(set, `${container}.volumeMounts`)) {
      const volume = volumes.find(({ name }) => name === mount.name);
      const source = await sourceOf(built, volume, own);
      const propagation = mount.mountPropagation === 'HostToContainer' ? 'rslave' : 'rprivate';
      const access = mount.readOnly !== true ? 'rw' : mount.recursiveReadOnly === undefined ? 'ro' : 'rro';
      const options = `options=rbind:${propagation}:${access}`;
      flags.push('--mount', `type=bind,src=${source},dst=${String(mount.mountPath)},${options}`);
    }
    return flags;
  }

  async function sourceOf(built: Built, volume: Record<string, unknown> | undefined, own: string): Promise<string> {
    const path = at(volume, 'hostPath.path');
    if (typeof path === 'string') {
      if (at(volume, 'hostPath.type') === 'DirectoryOrCreate')
        await mkdir(`${folder}${path.replace(/^\/var/, '')}`, { recursive: true });
      return path;
    }
    const made = `${own}/${String(at(volume, 'name'))}`;
    // An emptyDir is everybody's.
    await mkdir(made, { recursive: true, mode: 0o777 });
    await must('chmod', ['0777', made]);
    const map = at(volume, 'configMap.name');
    const found = built.objects.find(({ kind, name }) => kind === 'ConfigMap' && name === map);
    const data = found === undefined ? undefined : at(found.object, 'data');
    for (const [name, value] of isObject(data) ? Object.entries(data) : []) {
      await writeFile(`${made}/${name}`, String(value), { mode: 0o644 });
    }
    return made;
  }
}

/** What runc leaves of control groups: the one above those of the containers, of each kind that there is. */
async function removeGroups(name: string): Promise<void> {
  const top = '/sys/fs/cgroup';
  for (const place of ['', ...(await readdir(top))]) await rmdir(join(top, place, name)).catch(() => undefined);
}

/** What runs: the image's entry point with the manifest's arguments. ctr takes both or none. */
async function commandOf(set: Record<string, unknown>, { config }: BuiltImage): Promise<readonly string[]> {
  return [...textsAt(config, 'config.Entrypoint'), ...textsAt(set, `${container}.args`)];
}

function listOfNumbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'number') : [];
}
