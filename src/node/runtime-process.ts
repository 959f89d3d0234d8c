import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import { type EnvironmentEntry, parseProcessEnvironment } from './environment-file.ts';
import type { HostFiles } from './host-files.ts';
import { isDenied, openFiles } from './open-files.ts';

/** The process that listens at a runtime's socket. */
export interface Listener {
  readonly pid: number;
  /** When it started, epoch milliseconds (resolution 10 ms); null when /proc does not tell. */
  readonly startedAtMs: number | null;
}

/**
 * Why no listener was found. `no-socket`: nothing listens at the path in the network namespaces that could be seen.
 * `denied`: something listens, and this user may not look into the processes (it takes root). `no-process`: something
 * listens, and no process below this /proc holds it.
 */
export type ListenerFailure = 'no-socket' | 'denied' | 'no-process';

/** Why a process's environment could not be read. */
export type EnvironmentFailure = 'denied' | 'gone' | 'too-large' | 'failed';

/** Names of processes that serve CRI; they are looked into first, for a node has hundreds of others. */
const runtimeNames = new Set([
  'containerd',
  'crio',
  'cri-o',
  'k3s-server',
  'k3s-agent',
  'k3s',
  'rke2',
  'dockerd',
  'cri-dockerd',
]);

/** The process that listens at `socketPath` (as the node names it); null when none is found. */
export async function findListener(host: HostFiles, socketPath: string): Promise<Listener | null> {
  const found = await searchListener(host, socketPath);
  return found.ok ? found.value : null;
}

/**
 * The same, with the reason when there is none. The socket's inode is taken from `net/unix`, and the process from the
 * links of `/proc/PID/fd`. Process 1 is passed over: it holds sockets for services that it will start on demand.
 */
export async function searchListener(host: HostFiles, socketPath: string): Promise<Result<Listener, ListenerFailure>> {
  const inodes = await listeningInodes(host, socketPath);
  if (inodes.size === 0) return fail('no-socket');
  const pids = await host.list('/proc');
  if (!pids.ok) return fail('no-process');
  const all = pids.value.filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const named = await Promise.all(
    all.map(async (pid) => {
      const comm = await host.readText(`/proc/${pid}/comm`, limits.hostnameBytes);
      return { pid, likely: comm.ok && runtimeNames.has(comm.value.trim()) };
    }),
  );
  const order = [...named.filter(({ likely }) => likely), ...named.filter(({ likely }) => !likely)];
  let denied = false;
  for (const { pid } of order) {
    if (pid === 1) continue;
    const folder = await host.locate(`/proc/${pid}/fd`);
    const holds = folder === null ? 'no' : holdsSocket(folder, inodes);
    if (holds === 'yes') return ok({ pid, startedAtMs: await startTime(host, pid) });
    if (holds === 'denied') denied = true;
  }
  return fail(denied ? 'denied' : 'no-process');
}

/** The environment that a process was started with (`/proc/PID/environ`), the first of equal names. */
export async function readProcessEnvironment(
  host: HostFiles,
  pid: number,
): Promise<Result<readonly EnvironmentEntry[], EnvironmentFailure>> {
  const text = await host.readText(`/proc/${pid}/environ`, limits.environmentBytes);
  if (text.ok) return ok(parseProcessEnvironment(text.value));
  const { kind } = text.error;
  if (kind === 'denied' || kind === 'too-large') return fail(kind);
  // A process that ended meanwhile: the file is gone, or reading it gives ESRCH.
  return fail(kind === 'absent' || (kind === 'failed' && text.error.code === 'ESRCH') ? 'gone' : 'failed');
}

/** The systemd service that a process belongs to (`/proc/PID/cgroup`); null for none; `unknown` when it cannot be read. */
export async function serviceOf(host: HostFiles, pid: number): Promise<string | null | 'unknown'> {
  const text = await host.readText(`/proc/${pid}/cgroup`);
  if (!text.ok) return 'unknown';
  const unit = /\/([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(text.value)?.[1];
  return unit ?? null;
}

/**
 * Inodes of the listening stream sockets bound to the path. A unix socket belongs to a network namespace: that of
 * process 1 is the node's, that of the reader may be another (an agent in a pod, a test).
 */
async function listeningInodes(host: HostFiles, socketPath: string): Promise<ReadonlySet<string>> {
  const wanted = pathForms(host, socketPath);
  const inodes = new Set<string>();
  for (const table of ['/proc/1/net/unix', '/proc/net/unix']) {
    const text = await host.readText(table, limits.procTableBytes);
    if (!text.ok) continue;
    // Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 (__SO_ACCEPTCON) marks one that listens.
    for (const match of text.value.matchAll(/^[0-9A-Fa-f]+: \S+ \S+ ([0-9A-Fa-f]+) 0*1 \S+ +([0-9]+) (.+)$/gm)) {
      const [, flags = '', inode = '', path = ''] = match;
      if ((Number.parseInt(flags, 16) & 0x10000) !== 0 && wanted.has(path)) inodes.add(inode);
    }
  }
  return inodes;
}

/** The names under which a socket may be bound: /var/run is /run on every current system, and `-r` may carry the host root. */
function pathForms(host: HostFiles, socketPath: string): ReadonlySet<string> {
  const root = withoutTrailing(host.root, '/');
  const forms = new Set([socketPath]);
  if (root !== '' && socketPath.startsWith(`${root}/`)) forms.add(socketPath.slice(root.length));
  for (const form of [...forms]) {
    if (form.startsWith('/var/run/')) forms.add(form.slice('/var'.length));
    else if (form.startsWith('/run/')) forms.add(`/var${form}`);
  }
  return forms;
}

/** Looks for the sockets among a process's open files. */
function holdsSocket(folder: string, inodes: ReadonlySet<string>): 'yes' | 'no' | 'denied' {
  let denied = false;
  try {
    for (const { link } of openFiles(folder)) {
      if (link === null) denied = true;
      const inode = /^socket:\[([0-9]+)\]$/.exec(link ?? '')?.[1];
      if (inode !== undefined && inodes.has(inode)) return 'yes';
    }
  } catch (error) {
    return isDenied(error) ? 'denied' : 'no';
  }
  return denied ? 'denied' : 'no';
}

/** Start of a process from field 22 of its stat (ticks of 1/100 s since boot; USER_HZ is 100 on every Linux that Node runs on). */
async function startTime(host: HostFiles, pid: number): Promise<number | null> {
  const [stat, system] = await Promise.all([
    host.readText(`/proc/${pid}/stat`),
    host.readText('/proc/stat', limits.procTableBytes),
  ]);
  if (!stat.ok || !system.ok) return null;
  // The name in parentheses may hold anything, so the fields are counted from the last one: state is field 3.
  const fields = stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[19]);
  const boot = Number(/^btime ([0-9]+)$/m.exec(system.value)?.[1]);
  return Number.isFinite(ticks) && Number.isFinite(boot) ? boot * 1000 + ticks * 10 : null;
}
