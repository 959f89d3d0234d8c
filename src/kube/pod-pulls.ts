import type { PullPolicy } from '../image/pull-policy.ts';
import { type Explanation, explainMessage } from '../messages/explain.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Confidence } from '../model/investigation.ts';
import { atEachLook, nextTry } from '../signals/back-off.ts';
import type { KubeEvent } from './event.ts';
import type { KubePod, PodImage } from './pod.ts';
import { noTries, type PodTries, quotedImage, triesOf } from './tries.ts';

/** One image of one pod that does not come, or is on its way. */
export interface PodPull {
  readonly pod: KubePod;
  /** `sandbox`: the pause image, which no spec names. */
  readonly kind: PodImage['kind'] | 'sandbox';
  /** Of the container or the image volume; null of the sandbox. */
  readonly name: string | null;
  readonly image: string;
  readonly policy: PullPolicy | null;
  readonly policyGiven: boolean;
  /** `pulling`: a pull has begun and nothing failed yet. */
  readonly state: 'failing' | 'pulling';
  /** The kubelet's word: `ImagePullBackOff`, `ContainerCreating`, `FailedCreatePodSandBox`. */
  readonly reason: string;
  /** Its last words about it; empty of a pull that goes on. */
  readonly message: string;
  /** By these words; null: they tell none (`unknown` is a failure that fits nothing). */
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly underlying: CauseId | null;
  readonly tries: PodTries;
  /** Pull secrets that the kubelet could not read, as its event names them. The cause may be another all the same. */
  readonly missingSecrets: readonly string[];
}

/** The kubelet's words for a container whose image it cannot have (pkg/kubelet/images/types.go; cri-api, pkg/errors). */
export const imageReasons: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** Decided at each look at the pod, without a back-off (image_manager.go: before pullImage). */
const withoutBackOff: ReadonlySet<string> = new Set(['ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError']);

/** Words of a container that is not there yet. */
const creating: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing', '']);

/**
 * The container waits for its image, by the kubelet's word. A container that crashes waits too (`CrashLoopBackOff`), and one
 * that cannot be made of an image that is here (`CreateContainerConfigError`): for other things.
 */
export function waitsForImage({ state, reason }: PodImage): boolean {
  return state === 'waiting' && (imageReasons.has(reason) || creating.has(reason));
}

/**
 * The rows of a pod: images that fail and pulls that are under way. `events` may be those of many pods, or none: then
 * tries and sandboxes are not known. A pod that is being deleted, or has ended, has none.
 */
export function podPulls(pod: KubePod, events: readonly KubeEvent[], now: number): PodPull[] {
  if (pod.deleting || pod.phase === 'Succeeded' || pod.phase === 'Failed') return [];
  const own = events.filter(({ podUid }) => isAbout(pod, podUid));
  const missingSecrets = missingSecretsOf(own);
  const rows = pod.images.flatMap((image) => {
    const row = image.kind === 'volume' ? volumeRow(pod, image, own, now) : containerRow(pod, image, own, now);
    return row === null ? [] : [{ ...row, ...forWantOf(missingSecrets, row), missingSecrets }];
  });
  const sandbox = rows.length > 0 ? null : sandboxRow(pod, own);
  return sandbox === null ? rows : [{ ...sandbox, missingSecrets }];
}

/** The event is about this pod; a static pod's name the kubelet's own mark of it. */
export function isAbout({ uid, mirrorOf }: Pick<KubePod, 'uid' | 'mirrorOf'>, podUid: string): boolean {
  return podUid === uid || podUid === mirrorOf;
}

type Row = Omit<PodPull, 'missingSecrets'>;

/** A registry that wants credentials, and a pull secret of the pod that the kubelet did not find: the one is why the other. */
function forWantOf(secrets: readonly string[], { cause }: Row): Partial<Pick<PodPull, 'cause' | 'confidence'>> {
  return secrets.length > 0 && cause === 'credentials-missing'
    ? { cause: 'pull-secret-missing', confidence: 'likely' }
    : {};
}

function containerRow(pod: KubePod, image: PodImage, events: readonly KubeEvent[], now: number): Row | null {
  if (image.state !== 'waiting' && image.state !== 'none') return null;
  if (imageReasons.has(image.reason)) {
    // An image volume that fails is told of at the containers that mount it, in the volume's words.
    const named = quotedImage(image.message);
    const ofVolume = pod.images.some(
      ({ kind, name, image: other }) => kind === 'volume' && image.mounts.includes(name) && other === named,
    );
    return ofVolume && named !== image.image ? null : failing(pod, image, image.reason, image.message, events, now);
  }
  return creating.has(image.reason) ? pulling(pod, image, events, now) : null;
}

function volumeRow(pod: KubePod, volume: PodImage, events: readonly KubeEvent[], now: number): Row | null {
  const users = pod.images.filter(({ kind, mounts }) => kind !== 'volume' && mounts.includes(volume.name));
  const told = users.find(
    ({ state, reason, message }) =>
      state === 'waiting' && imageReasons.has(reason) && quotedImage(message) === volume.image,
  );
  if (told !== undefined) return failing(pod, volume, told.reason, told.message, events, now);
  return users.every(({ state, reason }) => state === 'none' || (state === 'waiting' && creating.has(reason)))
    ? pulling(pod, volume, events, now)
    : null;
}

