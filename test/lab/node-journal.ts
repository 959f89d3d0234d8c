import { mkdir, readFile } from 'node:fs/promises';
import { exportEntry, journalTools, makeJournal } from '../kit/journal-maker.ts';

/** A line of the node's journal. */
export interface JournalLine {
  /** Seconds before now. */
  readonly ago: number;
  readonly unit: 'kubelet' | 'containerd';
  readonly message: string;
}

/** Writes a journal of these lines, oldest first, by systemd's own writer; gives the folder that holds it. */
export async function writeJournal(folder: string, lines: readonly JournalLine[]): Promise<string> {
  const tools = await journalTools();
  if (tools === null) throw new Error('systemd-journal-remote is missing and cannot be installed');
  const now = Date.now() * 1000;
  const entries = lines.map(({ ago, unit, message }, index) =>
    exportEntry({
      realtime: Math.round(now - ago * 1_000_000),
      monotonic: 1_000_000 + index,
      bootId: '379b4f5ece2e4290b82bfd6f34ad8c69',
      fields: [
        ['MESSAGE', message],
        ['_SYSTEMD_UNIT', `${unit}.service`],
      ],
    }),
  );
  // A node's journal lies in a folder that is named after the machine.
  const id = await readFile('/etc/machine-id', 'utf8').catch(() => '379b4f5ece2e4290b82bfd6f34ad8c69');
  const home = `${folder}/${id.trim()}`;
  await mkdir(home, { recursive: true });
  await makeJournal(tools, `${home}/system.journal`, Buffer.concat(entries));
  return folder;
}

/** A command line that runs a program with this folder as its /var/log/journal; the mounts are seen by it alone. */
export function withJournal(folder: string, program: string, args: readonly string[]): [string, string[]] {
  const script = [
    'mount --make-rprivate /',
    'mount -t tmpfs tmpfs /var/log',
    'mkdir /var/log/journal',
    'mount --bind "$1" /var/log/journal',
    'shift',
    'exec "$@"',
  ].join(' && ');
  return ['unshare', ['-m', 'sh', '-c', script, 'sh', folder, program, ...args]];
}
