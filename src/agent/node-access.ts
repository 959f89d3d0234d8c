import type { RuntimeDocument } from '../api/node.ts';
import type { Env } from '../lib/env.ts';
import type { HostFiles } from '../node/host-files.ts';
import { readProcessEnvironment, searchListener } from '../node/runtime-process.ts';
import type { SourceState } from './parts.ts';

/** What looking at the agent's own access to its node needs. */
export interface NodeAccessNeeds {
  readonly env: Env;
  readonly host: HostFiles;
  /** The runtime's socket; null: none is known. */
  readonly endpoint: () => Promise<string | null>;
  readonly runtime: (signal: AbortSignal) => Promise<RuntimeDocument>;
  /** The API server is looked for (`kubernetes.enabled`), and this process is told of one. */
  readonly api: { readonly wanted: boolean; readonly there: boolean };
}

/** Who asks again so soon is told the same: it is open to everybody. */
const keptMs = 10_000;

type Seen = Pick<SourceState, 'source' | 'state' | 'note'>;

/**
 * What of the node the agent can see, one state each; what it cannot names the mount or the right that lacks, with the component
 * of deploy/ that brings it. Never throws.
 */
export function openNodeAccess(needs: NodeAccessNeeds): () => Promise<readonly SourceState[]> {
  const { env } = needs;
  const since = new Map<string, { readonly mark: string; readonly at: number }>();
  let kept: { readonly states: Promise<readonly SourceState[]>; readonly at: number } | null = null;
  const look = async (): Promise<readonly SourceState[]> => {
    const seen = (await Promise.all([files(needs), kubelet(needs), process(needs), images(needs)])).flat();
    const found = [...seen, ...api(needs)];
    return found.map((one) => {
      const mark = `${one.state} ${one.note}`;
      const before = since.get(one.source);
      const at = before?.mark === mark ? before.at : env.now();
      since.set(one.source, { mark, at });
      return { ...one, since: at, lastEventAt: null };
    });
  };
  return () => {
    const now = env.monotonic();
    if (kept === null || now - kept.at > keptMs) kept = { states: look(), at: now };
    return kept.states;
  };
}

async function files({ host }: NodeAccessNeeds): Promise<readonly Seen[]> {
  const lacking: string[] = [];
  for (const folder of ['/etc', '/usr']) if (!(await host.info(folder)).ok) lacking.push(folder);
  const source = 'node-files';
  const resolver = await host.readText('/etc/resolv.conf');
  if (lacking.length > 0) {
    const note = `There is no ${lacking.join(' and no ')} below ${host.root}: mount the node's, read-only.`;
    return [{ source, state: 'absent', note }];
  }
  if (!resolver.ok && resolver.error.kind !== 'absent') {
    const note = `etc/resolv.conf cannot be read (${resolver.error.kind}): run the agent as a user that may.`;
    return [{ source, state: 'unreadable', note }];
  }
  const linked = await host.link('/etc/resolv.conf');
  if (!resolver.ok && linked.ok) {
    const note = `etc/resolv.conf leads to ${linked.value}, which is not there: mount that folder of the node too, at the same path below ${host.root}.`;
    return [{ source, state: 'absent', note }];
  }
  return [{ source, state: 'following', note: "The node's etc and usr are read." }];
}

/** Files of the kubelet, which are mounted one by one. */
async function kubelet({ host }: NodeAccessNeeds): Promise<readonly Seen[]> {
  const wanted = [
    ['kubelet-settings', '/var/lib/kubelet/config.yaml', 'kubeadm', 'its settings are taken for the defaults'],
    [
      'node-credentials',
      '/var/lib/kubelet/config.json',
      'node-credentials',
      "the node's own credentials are not tried",
    ],
  ] as const;
  return Promise.all(
    wanted.map(async ([source, path, component, then]): Promise<Seen> => {
      const text = await host.readText(path);
      const name = path.slice(1);
      if (text.ok) return { source, state: 'following', note: `${name} is read.` };
      if (text.error.kind !== 'absent') {
        const note = `${name} cannot be read (${text.error.kind}), so ${then}: root may (overlays other than read-only).`;
        return { source, state: 'unreadable', note };
      }
      const note = `There is no ${name} below ${host.root}, so ${then}; where the node has one, mount it (component ${component}).`;
      return { source, state: 'absent', note };
    }),
  );
}

/** The runtime's process, by the node's /proc. */
async function process({ host, endpoint }: NodeAccessNeeds): Promise<readonly Seen[]> {
  const source = 'runtime-process';
  const then = 'the proxy that the runtime runs with is taken from its unit files';
  if (!(await host.info('/proc/1')).ok) {
    const note = `There is no proc below ${host.root}, so ${then}: mount the node's (component runtime-process).`;
    return [{ source, state: 'absent', note }];
  }
  const socket = (await endpoint())?.replace(/^unix:\/\//, '') ?? null;
  if (socket === null) {
    const note = `The runtime's socket is not known, so ${then}: mount its folder (overlays containerd, cri-o, k3s, rke2).`;
    return [{ source, state: 'absent', note }];
  }
  const listener = await searchListener(host, socket);
  const read = listener.ok ? await readProcessEnvironment(host, listener.value.pid) : null;
  if (read?.ok === true) return [{ source, state: 'following', note: "The runtime's process is looked at." }];
  const why = listener.ok ? (read?.ok === false ? read.error : 'failed') : listener.error;
  const denied = why === 'denied';
  const lack = denied
    ? 'the capability SYS_PTRACE lacks, or the AppArmor profile forbids it (component runtime-process)'
    : `the process that listens at ${socket} was not found (${why})`;
  return [{ source, state: denied ? 'unreadable' : 'absent', note: `${lack}, so ${then}.` }];
}

/** The file system of the images, where the runtime says that it is. */
async function images({ runtime }: NodeAccessNeeds): Promise<readonly Seen[]> {
  const source = 'image-filesystem';
  const { imageFilesystem } = await runtime(AbortSignal.timeout(patienceMs));
  // Without a runtime its own state says what lacks.
  if (imageFilesystem === null) return [];
  const { mountpoint, totalBytes } = imageFilesystem;
  if (totalBytes !== null) return [{ source, state: 'following', note: `The room at ${mountpoint} is measured.` }];
  const note = `${mountpoint} is not there below the host root, so its room is not known: mount it, read-only.`;
  return [{ source, state: 'absent', note }];
}

/** A runtime that hangs must not hang the answer. */
const patienceMs = 3000;

function api({ api: { wanted, there } }: NodeAccessNeeds): readonly Seen[] {
  if (!wanted || there) return [];
  const note =
    "This process is told of no API server, so pods are known by the journal alone: the pod's service account needs a token (component cluster-api), or set KUBECONFIG.";
  return [{ source: 'kubernetes', state: 'absent', note }];
}
