/** What a media type is used for in a pull. */
export type MediaKind = 'index' | 'image' | 'schema1' | 'other';

const kinds: Readonly<Record<string, MediaKind>> = {
  'application/vnd.oci.image.index.v1+json': 'index',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
  'application/vnd.oci.image.manifest.v1+json': 'image',
  'application/vnd.docker.distribution.manifest.v2+json': 'image',
  'application/vnd.docker.distribution.manifest.v1+json': 'schema1',
  'application/vnd.docker.distribution.manifest.v1+prettyjws': 'schema1',
};

/** The kind that a manifest's media type names; `other` for everything that no runtime takes for an image. */
export function mediaKind(mediaType: string): MediaKind {
  return (Object.hasOwn(kinds, mediaType) ? kinds[mediaType] : undefined) ?? 'other';
}

/** Config types of container images. Another config type makes the manifest an artifact: a chart, a signature, a policy. */
const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** True when a config of this type belongs to an image that can run. */
export function isImageConfig(mediaType: string): boolean {
  return imageConfigs.has(mediaType);
}

/** A Content-Type's media type: lower case, without parameters; null when there is none. */
export function bareMediaType(contentType: string | null): string | null {
  const bare = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return bare === '' ? null : bare;
}

/** What a manifest request accepts: containerd's list (core/remotes/docker/resolver.go), in its order. */
export const containerdAccept = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  '*/*',
].join(', ');

/** CRI-O's (containers/image manifest.DefaultRequestedManifestMIMETypes): schema 1 too, and nothing beyond. */
export const criOAccept = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');
