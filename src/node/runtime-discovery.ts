import { connect } from 'node:net';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { FileFailure, HostFiles } from './host-files.ts';
import { sourceName } from './host-files.ts';
import { type EndpointFailure, parseRuntimeEndpoint } from './runtime-endpoint.ts';

/** A container runtime that Pullwhy knows by name. Of cri-dockerd it knows only the name. */
export type RuntimeName = 'containerd' | 'cri-o' | 'cri-dockerd';

/**
 * What was found at a candidate's path. `listening`: a connection was taken (whether CRI is served there is not
 * asked here). `refused`: a socket that nobody listens at, left by a dead runtime.
 */
export type SocketState = 'listening' | 'refused' | 'denied' | 'timeout' | 'absent' | 'not-a-socket' | 'failed';

/** One place where a runtime may listen. */
export interface SocketCandidate {
  readonly name: RuntimeName;
  /** The path as the node names it: `/run/crio/crio.sock`. */
  readonly socketPath: string;
  /** Where it lies on this machine, `unix:///host/run/crio/crio.sock`. */
  readonly endpoint: string;
  readonly state: SocketState;
}

/** Which runtime this node has, how that is known, and where to ask it. */
export interface RuntimeChoice {
  /** Null: nothing tells. A CRI answer (`Version`) beats this. */
  readonly name: RuntimeName | null;
  /** `unix:///…`, where to connect on this machine; null when no runtime is there to ask. */
  readonly endpoint: string | null;
  /** The socket as the node names it; null when there is none. */
  readonly socketPath: string | null;
  /**
   * `given`: `-r`, or `--runtime` when there is no socket. `environment`: PULLWHY_RUNTIME_ENDPOINT.
   * `socket`: found below the host root. `files`: no socket, told by configuration. `none`: nothing found.
   */
  readonly how: 'given' | 'environment' | 'socket' | 'files' | 'none';
  /** Every place looked at, in order; empty when the endpoint was given. Who asks over CRI tries those that exist in this order. */
  readonly candidates: readonly SocketCandidate[];
  /** One sentence: why this runtime. */
  readonly reason: string;
  /** The runtime's main configuration file as the node names it, present or not; null without a name. */
  readonly configFile: string | null;
}

/** What `discoverRuntime` is told. */
export interface DiscoveryOptions {
  /** The value of `-r`: a path of this process, not below the host root. */
  readonly endpoint: string | null;
  /** The value of `--runtime`: how to read the node's files when no runtime answers. */
  readonly runtime: 'containerd' | 'cri-o' | null;
  /** Read for PULLWHY_RUNTIME_ENDPOINT alone; an empty value is none. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Longest wait for a connection to one socket, milliseconds (1000). */
  readonly connectTimeoutMs?: number;
}

const variable = 'PULLWHY_RUNTIME_ENDPOINT';

/**
 * Where runtimes listen: crictl's list in its order (cri-tools cmd/crictl/main_unix.go, defaultRuntimeEndpoints),
 * then the socket of k3s and rke2. Further paths are the same place on a host root that lacks the link /var/run → /run.
 */
const places: readonly { readonly name: RuntimeName; readonly paths: readonly string[] }[] = [
  { name: 'containerd', paths: ['/run/containerd/containerd.sock'] },
  { name: 'cri-o', paths: ['/run/crio/crio.sock', '/var/run/crio/crio.sock'] },
  { name: 'cri-dockerd', paths: ['/var/run/cri-dockerd.sock', '/run/cri-dockerd.sock'] },
  { name: 'containerd', paths: ['/run/k3s/containerd/containerd.sock'] },
];

/** Main configuration files of containerd, the packaged one first, then those that k3s and rke2 write. */
const containerdConfigs = [
  '/etc/containerd/config.toml',
  '/var/lib/rancher/k3s/agent/etc/containerd/config.toml',
  '/var/lib/rancher/rke2/agent/etc/containerd/config.toml',
] as const;
const k3sSocket = '/run/k3s/containerd/containerd.sock';

/** Files and folders that only one runtime brings, most telling first. */
const traces: readonly { readonly name: 'containerd' | 'cri-o'; readonly path: string }[] = [
  { name: 'containerd', path: '/etc/containerd' },
  { name: 'containerd', path: '/var/lib/rancher/k3s/agent/etc/containerd' },
  { name: 'containerd', path: '/var/lib/rancher/rke2/agent/etc/containerd' },
  { name: 'containerd', path: '/etc/rancher/k3s/registries.yaml' },
  { name: 'containerd', path: '/etc/rancher/rke2/registries.yaml' },
  { name: 'cri-o', path: '/etc/crio' },
  // podman and skopeo bring this folder too, so it tells only when nothing else does.
  { name: 'cri-o', path: '/etc/containers' },
];

