import { realpath } from 'node:fs/promises';
import { limits } from '../lib/limits.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import type { HostFiles } from './host-files.ts';

/** One line of a mountinfo file (proc_pid_mountinfo(5)). */
export interface Mount {
  /** Where it is mounted, as the process sees it. */
  readonly point: string;
  /** `ext4` */
  readonly type: string;
  /** `/dev/sda1` */
  readonly source: string;
  /**
   * Why nothing can be written: `mount`: it was mounted so; `file system`: it is read-only as a whole, by a setting or
   * because the kernel met an error and stopped writing. Null: it can be written.
   */
  readonly readOnly: 'mount' | 'file system' | null;
  /** The kernel stopped writing after an error: ext4 since Linux 6.15 says so apart (`emergency_ro`). */
  readonly emergency: boolean;
}

/**
 * The mounts of a process, in order; lines of another form are left out. A process in a mount namespace of its own
 * (systemd's ProtectSystem=, ReadOnlyPaths=) sees others than the node. Pure.
 */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line): Mount[] => {
    // 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
    const fields = line.split(' ');
    const dash = fields.indexOf('-', 6);
    const [, , , , point, options] = fields;
    const [type, source, superOptions] = dash < 0 ? [] : fields.slice(dash + 1);
    if (point === undefined || options === undefined || type === undefined || source === undefined) return [];
    const whole = (superOptions ?? '').split(',');
    const emergency = whole.includes('emergency_ro');
    const readOnly =
      whole.includes('ro') || emergency ? 'file system' : options.split(',').includes('ro') ? 'mount' : null;
    return [{ point: unmangle(point), type, source: unmangle(source), readOnly, emergency }];
  });
}

/** Spaces, tabs, line ends and backslashes are written as three octal digits (fs/proc_namespace.c, mangle). */
function unmangle(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The mount that a path without links lies on: the longest point above it, the last one where two are the same. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const above = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (above && (found === null || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}

/**
 * The mounts that the runtime's process sees, else those of the node's first process. Null: neither can be read (another
 * user's process, no /proc below the host root).
 */
export async function readMounts(host: HostFiles, pid: number | null): Promise<readonly Mount[] | null> {
  for (const process of pid === null ? [1] : [pid, 1]) {
    const text = await host.readText(`/proc/${process}/mountinfo`, limits.procTableBytes);
    if (text.ok) return parseMountInfo(text.value);
  }
  return null;
}

/** The mount that a path of the node lies on, links followed; null: the path cannot be followed from here. */
export async function mountBelow(host: HostFiles, mounts: readonly Mount[], path: string): Promise<Mount | null> {
  const place = await host.locate(path);
  if (place === null) return null;
  // Below another root the links are followed already; of this machine's own files the system does it.
  if (host.root === '/') return mountOf(mounts, await realpath(place).catch(() => place));
  return mountOf(mounts, place.slice(withoutTrailing(host.root, '/').length));
}
