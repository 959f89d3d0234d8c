import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { JournalFacts } from '../model/facts.ts';
import { type HostFiles, sourceName } from '../node/host-files.ts';
import { machineId } from '../node/node-name.ts';

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
    const [directories, id] = await Promise.all([
      Promise.all(journals.map((folder) => host.locate(folder))),
      machineId(host),
    ]);
    // Loaded here: most of what reads journals is of no use to a node without one.
    const { readHistory } = await import('./read-history.ts');
    const history = await readHistory({
      image,
      directories: directories.filter((directory) => directory !== null),
      machineId: id,
      env,
      signal,
    });
    return history.ok ? ok({ directory: journals.map(sourceName).join(', '), ...history.value }) : fail(history.error);
  };
}