/**
 * Finds the runtime to ask and to read the files of: `-r`, then PULLWHY_RUNTIME_ENDPOINT, then the first socket below
 * the host root that takes a connection, else the first that exists, else what the node's files tell.
 * An endpoint that does not parse is the only failure.
 */
export async function discoverRuntime(
  host: HostFiles,
  options: DiscoveryOptions,
): Promise<Result<RuntimeChoice, EndpointFailure>> {
  if (options.endpoint !== null) return given(host, options, options.endpoint, '-r', 'given');
  const fromEnv = options.env[variable];
  if (fromEnv !== undefined && fromEnv !== '') return given(host, options, fromEnv, variable, 'environment');

  const candidates: SocketCandidate[] = [];
  for (const place of places) candidates.push(await candidateAt(host, place, options.connectTimeoutMs ?? 1000));
  const listening = candidates.find((candidate) => candidate.state === 'listening');
  const present = candidates.find((candidate) => candidate.state !== 'absent' && candidate.state !== 'not-a-socket');
  const chosen = listening ?? present;
  if (chosen !== undefined) {
    // --runtime says how to read the files when no runtime answers; one that listens speaks for itself.
    const name = listening === undefined ? (options.runtime ?? chosen.name) : chosen.name;
    return ok({
      name,
      endpoint: chosen.endpoint,
      socketPath: chosen.socketPath,
      how: 'socket',
      candidates,
      reason: socketReason(chosen, candidates),
      configFile: await configFileOf(host, name, chosen.socketPath),
    });
  }
  if (options.runtime !== null) {
    return ok({
      name: options.runtime,
      endpoint: null,
      socketPath: null,
      how: 'given',
      candidates,
      reason: `--runtime ${options.runtime}; no runtime's socket was found`,
      configFile: await configFileOf(host, options.runtime, null),
    });
  }
  const told = await nameFromFiles(host);
  return ok({
    name: told?.name ?? null,
    endpoint: null,
    socketPath: null,
    how: told === null ? 'none' : 'files',
    candidates,
    reason: told === null ? "no runtime's socket and no runtime's files were found" : told.reason,
    configFile: await configFileOf(host, told?.name ?? null, null),
  });
}

/** `choice` moved to another of its candidates: for who finds over CRI that the first one does not serve it. */
export async function chooseSocket(
  host: HostFiles,
  choice: RuntimeChoice,
  candidate: SocketCandidate,
): Promise<RuntimeChoice> {
  return {
    ...choice,
    name: candidate.name,
    endpoint: candidate.endpoint,
    socketPath: candidate.socketPath,
    how: 'socket',
    reason: socketReason(candidate, choice.candidates),
    configFile: await configFileOf(host, candidate.name, candidate.socketPath),
  };
}

async function given(
  host: HostFiles,
  options: DiscoveryOptions,
  value: string,
  place: string,
  how: 'given' | 'environment',
): Promise<Result<RuntimeChoice, EndpointFailure>> {
  const parsed = parseRuntimeEndpoint(value, place);
  if (!parsed.ok) return fail(parsed.error);
  const path = parsed.value;
  const byPath = nameFromPath(path);
  const told = options.runtime === null && byPath === null ? await nameFromFiles(host) : null;
  const name = options.runtime ?? byPath ?? told?.name ?? null;
  const why =
    options.runtime !== null
      ? `--runtime ${options.runtime}`
      : byPath !== null
        ? `its path is ${byPath}'s`
        : told === null
          ? 'which runtime listens there is not known before it answers'
          : told.reason;
  return ok({
    name,
    endpoint: `unix://${path}`,
    socketPath: path,
    how,
    candidates: [],
    reason: `${place} ${value}; ${why}`,
    configFile: await configFileOf(host, name, path),
  });
}

function nameFromPath(path: string): RuntimeName | null {
  if (/cri-dockerd[^/]*$/.test(path)) return 'cri-dockerd';
  if (/\/(crio|cri-o)[^/]*$/.test(path)) return 'cri-o';
  if (/\/containerd[^/]*$/.test(path)) return 'containerd';
  return null;
}

