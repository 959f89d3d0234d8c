import {
  arrayMember,
  isRecord,
  type JsonRecord,
  numberMember,
  parseJson,
  recordMember,
  stringMember,
} from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { digestAlgorithm, digestOf } from './digest.ts';
import { bareMediaType, isImageConfig, type MediaKind, mediaKind } from './media-types.ts';

/** A platform as an index names it. */
export interface ManifestPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | null;
  readonly osVersion: string | null;
}

/** A pointer to content. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Other places to get it from: foreign layers of Windows images. */
  readonly urls: readonly string[];
}

/** One image of an index. */
export interface IndexEntry extends Descriptor {
  /** Null when the index does not say, which runtimes take as "fits". */
  readonly platform: ManifestPlatform | null;
  readonly artifactType: string | null;
}

/** What every manifest has. */
interface ManifestBase {
  /** The type by which it was read: the body's own, else the Content-Type. */
  readonly mediaType: string;
  /** The Content-Type without parameters; null when the registry sent none. */
  readonly contentType: string | null;
  /**
   * True when Content-Type and body do not agree on the kind, or the Content-Type is none that runtimes know.
   * containerd goes by the Content-Type and fails; CRI-O guesses from the body.
   */
  readonly contentTypeMismatch: boolean;
  /** Of the bytes, with the header's algorithm, else sha256. */
  readonly digest: string;
  /** Docker-Content-Digest is present and is not the digest of the body. */
  readonly headerDigestMismatch: boolean;
  readonly size: number;
}

/** Many platforms. */
export interface IndexManifest extends ManifestBase {
  readonly kind: 'index';
  /** Images only; attestations (platform unknown/unknown) are counted in `attestations`. */
  readonly entries: readonly IndexEntry[];
  readonly attestations: number;
}

