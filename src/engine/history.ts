import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { JournalFacts } from '../model/facts.ts';
import { type HostFiles, sourceName } from '../node/host-files.ts';

/** Where journald keeps its files: on disk, and in memory until the next boot. */
const folders = ['/var/log/journal', '/run/log/journal'];

/** The journal folders that this node has. */
export async function journalFolders(host: HostFiles): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    const info = await host.info(folder);
    // One that may not be looked at is there: it is said that it was not read.
    if (info.ok ? info.value.type === 'directory' : info.error.kind === 'denied') found.push(folder);
  }
  return found;
}

/** Reads what a node's journal tells of an image; null for a node without one. */
export function historyReader(
  { host, journals }: { readonly host: HostFiles; readonly journals: readonly string[] },
  env: Env,
): ((image: string, signal: AbortSignal) => Promise<Result<JournalFacts, string>>) | null {
  if (journals.length === 0) return null;
  return async (image, signal) => {
    const [directories, machineId] = await Promise.all([
      Promise.all(journals.map((folder) => host.locate(folder))),
      readMachineId(host),
    ]);
    // Loaded here: most of what reads journals is of no use to a node without one.
    const { readHistory } = await import('./read-history.ts');
    const history = await readHistory({
      image,
      directories: directories.filter((directory) => directory !== null),
      machineId,
      env,
      signal,
    });
    return history.ok ? ok({ directory: journals.map(sourceName).join(', '), ...history.value }) : fail(history.error);
  };
}

/** The id that this machine's folders of journals are named after; null: all are read. */
async function readMachineId(host: HostFiles): Promise<string | null> {
  const text = await host.readText('/etc/machine-id');
  const id = text.ok ? text.value.trim().toLowerCase() : '';
  return /^[0-9a-f]{32}$/.test(id) ? id : null;
}
