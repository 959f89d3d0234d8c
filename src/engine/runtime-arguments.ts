import type { HostFiles } from '../node/host-files.ts';

/** The file that containerd's own command line names (`-c FILE`, `--config FILE`, `--config=FILE`); null when it names none. */
export async function configFileOf(host: HostFiles, pid: number | null): Promise<string | null> {
  if (pid === null) return null;
  const text = await host.readText(`/proc/${pid}/cmdline`);
  if (!text.ok) return null;
  const args = text.value.split('\0');
  for (const [index, arg] of args.entries()) {
    if (arg === '-c' || arg === '--config' || arg === '-config') return absolute(args[index + 1]);
    const inline = /^--?config=(.+)$/.exec(arg)?.[1];
    if (inline !== undefined) return absolute(inline);
  }
  return null;
}

/** A relative path would be relative to a folder that is not known. */
function absolute(path: string | undefined): string | null {
  return path?.startsWith('/') === true ? path : null;
}