function failing(
  pod: KubePod,
  image: PodImage,
  reason: string,
  words: string,
  events: readonly KubeEvent[],
  now: number,
): Row {
  const last = lastFailure(image.image, events);
  const said = better(
    explainMessage(words === '' ? reason : words),
    last === null ? null : explainMessage(last.message),
  );
  const decided = withoutBackOff.has(reason);
  return {
    ...base(pod, image),
    state: 'failing',
    reason,
    message: words === '' ? (last?.message ?? '') : words,
    ...causeOf(said),
    tries: decided
      ? looksOf(reason, image.image, events, now)
      : atLeastOne(triesOf({ events, image: image.image, failing: true, now })),
  };
}

function pulling(pod: KubePod, image: PodImage, events: readonly KubeEvent[], now: number): Row | null {
  const tries = triesOf({ events, image: image.image, failing: false, now });
  if (tries.pullingSince === null) return null;
  const row = base(pod, image);
  return {
    ...row,
    state: 'pulling',
    reason: image.reason === '' ? 'ContainerCreating' : image.reason,
    message: '',
    ...causeOf(null),
    tries,
  };
}

/** Only a sandbox that fails for its image: networks and cgroups fail it too, and are none of ours. */
function sandboxRow(pod: KubePod, events: readonly KubeEvent[]): Row | null {
  const failures = events.filter(({ reason }) => reason === 'FailedCreatePodSandBox');
  const last = newest(failures);
  if (last === null || pod.sandboxReady === true) return null;
  const further = events.some(
    ({ reason, lastAt }) =>
      lastAt > last.lastAt && (reason === 'Pulling' || reason === 'Pulled' || reason === 'Created'),
  );
  if (further || pod.images.some(({ state }) => state === 'running' || state === 'terminated')) return null;
  const said = explainMessage(last.message);
  if (said?.cause !== 'sandbox-image-unavailable') return null;
  const same = failures.filter(({ message }) => explainMessage(message)?.cause === 'sandbox-image-unavailable');
  const backOff = atEachLook(last.lastAt);
  const attempts = same.reduce((total, { count }) => total + count, 0);
  return {
    pod,
    kind: 'sandbox',
    name: null,
    image: said.image ?? /sandbox image "([^"]+)"/.exec(last.message)?.[1] ?? '',
    policy: null,
    policyGiven: false,
    state: 'failing',
    reason: 'FailedCreatePodSandBox',
    message: last.message,
    ...causeOf(said),
    tries: { attempts, exact: true, lastTryAt: last.lastAt, backOff, nextTryAt: nextTry(backOff), pullingSince: null },
  };
}

function base(pod: KubePod, { kind, name, image, policy, policyGiven }: PodImage) {
  return { pod, kind, name, image, policy, policyGiven };
}

function causeOf(said: Explanation | null): Pick<PodPull, 'cause' | 'confidence' | 'underlying'> {
  return said === null
    ? { cause: null, confidence: null, underlying: null }
    : { cause: said.cause, confidence: said.confidence, underlying: said.underlying };
}

/** The status tells what is now; where it tells no cause (before 1.32 a back-off has none), the last failed pull does. */
function better(status: Explanation | null, event: Explanation | null): Explanation | null {
  const vague = status === null || status.cause === 'back-off-only' || status.cause === 'unknown';
  return vague && event !== null ? event : status;
}

/** The newest event of a pull that failed; of an aggregate, which stands for several messages, the newest counts too. */
function lastFailure(image: string, events: readonly KubeEvent[]): KubeEvent | null {
  return newest(
    events.filter(
      ({ reason, message }) =>
        (reason === 'Failed' || reason === 'InspectFailed') &&
        quotedImage(message) === image &&
        !message.startsWith('Error: '),
    ),
  );
}

/** The word itself tells of one try, where events tell of none: they are kept for an hour, and may not be readable. */
function atLeastOne(tries: PodTries): PodTries {
  return tries.attempts === 0 && tries.pullingSince === null ? { ...tries, attempts: 1, exact: false } : tries;
}

/** What the kubelet decides at each look: counted by its own events. */
function looksOf(reason: string, image: string, events: readonly KubeEvent[], now: number): PodTries {
  const word = reason === 'ErrImageNeverPull' ? 'ErrImageNeverPull' : 'InspectFailed';
  const about = events.filter(
    (event) => event.reason === word && (quotedImage(event.message) === image || event.message.includes('image ""')),
  );
  const last = newest(about);
  if (last === null) return noTries;
  const attempts = about.reduce((total, { count }) => total + count, 0);
  // Later looks are not written down, and they come all the same.
  const backOff = atEachLook(last.lastAt);
  const exact = nextTry(backOff) > now - 15_000;
  const nextTryAt = Math.max(nextTry(backOff), exact ? 0 : now);
  return { attempts, exact, lastTryAt: last.lastAt, backOff, nextTryAt, pullingSince: null };
}

function missingSecretsOf(events: readonly KubeEvent[]): readonly string[] {
  const last = newest(events.filter(({ reason }) => reason === 'FailedToRetrieveImagePullSecret'));
  const names = /image pull secrets \(([^()]{1,4000})\)/.exec(last?.message ?? '')?.[1] ?? '';
  return names === '' ? [] : names.split(/,\s*/);
}

function newest(events: readonly KubeEvent[]): KubeEvent | null {
  return events.reduce<KubeEvent | null>((a, b) => (a === null || b.lastAt >= a.lastAt ? b : a), null);
}
