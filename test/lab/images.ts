import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../kit/tar.ts';

/** A platform as an OCI index names it. */
export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** What to push. */
export interface ImageRequest {
  /** `http://127.0.0.1:5000`, without the API's path. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** One manifest a platform (linux/amd64 alone). */
  readonly platforms?: readonly ImagePlatform[];
  /** An index even for one platform; more than one platform always makes an index. */
  readonly index?: boolean;
  /** Bytes that do not compress in the layer (0): for what only a larger transfer shows. */
  readonly layerBytes?: number;
  /** Another config than an image's: with it, it is an artifact. */
  readonly config?: { readonly mediaType: string; readonly body: object };
  /** Another layer than the archive, gzipped: what makes it of the archive's bytes. */
  readonly layer?: (tar: Buffer) => LayerContent;
}

/** What an image has in its layer's place. */
export interface LayerContent {
  readonly body: Buffer;
  /** OCI's type of a gzipped archive. */
  readonly mediaType?: string;
  /** Digest of the unpacked layer as the config names it (the archive's). */
  readonly diffId?: string;
}

/** What was pushed. */
export interface PushedImage {
  /** Digest of what the tag names: the index, or the only manifest. */
  readonly digest: string;
  readonly manifests: readonly { readonly digest: string; readonly config: string; readonly layer: string }[];
}

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/**
 * Makes a tiny image and pushes it. Its layer holds its own name, so no two images share content:
 * what one case pulled is not on the node for the next.
 */
export async function pushImage(request: ImageRequest): Promise<PushedImage> {
  const platforms = request.platforms ?? [{ os: 'linux', architecture: 'amd64' }];
  const base = `${request.registry}/v2/${request.repository}`;
  const manifests = [];
  for (const platform of platforms) {
    const name = `${request.repository}:${request.tag} ${platform.os}/${platform.architecture}`;
    const tar = tarOf('image-name', Buffer.concat([Buffer.from(name), noise(name, request.layerBytes ?? 0)]));
    const made: LayerContent = request.layer?.(tar) ?? { body: gzipSync(tar) };
    const layer = made.body;
    const own = request.config?.body;
    const config = json(
      own ?? {
        ...platform,
        created: '2026-01-01T00:00:00Z',
        config: { Cmd: ['/image-name'] },
        rootfs: { type: 'layers', diff_ids: [made.diffId ?? digestOf(tar)] },
        history: [{ created: '2026-01-01T00:00:00Z', created_by: 'pullwhy lab' }],
      },
    );
    await pushBlob(base, layer);
    await pushBlob(base, config);
    const manifest = json({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: request.config?.mediaType ?? types.config, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: made.mediaType ?? types.layer, digest: digestOf(layer), size: layer.length }],
    });
    manifests.push({ platform, body: manifest, config: digestOf(config), layer: digestOf(layer) });
  }
  const only = manifests[0];
  const pushed = manifests.map(({ body, config, layer }) => ({ digest: digestOf(body), config, layer }));
  if (manifests.length === 1 && only !== undefined && request.index !== true) {
    await pushManifest(base, request.tag, types.manifest, only.body);
    return { digest: digestOf(only.body), manifests: pushed };
  }
  for (const { body } of manifests) await pushManifest(base, digestOf(body), types.manifest, body);
  const index = json({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: manifests.map(({ platform, body }) => ({
      mediaType: types.manifest,
      digest: digestOf(body),
      size: body.length,
      platform,
    })),
  });
  await pushManifest(base, request.tag, types.index, index);
  return { digest: digestOf(index), manifests: pushed };
}

/** Where docker-registry's file storage keeps a blob's bytes; removing the file makes a manifest without its content. */
export function blobFile(storage: string, digest: string): string {
  const hex = digest.replace('sha256:', '');
  return `${storage}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

async function pushBlob(base: string, body: Buffer): Promise<void> {
  const start = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  await start.arrayBuffer();
  const location = start.headers.get('location');
  if (start.status !== 202 || location === null) throw new Error(`upload to ${base}: status ${start.status}`);
  const target = new URL(location, base);
  target.searchParams.set('digest', digestOf(body));
  const end = await fetch(target, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers: { 'content-type': 'application/octet-stream' },
  });
  const answer = await end.text();
  if (end.status !== 201) throw new Error(`blob to ${base}: status ${end.status} ${answer}`);
}

async function pushManifest(base: string, reference: string, type: string, body: Buffer): Promise<void> {
  const answer = await fetch(`${base}/manifests/${reference}`, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers: { 'content-type': type },
  });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`manifest to ${base}: status ${answer.status} ${text}`);
}

/** Bytes that do not compress and are the same in every run. */
function noise(seed: string, bytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let have = 0, turn = 0; have < bytes; have += 32, turn++) {
    parts.push(createHash('sha256').update(`${seed} ${turn}`).digest());
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

export function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
