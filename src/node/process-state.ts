import { readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../lib/limits.ts';
import type { LoadedFacts, StartFile } from '../model/facts.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import type { Listener } from './runtime-process.ts';

/**
 * The boot time of /proc/stat is in whole seconds, so the start of a process is known to a second: what changed within
 * it may have changed before or after.
 */
const startToleranceMs = 1000;

/** The runtime's process beside the files that it read when it started. */
export async function readProcessState(
  host: HostFiles,
  process: Listener,
  files: { readonly settings: readonly string[]; readonly trust: readonly string[] },
): Promise<Pick<LoadedFacts, 'pid' | 'startedAt' | 'files' | 'sameNetwork'>> {
  const folder = await host.locate(`/proc/${process.pid}`);
  const looked: StartFile[] = [];
  for (const kind of ['settings', 'trust'] as const) {
    for (const name of files[kind].slice(0, limits.startFiles)) {
      looked.push(await startFile(host, process, folder, `/${sourceName(name)}`, kind));
    }
  }
  return {
    pid: process.pid,
    startedAt: isoTime(process.startedAtMs),
    files: looked,
    sameNetwork: folder === null ? null : sameNamespace(join(folder, 'ns/net')),
  };
}

async function startFile(
  host: HostFiles,
  process: Listener,
  folder: string | null,
  path: string,
  of: StartFile['of'],
): Promise<StartFile> {
  const info = await host.info(path);
  const changed = info.ok ? info.value.changedMs : null;
  const place = await host.locate(path);
  return {
    path: sourceName(path),
    of,
    changedAt: isoTime(changed),
    afterStart: isAfter(changed, process.startedAtMs),
    seen: folder === null || place === null ? 'unknown' : seenBy(folder, host.root, place),
  };
}

/** True or false only where the resolution of both times allows it. */
function isAfter(changedMs: number | null, startedMs: number | null): boolean | null {
  if (changedMs === null || startedMs === null) return null;
  if (changedMs <= startedMs) return false;
  return changedMs > startedMs + startToleranceMs ? true : null;
}

/**
 * Whether the process sees the same file under a name: /proc/PID/root leads into its mount namespace (proc(5)). Two
 * names of one file have one device and inode. Links are followed below the host root first: an absolute one behind
 * /proc/PID/root would be followed from the root of this process, which in a container is another.
 */
function seenBy(folder: string, hostRoot: string, place: string): StartFile['seen'] {
  const root = join(folder, 'root');
  try {
    const real = realpathSync(place);
    const base = hostRoot === '/' ? '' : realpathSync(hostRoot);
    if (!real.startsWith(`${base}/`)) return 'unknown';
    const ours = statSync(real);
    if (!statSync(`${root}/`).isDirectory()) return 'unknown';
    const theirs = statSync(join(root, real.slice(base.length)), { throwIfNoEntry: false });
    if (theirs === undefined) return 'absent';
    return theirs.dev === ours.dev && theirs.ino === ours.ino ? 'same' : 'other';
  } catch {
    return 'unknown';
  }
}

/** Whether a namespace's link names the one of this process; the kernel's numbers are the same in every namespace. */
function sameNamespace(link: string): boolean | null {
  try {
    return readlinkSync(link) === readlinkSync('/proc/self/ns/net');
  } catch {
    return null;
  }
}

function isoTime(ms: number | null): string | null {
  return ms === null || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString();
}