/** One image. */
export interface ImageManifest extends ManifestBase {
  readonly kind: 'image';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** A manifest of something that is no container image: a Helm chart, a signature. */
export interface ArtifactManifest extends ManifestBase {
  readonly kind: 'artifact';
  /** The artifact type, else the config's media type. */
  readonly artifactType: string;
  readonly layers: readonly Descriptor[];
}

/** Docker's first format: containerd takes none since 2.1, CRI-O still does. */
export interface Schema1Manifest extends ManifestBase {
  readonly kind: 'schema1';
  readonly architecture: string | null;
  readonly layers: number;
}

/** A manifest of any kind. */
export type Manifest = IndexManifest | ImageManifest | ArtifactManifest | Schema1Manifest;

/** Why a body is no manifest. */
export interface ManifestProblem {
  readonly kind: 'empty' | 'html' | 'not-json' | 'not-a-manifest' | 'malformed' | 'too-many';
  readonly message: string;
  readonly contentType: string | null;
  /** Bytes. */
  readonly size: number;
}

/**
 * Reads a manifest of any kind. `contentType` and `contentDigest` are the headers as sent, null when absent. The body
 * must be complete.
 */
export function parseManifest(
  body: Uint8Array,
  contentType: string | null,
  contentDigest: string | null,
): Result<Manifest, ManifestProblem> {
  const type = bareMediaType(contentType);
  const problem = (kind: ManifestProblem['kind'], message: string) =>
    fail<ManifestProblem>({
      kind,
      message,
      contentType: type === null ? null : safeLine(type, 200),
      size: body.length,
    });
  if (body.length === 0) return problem('empty', 'the answer to the manifest request is empty');

  const text = new TextDecoder().decode(body);
  const value = parseJson(text);
  if (value === undefined) {
    const html = type === 'text/html' || /^\s*<(?:!doctype|html|head|body)/iu.test(text.slice(0, 1000));
    return html
      ? problem('html', 'the answer to the manifest request is a web page')
      : problem('not-json', 'the answer to the manifest request is not JSON');
  }
  if (!isRecord(value)) return problem('not-a-manifest', 'the answer to the manifest request is JSON, but no object');

  const declared = bareMediaType(stringMember(value, 'mediaType'));
  const kind = kindOf(value, declared, type);
  if (kind === null) return problem('not-a-manifest', 'the answer to the manifest request is JSON, but no manifest');

  const headerAlgorithm = contentDigest === null ? null : digestAlgorithm(contentDigest);
  const digest = digestOf(body, headerAlgorithm ?? 'sha256');
  const base: ManifestBase = {
    mediaType: safeLine(declared ?? (type !== null && mediaKind(type) === kind ? type : guessedType(kind)), 200),
    contentType: type === null ? null : safeLine(type, 200),
    contentTypeMismatch: type === null || mediaKind(type) !== kind,
    digest,
    headerDigestMismatch: contentDigest !== null && contentDigest !== digest,
    size: body.length,
  };

  if (kind === 'index') return readIndex(value, base, problem);
  if (kind === 'schema1') {
    const architecture = stringMember(value, 'architecture');
    return ok({
      ...base,
      kind: 'schema1',
      architecture: architecture === null ? null : safeLine(architecture, 64),
      layers: arrayMember(value, 'fsLayers')?.length ?? 0,
    });
  }
  return readImage(value, base, problem);
}

type Problem = (kind: ManifestProblem['kind'], message: string) => Result<never, ManifestProblem>;

/** The body decides, by its own mediaType and its members; the Content-Type only where the body leaves it open. */
function kindOf(
  value: JsonRecord,
  declared: string | null,
  contentType: string | null,
): Exclude<MediaKind, 'other'> | null {
  for (const type of [declared, contentType]) {
    const kind = type === null ? 'other' : mediaKind(type);
    if (kind !== 'other' && fits(value, kind)) return kind;
  }
  return (['index', 'image', 'schema1'] as const).find((kind) => fits(value, kind)) ?? null;
}

function fits(value: JsonRecord, kind: Exclude<MediaKind, 'other'>): boolean {
  if (kind === 'index') return arrayMember(value, 'manifests') !== null;
  if (kind === 'schema1') return arrayMember(value, 'fsLayers') !== null;
  return recordMember(value, 'config') !== null || arrayMember(value, 'layers') !== null;
}

function guessedType(kind: Exclude<MediaKind, 'other'>): string {
  if (kind === 'index') return 'application/vnd.oci.image.index.v1+json';
  if (kind === 'image') return 'application/vnd.oci.image.manifest.v1+json';
  return 'application/vnd.docker.distribution.manifest.v1+json';
}

function readIndex(value: JsonRecord, base: ManifestBase, problem: Problem): Result<Manifest, ManifestProblem> {
  const listed = arrayMember(value, 'manifests') ?? [];
  if (listed.length > limits.manifestEntries) {
    return problem('too-many', `the index lists ${listed.length} manifests, more than ${limits.manifestEntries}`);
  }
  const entries: IndexEntry[] = [];
  let attestations = 0;
  for (const [at, item] of listed.entries()) {
    const descriptor = readDescriptor(item);
    if (descriptor === null || !isRecord(item))
      return problem('malformed', `entry ${at + 1} of the index is not a descriptor`);
    const platform = readPlatform(recordMember(item, 'platform'));
    if (platform?.os === 'unknown' && platform.architecture === 'unknown') {
      attestations++;
      continue;
    }
    const artifactType = stringMember(item, 'artifactType');
    entries.push({ ...descriptor, platform, artifactType: artifactType === null ? null : safeLine(artifactType, 200) });
  }
  return ok({ ...base, kind: 'index', entries, attestations });
}

function readImage(value: JsonRecord, base: ManifestBase, problem: Problem): Result<Manifest, ManifestProblem> {
  const listed = arrayMember(value, 'layers') ?? [];
  if (listed.length > limits.manifestEntries) {
    return problem('too-many', `the manifest lists ${listed.length} layers, more than ${limits.manifestEntries}`);
  }
  const layers: Descriptor[] = [];
  for (const [at, item] of listed.entries()) {
    const layer = readDescriptor(item);
    if (layer === null) return problem('malformed', `layer ${at + 1} of the manifest is not a descriptor`);
    layers.push(layer);
  }
  const config = readDescriptor(recordMember(value, 'config'));
  if (config === null) return problem('malformed', 'the config of the manifest is not a descriptor');
  const artifactType = stringMember(value, 'artifactType');
  // The config's type decides for the runtimes; what an image says of itself besides does not (containers/image, manifest/oci.go).
  if (isImageConfig(config.mediaType)) return ok({ ...base, kind: 'image', config, layers });
  return ok({ ...base, kind: 'artifact', artifactType: safeLine(artifactType ?? config.mediaType, 200), layers });
}

function readDescriptor(value: unknown): Descriptor | null {
  if (!isRecord(value)) return null;
  const digest = stringMember(value, 'digest');
  const size = numberMember(value, 'size');
  if (digest === null || digestAlgorithm(digest) === null) return null;
  if (size === null || size < 0 || !Number.isSafeInteger(size)) return null;
  const urls = (arrayMember(value, 'urls') ?? []).filter((url) => typeof url === 'string');
  return {
    mediaType: safeLine(stringMember(value, 'mediaType') ?? '', 200),
    digest,
    size,
    urls: urls.slice(0, 8).map((url) => safeLine(url, 500)),
  };
}

function readPlatform(value: JsonRecord | null): ManifestPlatform | null {
  if (value === null) return null;
  const text = (name: string) => {
    const member = stringMember(value, name);
    return member === null || member === '' ? null : safeLine(member, 64);
  };
  return {
    os: text('os') ?? '',
    architecture: text('architecture') ?? '',
    variant: text('variant'),
    osVersion: text('os.version'),
  };
}
