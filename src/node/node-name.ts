import { hostname } from 'node:os';
import { type HostFiles, hostFiles } from './host-files.ts';

/** The node's name: NODE_NAME where a pod sets it (the downward API), the host root's own hostname, else this machine's. */
export async function nodeName(
  hostRoot: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const given = variables.NODE_NAME;
  if (given !== undefined && given !== '') return given;
  if (hostRoot !== '/') {
    const text = await hostFiles(hostRoot).readText('/etc/hostname');
    const name = text.ok ? text.value.trim() : '';
    if (name !== '') return name;
  }
  return hostname();
}

/** The id that this machine's folders of journals are named after; null: there is none, and all are read. */
export async function machineId(host: HostFiles): Promise<string | null> {
  const text = await host.readText('/etc/machine-id');
  const id = text.ok ? text.value.trim().toLowerCase() : '';
  return /^[0-9a-f]{32}$/.test(id) ? id : null;
}
