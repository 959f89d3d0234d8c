import { defaultPullPolicy, type PullPolicy } from '../image/pull-policy.ts';
import { parseReference } from '../image/reference.ts';
import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** Which pod, told from its namesakes before and after. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Who made a pod, as far up as the pod itself tells. */
export interface PodOwner {
  /** `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `Node` of a static pod, or any other. */
  readonly kind: string;
  readonly name: string;
}

/** One image that a pod needs, with what is told of its state. */
export interface PodImage {
  /** `volume`: an image volume, whose name stands in place of a container's. */
  readonly kind: 'init' | 'container' | 'ephemeral' | 'volume';
  readonly name: string;
  /** As the spec has it. */
  readonly image: string;
  readonly policy: PullPolicy;
  /** False: the spec says none, and this is the default. */
  readonly policyGiven: boolean;
  /** Of the container; `none`: no status yet, and always of a volume. */
  readonly state: 'waiting' | 'running' | 'terminated' | 'none';
  /** When a container that runs, or has run, was started last. */
  readonly startedAt: number | null;
  /** Of a container that waits: the kubelet's word; empty without one. */
  readonly reason: string;
  /** Of a container that waits: one line, without secrets. */
  readonly message: string;
  /** Volumes that the container mounts, by name. */
  readonly mounts: readonly string[];
}

/** What of a pod bears on its images. */
export interface KubePod extends PodIdentity {
  readonly node: string | null;
  readonly owner: PodOwner | null;
  /**
   * Of a static pod: the kubelet's own mark of it, by which Events name it in place of the uid of its mirror at the API
   * server (kubectl, pkg/describe, PodDescriber; pkg/kubelet/types, ConfigMirrorAnnotationKey).
   */
  readonly mirrorOf: string | null;
  readonly serviceAccount: string;
  /** Names of imagePullSecrets, in the pod's own namespace; those of the service account are among them since admission. */
  readonly pullSecrets: readonly string[];
  readonly phase: string;
  /** It is being deleted: the kubelet starts nothing more of it. */
  readonly deleting: boolean;
  /** By the condition PodReadyToStartContainers; null: not told. */
  readonly sandboxReady: boolean | null;
  readonly createdAt: number | null;
  readonly images: readonly PodImage[];
  /** Parts that could not be read and are left out, each with its place. */
  readonly problems: readonly string[];
}

/** Containers of one pod; the API server sets no bound, and 1.5 MiB hold some thousands. */
const mostImages = 512;

/** The fields of a pod's spec that list containers, and of its status that tell of them. */
const lists = [
  ['init', 'initContainers', 'initContainerStatuses'],
  ['container', 'containers', 'containerStatuses'],
  ['ephemeral', 'ephemeralContainers', 'ephemeralContainerStatuses'],
] as const;

/**
 * Reads a pod of the API (core/v1). Without its names it is none; any other part that is damaged is left out and said so.
 * Members that are not known are ignored.
 */
export function readPod(value: unknown): Result<KubePod, string> {
  if (!isRecord(value)) return fail('A pod that is no object.');
  const metadata = recordMember(value, 'metadata');
  const namespace = metadata === null ? null : textOf(metadata, 'namespace');
  const name = metadata === null ? null : textOf(metadata, 'name');
  const uid = metadata === null ? null : textOf(metadata, 'uid');
  if (metadata === null || namespace === null || name === null || uid === null)
    return fail('A pod without metadata.namespace, metadata.name or metadata.uid.');
  const problems: string[] = [];
  const left = (what: string): void => {
    if (problems.length < 8) problems.push(`The pod ${namespace}/${name}: ${what}.`);
  };
  const spec = memberOf(value, 'spec', left) ?? {};
  const status = memberOf(value, 'status', left) ?? {};
  const images: PodImage[] = [];
  for (const [kind, list, statusList] of lists) {
    const states = statesOf(status, statusList, left);
    for (const [index, one] of listOf(spec, list, left).entries()) {
      const place = `spec.${list}[${index}]`;
      if (images.length >= mostImages) {
        left(`${place} and what follows are left out: it has more than ${mostImages} containers`);
        break;
      }
      const container = isRecord(one) ? one : {};
      const called = textOf(container, 'name');
      const image = textOf(container, 'image');
      // An image may be missing in a template; the API server takes no such pod.
      if (called === null || image === null) left(`${place} has no name or no image`);
      else {
        const mounts = (arrayMember(container, 'volumeMounts') ?? []).filter(isRecord);
        images.push({
          kind,
          name: called,
          image,
          ...policyOf(image, container.imagePullPolicy, `${place}.imagePullPolicy`, left),
          ...(states.get(called) ?? noState),
          mounts: mounts.flatMap((mount) => textOf(mount, 'name') ?? []),
        });
      }
    }
  }
  for (const [index, one] of listOf(spec, 'volumes', left).entries()) {
    const source = isRecord(one) ? recordMember(one, 'image') : null;
    if (source === null || !isRecord(one)) continue;
    const called = textOf(one, 'name');
    const image = textOf(source, 'reference');
    if (called === null || image === null) left(`spec.volumes[${index}] has no name or no image.reference`);
    else if (images.length < mostImages) {
      const policy = policyOf(image, source.pullPolicy, `spec.volumes[${index}].image.pullPolicy`, left);
      images.push({ kind: 'volume', name: called, image, ...policy, ...noState, mounts: [] });
    }
  }
  return ok({
    namespace,
    name,
    uid,
    node: textOf(spec, 'nodeName'),
    owner: ownerOf(metadata),
    mirrorOf: textOf(recordMember(metadata, 'annotations') ?? {}, 'kubernetes.io/config.mirror'),
    serviceAccount: textOf(spec, 'serviceAccountName') ?? 'default',
    pullSecrets: listOf(spec, 'imagePullSecrets', left).flatMap((one) =>
      isRecord(one) ? (textOf(one, 'name') ?? []) : [],
    ),
    phase: textOf(status, 'phase') ?? 'Unknown',
    deleting: textOf(metadata, 'deletionTimestamp') !== null,
    sandboxReady: conditionOf(status, left),
    createdAt: timeOf(metadata.creationTimestamp),
    images,
    problems,
  });
}

