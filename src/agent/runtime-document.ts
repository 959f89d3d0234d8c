import { statfs } from 'node:fs/promises';
import type { RuntimeDocument } from '../api/node.ts';
import type { Result } from '../lib/result.ts';
import type { CriClient, CriFailure } from '../wire/cri.ts';

/** What the document needs. */
export interface RuntimeNeeds {
  readonly node: string;
  readonly now: () => number;
  readonly endpoint: string | null;
  readonly open: () => Promise<Result<CriClient, CriFailure>>;
  /** The path on this machine of a path of the node. */
  readonly locate: (path: string) => Promise<string | null>;
}

/** `GET /v1/runtime`: the runtime as it tells of itself. Its verbose status is left out: it may hold passwords. */
export async function runtimeDocument(
  { node, now, endpoint, open, locate }: RuntimeNeeds,
  signal: AbortSignal,
): Promise<RuntimeDocument> {
  const empty = {
    apiVersion: 'pullwhy/v1' as const,
    kind: 'Runtime' as const,
    node,
    at: new Date(now()).toISOString(),
    endpoint,
    name: null,
    version: null,
    apiVersionOfRuntime: null,
    ready: null,
    conditions: [],
    imageFilesystem: null,
    images: null,
  };
  const client = await open();
  if (!client.ok) return { ...empty, error: client.error.message };
  try {
    const [version, status, filesystems, images] = await Promise.all([
      client.value.version(signal),
      client.value.status(signal),
      client.value.imageFsInfo(signal),
      client.value.listImages(signal),
    ]);
    const conditions = status.ok ? status.value.conditions : [];
    const filesystem = filesystems.ok ? filesystems.value[0] : undefined;
    return {
      ...empty,
      name: version.ok ? version.value.runtimeName : null,
      version: version.ok ? version.value.runtimeVersion : null,
      apiVersionOfRuntime: version.ok ? version.value.runtimeApiVersion : null,
      ready: status.ok ? conditions.some(({ type, status: on }) => type === 'RuntimeReady' && on) : null,
      conditions: conditions.map(({ type, status: on, reason, message }) => ({ type, status: on, reason, message })),
      imageFilesystem:
        filesystem === undefined
          ? null
          : { ...(await usage(filesystem.mountpoint, locate)), usedBytes: filesystem.usedBytes },
      images: images.ok ? images.value.length : null,
      error:
        version.ok && status.ok ? null : version.ok ? (status.ok ? null : status.error.message) : version.error.message,
    };
  } finally {
    client.value.close();
  }
}

async function usage(mountpoint: string, locate: RuntimeNeeds['locate']) {
  const path = await locate(mountpoint);
  const info = path === null ? null : await statfs(path).catch(() => null);
  return {
    mountpoint,
    totalBytes: info === null ? null : info.blocks * info.bsize,
    freeBytes: info === null ? null : info.bavail * info.bsize,
    freeInodes: info === null ? null : info.ffree,
  };
}
