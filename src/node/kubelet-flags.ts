import { posix } from 'node:path';
import { type HostFiles, sourceName } from './host-files.ts';

/** A value and where it is set: `var/lib/kubelet/config.yaml:12`, `proc/812/cmdline --registry-qps`, or `default`. */
export interface Setting<T> {
  readonly value: T;
  readonly source: string;
}

/** Flags of the kubelet by their name without dashes; of a flag that stands twice the last one, as the kubelet takes it. */
export type KubeletFlags = ReadonlyMap<string, Setting<string>>;

/** Files in which distributions set the kubelet's flags, and the folders of its unit's drop-ins. */
const flagFiles = [
  '/usr/lib/systemd/system/kubelet.service',
  '/lib/systemd/system/kubelet.service',
  '/etc/systemd/system/kubelet.service',
  '/var/lib/kubelet/kubeadm-flags.env',
  '/etc/default/kubelet',
  '/etc/sysconfig/kubelet',
] as const;
const dropInFolders = [
  '/usr/lib/systemd/system/kubelet.service.d',
  '/lib/systemd/system/kubelet.service.d',
  '/etc/systemd/system/kubelet.service.d',
] as const;

/**
 * The kubelet's flags: from the command line of the process that runs below this host root, and where none does, from
 * the files that set them.
 */
export async function readKubeletFlags(host: HostFiles): Promise<KubeletFlags> {
  const running = await runningKubelet(host);
  if (running !== null) return flagsOfArguments(running.args, running.source);
  const flags = new Map<string, Setting<string>>();
  const dropIns: string[] = [];
  for (const folder of dropInFolders) {
    const names = await host.list(folder);
    for (const name of names.ok ? names.value : []) {
      if (name.endsWith('.conf')) dropIns.push(posix.join(folder, name));
    }
  }
  const [unit, etc] = [flagFiles.slice(0, 3), flagFiles.slice(3)];
  for (const path of [...unit, ...dropIns, ...etc]) {
    const text = await host.readText(path);
    if (!text.ok) continue;
    for (const [name, setting] of flagsOfText(text.value, sourceName(path))) flags.set(name, setting);
  }
  return flags;
}

/** Flags of a command line: `--name=value`, `--name value`, and `--name` alone for `true`. */
export function flagsOfArguments(args: readonly string[], source: string): KubeletFlags {
  const flags = new Map<string, Setting<string>>();
  args.forEach((arg, index) => {
    const match = /^--?([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(arg);
    const name = match?.[1];
    if (match === null || name === undefined) return;
    const next = args[index + 1];
    const value = match[2] ?? (next === undefined || next.startsWith('-') ? 'true' : next);
    flags.set(name, { value, source: `${source} --${name}` });
  });
  return flags;
}

/** Flags in a unit or environment file, line by line; comments are left out. */
export function flagsOfText(text: string, source: string): KubeletFlags {
  const flags = new Map<string, Setting<string>>();
  text.split('\n').forEach((line, index) => {
    if (/^\s*[#;]/.test(line)) return;
    const words = line
      .split(/[\s"'\\]+/)
      .map((word) => word.replace(/^[A-Za-z_][A-Za-z0-9_]*=(?=--)/, ''))
      .filter((word) => word !== '');
    for (const [name, { value }] of flagsOfArguments(words, '')) {
      flags.set(name, { value, source: `${source}:${index + 1} --${name}` });
    }
  });
  return flags;
}

async function runningKubelet(host: HostFiles): Promise<{ args: string[]; source: string } | null> {
  const pid = await findKubelet(host);
  const line = pid === null ? null : await host.readText(`/proc/${pid}/cmdline`);
  return line?.ok === true ? { args: line.value.split('\0').slice(1, -1), source: `proc/${pid}/cmdline` } : null;
}

/** The number of the kubelet's process below this host root; null where none runs. */
export async function findKubelet(host: HostFiles): Promise<number | null> {
  const names = await host.list('/proc');
  for (const pid of names.ok ? names.value : []) {
    if (!/^[0-9]+$/.test(pid)) continue;
    const comm = await host.readText(`/proc/${pid}/comm`, 256);
    if (comm.ok && comm.value.trim() === 'kubelet') return Number(pid);
  }
  return null;
}