/** RFC 3339 as milliseconds since the epoch; null for anything else. */
export function timeOf(value: unknown): number | null {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

type Left = (what: string) => void;

type State = Pick<PodImage, 'state' | 'startedAt' | 'reason' | 'message'>;

const noState: State = { state: 'none', startedAt: null, reason: '', message: '' };

/** A text that is not empty, bounded. */
function textOf(at: JsonRecord, name: string): string | null {
  const value = stringMember(at, name);
  return value === null || value === '' ? null : value.slice(0, limits.referenceChars);
}

function memberOf(at: JsonRecord, name: string, left: Left): JsonRecord | null {
  const value = at[name];
  if (value === undefined || value === null) return null;
  if (isRecord(value)) return value;
  left(`${name} is no object`);
  return null;
}

function listOf(at: JsonRecord, name: string, left: Left): readonly unknown[] {
  const value = at[name];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  left(`${name} is no list`);
  return [];
}

function policyOf(
  image: string,
  value: unknown,
  place: string,
  left: Left,
): { readonly policy: PullPolicy; readonly policyGiven: boolean } {
  if (value === 'Always' || value === 'IfNotPresent' || value === 'Never') return { policy: value, policyGiven: true };
  if (value !== undefined && value !== null && value !== '') left(`${place} is none that is known`);
  const parsed = parseReference(image);
  return { policy: defaultPullPolicy(parsed.ok ? parsed.value : null), policyGiven: false };
}

function statesOf(status: JsonRecord, name: string, left: Left): ReadonlyMap<string, State> {
  const states = new Map<string, State>();
  for (const [index, one] of listOf(status, name, left).entries()) {
    const called = isRecord(one) ? textOf(one, 'name') : null;
    if (!isRecord(one) || called === null) {
      left(`status.${name}[${index}] has no name`);
      continue;
    }
    const state = recordMember(one, 'state') ?? {};
    const waiting = recordMember(state, 'waiting');
    const running = recordMember(state, 'running');
    const ended = recordMember(state, 'terminated');
    const word = running !== null ? 'running' : ended !== null ? 'terminated' : 'none';
    states.set(called, {
      state: waiting !== null ? 'waiting' : word,
      startedAt: waiting !== null ? null : timeOf((running ?? ended)?.startedAt),
      reason: waiting === null ? '' : safeLine(stringMember(waiting, 'reason') ?? '', 128),
      message: waiting === null ? '' : safeLine(stringMember(waiting, 'message') ?? '', limits.runtimeErrorChars),
    });
  }
  return states;
}

function conditionOf(status: JsonRecord, left: Left): boolean | null {
  for (const one of listOf(status, 'conditions', left)) {
    if (!isRecord(one) || one.type !== 'PodReadyToStartContainers') continue;
    return one.status === 'True' ? true : one.status === 'False' ? false : null;
  }
  return null;
}

/** The controller; a ReplicaSet whose name ends in the template's hash is a Deployment's (pkg/controller/deployment/sync.go). */
function ownerOf(metadata: JsonRecord): PodOwner | null {
  const owners = (arrayMember(metadata, 'ownerReferences') ?? []).filter(isRecord);
  const owner = owners.find(({ controller }) => controller === true);
  const kind = owner === undefined ? null : textOf(owner, 'kind');
  const name = owner === undefined ? null : textOf(owner, 'name');
  if (kind === null || name === null) return null;
  const hash = textOf(recordMember(metadata, 'labels') ?? {}, 'pod-template-hash');
  return kind === 'ReplicaSet' && hash !== null && name.endsWith(`-${hash}`) && name.length > hash.length + 1
    ? { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
    : { kind, name };
}
