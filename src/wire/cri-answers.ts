import { limits } from '../lib/limits.ts';
import { redactText, safeLine } from '../lib/redact.ts';
import { redactJson } from '../lib/redact-json.ts';

/** Who answers at the socket. */
export interface CriVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly runtimeApiVersion: string;
}

/** One condition of the runtime: `RuntimeReady`, `NetworkReady` and whatever else it names. */
export interface CriCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** The runtime's own view of itself. */
export interface CriStatus {
  readonly conditions: readonly CriCondition[];
  /** The verbose part, per runtime different, values mostly JSON; what looks like a secret is replaced by `[secret]`. */
  readonly info: Readonly<Record<string, string>>;
}

/** One image on the node. */
export interface CriImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** Rounded above 2^53. */
  readonly sizeBytes: number;
  /** Spared by the kubelet's image garbage collection. False too where the runtime does not know the field. */
  readonly pinned: boolean;
}

/** The answer about one image: present with its facts, or absent (`id` null, sizes 0). */
export interface CriImageStatus extends Omit<CriImage, 'id'> {
  readonly present: boolean;
  readonly id: string | null;
}

/** Use of one file system that holds images. */
export interface CriFilesystem {
  readonly mountpoint: string;
  /** 0 too where the runtime does not report it. */
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/** Something happened to a container of the node. */
export interface CriContainerEvent {
  readonly kind: 'created' | 'started' | 'stopped' | 'deleted' | 'other';
}

/** One plugin of containerd. */
export interface ContainerdPlugin {
  /** `io.containerd.snapshotter.v1.overlayfs` */
  readonly name: string;
  /** Why it did not load; null when it did. */
  readonly error: string | null;
  /** The folder that it keeps its data in; null when it does not say. */
  readonly root: string | null;
  /** Of a plugin that is another program: where that listens. */
  readonly address: string | null;
}

/** Reads a VersionResponse; what is missing is empty. */
export function readVersion(answer: unknown): CriVersion {
  return {
    runtimeName: name(answer, 'runtime_name'),
    runtimeVersion: name(answer, 'runtime_version'),
    runtimeApiVersion: name(answer, 'runtime_api_version'),
  };
}

/** Reads a StatusResponse and takes the secrets out of its verbose part (containerd 1.x sends registry passwords). */
export function readStatus(answer: unknown): CriStatus {
  const info: Record<string, string> = {};
  const foreign = member(answer, 'info');
  if (isRecord(foreign)) {
    for (const [name, value] of Object.entries(foreign)) if (typeof value === 'string') info[name] = safeInfo(value);
  }
  return {
    conditions: list(member(answer, 'status'), 'conditions')
      .slice(0, limits.criEntries)
      .map((condition) => ({
        type: name(condition, 'type'),
        status: member(condition, 'status') === true,
        reason: name(condition, 'reason'),
        message: safeLine(text(condition, 'message'), limits.messageChars),
      })),
    info,
  };
}

/** Reads an ImageStatusResponse. An answer without an image, or with one without an id, means absent. */
export function readImageStatus(answer: unknown): CriImageStatus {
  const image = readImage(member(answer, 'image'));
  return image.id === '' ? { ...image, present: false, id: null } : { ...image, present: true };
}

/** Reads a ListImagesResponse. */
export function readImages(answer: unknown): readonly CriImage[] {
  return list(answer, 'images').map(readImage);
}

/** Reads the image file systems of an ImageFsInfoResponse. */
export function readFilesystems(answer: unknown): readonly CriFilesystem[] {
  return list(answer, 'image_filesystems')
    .slice(0, limits.criEntries)
    .map((usage) => ({
      mountpoint: name(member(usage, 'fs_id'), 'mountpoint'),
      usedBytes: integer(member(member(usage, 'used_bytes'), 'value')),
      inodesUsed: integer(member(member(usage, 'inodes_used'), 'value')),
    }));
}

/** Reads a PullImageResponse: the id or digest reference of the image. */
export function readImageRef(answer: unknown): string {
  return name(answer, 'image_ref');
}

/** One value of the verbose status without secrets. What is not JSON and speaks of a secret is dropped as a whole. */
function safeInfo(value: string): string {
  if (value.length > limits.criInfoChars) return `[left out: ${value.length} characters]`;
  try {
    const parsed: unknown = JSON.parse(value);
    return JSON.stringify(redactJson(parsed));
  } catch {
    return /passw|secret|token|credential|\bauths?\b|authorization|private.?key/i.test(value)
      ? '[secret]'
      : redactText(value);
  }
}

/** Reads a PluginsResponse of containerd's introspection. */
export function readPlugins(answer: unknown): readonly ContainerdPlugin[] {
  return list(answer, 'plugins')
    .slice(0, limits.containerdPlugins)
    .map((plugin) => {
      const exported = (key: string): string | null => name(member(plugin, 'exports'), key) || null;
      const error = member(plugin, 'init_err');
      const loaded = !isRecord(error) || (integer(error.code) === 0 && text(error, 'message') === '');
      return {
        name: `${name(plugin, 'type')}.${name(plugin, 'id')}`,
        error: loaded ? null : redactText(safeLine(text(error, 'message'), limits.messageChars)),
        root: exported('root'),
        address: exported('address'),
      };
    });
}

/** A name, as one line of bounded length. */
function name(value: unknown, of: string): string {
  return safeLine(text(value, of), limits.criNameChars);
}

function readImage(image: unknown): CriImage {
  return {
    id: name(image, 'id'),
    repoTags: texts(image, 'repo_tags'),
    repoDigests: texts(image, 'repo_digests'),
    sizeBytes: integer(member(image, 'size')),
    pinned: member(image, 'pinned') === true,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function member(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function text(value: unknown, name: string): string {
  const found = member(value, name);
  return typeof found === 'string' ? found : '';
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = member(value, name);
  return Array.isArray(found) ? found : [];
}

function texts(value: unknown, name: string): readonly string[] {
  return list(value, name).filter((item) => typeof item === 'string');
}

/** 64-bit integers arrive as decimal strings, because a JavaScript number holds 53 bits. */
function integer(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0;
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : 0;
}

/** One answer of the stream of container events. */
export function readEvent(answer: unknown): CriContainerEvent {
  const type: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'container_event_type') : null;
  const word =
    typeof type === 'string' ? /^CONTAINER_(CREATED|STARTED|STOPPED|DELETED)_EVENT$/.exec(type)?.[1] : undefined;
  switch (word) {
    case 'CREATED':
      return { kind: 'created' };
    case 'STARTED':
      return { kind: 'started' };
    case 'STOPPED':
      return { kind: 'stopped' };
    case 'DELETED':
      return { kind: 'deleted' };
    default:
      return { kind: 'other' };
  }
}
