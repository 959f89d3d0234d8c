import { posix } from 'node:path';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { HostFiles } from './host-files.ts';
import { openFiles } from './open-files.ts';

/** One entry of containerd's ingest folder. Times in epoch milliseconds, by the node's clock. */
export interface StoredTransfer {
  /** The entry's own name, which it keeps as long as it is there. */
  readonly id: string;
  /** `k8s.io` for what comes over CRI. */
  readonly namespace: string | null;
  /** `layer-sha256:…` */
  readonly ref: string;
  readonly digest: string | null;
  readonly bytes: number;
  readonly totalBytes: number | null;
  readonly startedAtMs: number | null;
  readonly changedAtMs: number;
  /** Open to be written by the process; null: it could not be looked at. */
  readonly open: boolean | null;
}

/** The ingest folder at one moment. */
export interface ContentStoreLook {
  readonly transfers: readonly StoredTransfer[];
  /** There are more than are listed. */
  readonly more: boolean;
  /**
   * All that the process has read so far, from sockets and files (`rchar` of /proc/PID/io); null: it could not be looked
   * at. It moves when bytes come that are not written yet.
   */
  readonly readBytes: number | null;
}

/** Why there is nothing to look at. */
export type ContentStoreFailure = 'absent' | 'denied' | 'failed';

const store = 'io.containerd.content.v1.content';

/** The ingest folder of the containerd whose images are at this mount point, as ImageFsInfo names it; null: it tells none. */
export function ingestFolder(imageFileSystem: string): string | null {
  const root = /^(\/.*)\/io\.containerd\.snapshotter\.v1\.[^/]+\/*$/.exec(imageFileSystem)?.[1];
  return root === undefined ? null : posix.join(root, store, 'ingest');
}

/** The same where containerd keeps its snapshots elsewhere: below its default root. */
export const defaultIngestFolder = `/var/lib/containerd/${store}/ingest`;

/**
 * Looks at what is being fetched. Each folder of the ingest folder is one transfer: `ref` names it, `data` has its bytes
 * so far, `startedat` and `total` say what they are called (plugins/content/local/store.go). One that a dead pull left
 * behind looks the same, so the files that the process has open are looked at, too.
 */
export async function lookAtContentStore(
  host: HostFiles,
  folder: string,
  pid: number | null,
): Promise<Result<ContentStoreLook, ContentStoreFailure>> {
  const names = await host.list(folder);
  if (!names.ok) {
    const { kind } = names.error;
    return fail(kind === 'absent' || kind === 'denied' ? kind : 'failed');
  }
  const ids = names.value.filter((name) => /^[0-9a-f]{64}$/.test(name));
  const open = pid === null ? null : await openTransfers(host, pid);
  // Those that move come first, where a crowd of others was left behind.
  const isOpen = (id: string): number => Number(open?.has(id) === true);
  const chosen = ids.toSorted((a, b) => isOpen(b) - isOpen(a)).slice(0, limits.transfers);
  const transfers: StoredTransfer[] = [];
  for (const id of chosen) {
    const transfer = await readTransfer(host, posix.join(folder, id), id);
    // It can end between two calls.
    if (transfer !== null) transfers.push({ ...transfer, open: open === null ? null : open.has(id) });
  }
  return ok({
    transfers,
    more: ids.length > chosen.length,
    readBytes: pid === null ? null : await readBytes(host, pid),
  });
}

async function readTransfer(host: HostFiles, path: string, id: string): Promise<Omit<StoredTransfer, 'open'> | null> {
  const read = async (name: string): Promise<string | null> => {
    const text = await host.readText(posix.join(path, name), limits.transferFileBytes);
    return text.ok ? text.value.trim() : null;
  };
  const [data, key, started, total] = await Promise.all([
    host.info(posix.join(path, 'data')),
    read('ref'),
    read('startedat'),
    read('total'),
  ]);
  if (!data.ok || data.value.type !== 'file' || key === null || key === '') return null;
  const startedAtMs = started === null ? Number.NaN : Date.parse(started);
  const totalBytes = total !== null && /^[0-9]{1,15}$/.test(total) ? Number(total) : 0;
  return {
    id,
    ...named(key),
    bytes: data.value.size,
    // Zero is written for what is not known.
    totalBytes: totalBytes === 0 ? null : totalBytes,
    startedAtMs: Number.isNaN(startedAtMs) ? null : startedAtMs,
    changedAtMs: data.value.modifiedMs,
  };
}

/** `NAMESPACE/SERIAL/REF`, as the metadata store calls it (core/metadata/content.go); the ref as it is where nothing stands before it. */
function named(key: string): Pick<StoredTransfer, 'namespace' | 'ref' | 'digest'> {
  const { namespace = null, ref = key } =
    /^(?<namespace>[^/]{1,76})\/[0-9]{1,20}\/(?<ref>.+)$/s.exec(key)?.groups ?? {};
  return { namespace, ref, digest: /^[a-z]+-([a-z0-9]+:[0-9a-f]{32,128})$/.exec(ref)?.[1] ?? null };
}

/** The entries whose data the process has open to write; null: its files may not be looked at, or it is gone. */
async function openTransfers(host: HostFiles, pid: number): Promise<ReadonlySet<string> | null> {
  const folder = await host.locate(`/proc/${pid}/fd`);
  if (folder === null) return null;
  const found = new Map<string, string>();
  try {
    for (const { name, link } of openFiles(folder)) {
      const id = dataFile.exec(link ?? '')?.[1];
      if (id !== undefined) found.set(name, id);
    }
  } catch {
    return null;
  }
  const open = new Set<string>();
  for (const [file, id] of found) {
    const facts = await host.readText(`/proc/${pid}/fdinfo/${file}`, limits.transferFileBytes);
    // Octal; the last two bits are the way of access. containerd reads a file that it goes on with before it writes.
    const flags = facts.ok ? /^flags:\s+([0-7]+)$/m.exec(facts.value)?.[1] : undefined;
    if (flags === undefined || (Number.parseInt(flags, 8) & 3) !== 0) open.add(id);
  }
  return open;
}

const dataFile = /\/io\.containerd\.content\.v1\.content\/ingest\/([0-9a-f]{64})\/data$/;

async function readBytes(host: HostFiles, pid: number): Promise<number | null> {
  const text = await host.readText(`/proc/${pid}/io`, limits.transferFileBytes);
  const bytes = text.ok ? /^rchar: ([0-9]{1,15})$/m.exec(text.value)?.[1] : undefined;
  return bytes === undefined ? null : Number(bytes);
}