async function candidateAt(
  host: HostFiles,
  place: (typeof places)[number],
  timeoutMs: number,
): Promise<SocketCandidate> {
  let first: SocketCandidate | null = null;
  for (const socketPath of place.paths) {
    const located = await host.locate(socketPath);
    if (located === null) continue;
    const state = await socketState(host, socketPath, located, timeoutMs);
    const candidate = { name: place.name, socketPath, endpoint: `unix://${located}`, state };
    if (state !== 'absent') return candidate;
    first ??= candidate;
  }
  return first ?? { name: place.name, socketPath: '', endpoint: '', state: 'absent' };
}

async function socketState(host: HostFiles, path: string, located: string, timeoutMs: number): Promise<SocketState> {
  const info = await host.info(path);
  if (!info.ok) return failedState(info.error);
  if (info.value.type !== 'socket') return 'not-a-socket';
  return connectState(located, timeoutMs);
}

function failedState(failure: FileFailure): SocketState {
  return failure.kind === 'absent' ? 'absent' : failure.kind === 'denied' ? 'denied' : 'failed';
}

/** Whether somebody takes a connection at a Unix socket; the connection is closed at once, no byte is sent. */
function connectState(path: string, timeoutMs: number): Promise<SocketState> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (state: SocketState) => {
      patience.clear();
      socket.destroy();
      resolve(state);
    };
    const patience = startPatience(timeoutMs, () => end('timeout'));
    socket.once('connect', () => end('listening'));
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'ECONNREFUSED') end('refused');
      else if (error.code === 'EACCES' || error.code === 'EPERM') end('denied');
      else if (error.code === 'ENOENT') end('absent');
      else end('failed');
    });
  });
}

const stateWords: Readonly<Record<SocketState, string>> = {
  listening: 'takes connections',
  refused: 'is there, but nothing listens at it',
  denied: 'is there, but this process may not connect to it',
  timeout: 'is there, but takes no connection',
  absent: 'is absent',
  'not-a-socket': 'is not a socket',
  failed: 'cannot be reached',
};

function socketReason(chosen: SocketCandidate, candidates: readonly SocketCandidate[]): string {
  const passed = candidates
    .slice(0, candidates.indexOf(chosen))
    .filter((candidate) => candidate.state !== 'absent')
    .map((candidate) => `; ${candidate.socketPath} ${stateWords[candidate.state]}`);
  return `${chosen.socketPath} ${stateWords[chosen.state]}${passed.join('')}`;
}

async function configFileOf(
  host: HostFiles,
  name: RuntimeName | null,
  socketPath: string | null,
): Promise<string | null> {
  if (name === null) return null;
  if (name === 'cri-o') return '/etc/crio/crio.conf';
  if (name === 'cri-dockerd') return '/etc/docker/daemon.json';
  const [packaged, k3s, rke2] = containerdConfigs;
  // k3s and rke2 share a socket and write the file where their own containerd is pointed at.
  const order = socketPath === k3sSocket ? [k3s, rke2] : socketPath === null ? [packaged, k3s, rke2] : [packaged];
  for (const path of order) if ((await host.info(path)).ok) return path;
  return order[0] ?? packaged;
}

/** Which runtime the files point to: the kubelet's own setting first, then the folders that runtimes bring. */
async function nameFromFiles(host: HostFiles): Promise<{ readonly name: RuntimeName; readonly reason: string } | null> {
  // kubeadm writes the flag into the first file, newer kubeadm the field into the second.
  for (const [path, pattern] of [
    ['/var/lib/kubelet/kubeadm-flags.env', /--container-runtime-endpoint[= ]["']?(?:unix:\/\/)?(\/[^\s"']+)/],
    ['/var/lib/kubelet/config.yaml', /^containerRuntimeEndpoint:\s*["']?(?:unix:\/\/)?(\/[^\s"']+)/m],
  ] as const) {
    const text = await host.readText(path);
    const socket = text.ok ? pattern.exec(text.value)?.[1] : undefined;
    const name = socket === undefined ? null : nameFromPath(socket);
    if (name !== null)
      return { name, reason: `the kubelet is set to ${socket} (${sourceName(path)}); no socket there` };
  }
  for (const trace of traces) {
    if ((await host.info(trace.path)).ok) {
      return { name: trace.name, reason: `${sourceName(trace.path)} exists; no runtime's socket was found` };
    }
  }
  return null;
}
