import type { CauseId, Layer } from '../model/cause-id.ts';
import { layers } from '../model/cause-id.ts';
import type { Incident } from './parts.ts';

/** How the failed hop of a cause is looked at again. */
export type RecheckRule =
  /** Nothing that the agent can see makes it pass, or a pull by the agent gains nothing; and why. */
  | { readonly how: 'never'; readonly why: string }
  /** Probes up to this layer, and no further. */
  | { readonly how: 'probe'; readonly upTo: Layer; readonly leastMs: number }
  /** Nobody is asked before the time that the registry named. */
  | { readonly how: 'at-reset'; readonly upTo: Layer; readonly leastMs: number };

/** The shortest time between two looks at a hop: five seconds from the repair to the image, the pull included. */
const soonMs = 2500;

/**
 * Refused credentials are not offered again sooner: directories lock accounts after a handful of wrong passwords.
 * Other credentials in the node's files are tried at once.
 */
const sameCredentialsMs = 30_000;

/** Without Retry-After or a reset. Docker Hub's window is six hours, and its count is by the minute (pull-facts, section 12). */
const rateLimitMs = 60_000;

const never: Partial<Readonly<Record<CauseId, string>>> = {
  'invalid-image-name': 'The name does not parse: no pull can help until the pod is corrected.',
  'short-name-unresolved':
    'The short name has no meaning here: no pull can help until the pod or registries.conf is corrected.',
  'image-never-pull': 'imagePullPolicy is Never: the agent does not pull what the pod must not.',
  'pull-policy-always': 'imagePullPolicy is Always: the kubelet waits out its back-off whatever is on the node.',
  'image-credentials-unverified': "The image is here; the kubelet wants the pod's own credentials for it.",
  'signature-rejected': "The node's policy rejects the image: a pull by the agent is rejected too.",
  'registry-blocked': "The node's configuration blocks this registry.",
  'pull-secret-missing': "The pod's pull secret does not exist; the agent has no credentials of the pod.",
  'pull-queued': 'Another image is being pulled; this one follows by itself.',
  'pull-qps-exceeded': 'The kubelet limits its own pulls; it tries again by itself.',
};

/**
 * What can be looked at again for a cause. `podSecrets`: those of the pods may be read, so each look at a cause of
 * credentials asks the API server and the registry: once in half a minute.
 */
export function recheckRule(cause: CauseId | null, layer: Layer | null, podSecrets = false): RecheckRule {
  if (podSecrets && readsSecrets(cause)) return { how: 'probe', upTo: 'manifest', leastMs: sameCredentialsMs };
  const why = cause === null ? undefined : never[cause];
  if (why !== undefined) return { how: 'never', why };
  switch (cause) {
    case 'rate-limited':
      return { how: 'at-reset', upTo: 'manifest', leastMs: rateLimitMs };
    case 'credentials-rejected':
    case 'credentials-expired':
    case 'pull-secret-invalid':
    case 'credential-provider-failed':
      return { how: 'probe', upTo: 'manifest', leastMs: sameCredentialsMs };
    case 'back-off-only':
    case 'pull-canceled':
    case 'unknown':
    case null:
      return { how: 'probe', upTo: 'blob', leastMs: 10_000 };
    default:
      // What is beneath a registry is seen at the registry: the manifest is asked for, for that is free (HEAD).
      return { how: 'probe', upTo: layer === null || isAfter(layer, 'blob') ? 'blob' : layer, leastMs: soonMs };
  }
}

function isAfter(one: Layer, other: Layer): boolean {
  return layers.indexOf(one) > layers.indexOf(other);
}

/** Causes at whose looks the pod's secrets are read again: what may be wrong is in them. */
export function readsSecrets(cause: CauseId | null): boolean {
  return cause !== null && ofCredentials.has(cause);
}

const ofCredentials: ReadonlySet<CauseId> = new Set<CauseId>([
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
  'pull-secret-missing',
  'pull-secret-invalid',
  'repository-not-found-or-private',
]);

/** A look is never later than a twentieth of the time that the outage has lasted, and at most this. */
const seldomMs = 30_000;

/**
 * Milliseconds until the next look, for an outage that has lasted `lastedMs`: often while it is young, when most end; the
 * jitter of a quarter spreads a fleet that lost its registry at one moment. `chance` is in [0, 1).
 */
export function recheckDelay(leastMs: number, lastedMs: number, chance: number): number {
  const base = Math.max(leastMs, Math.min(seldomMs, lastedMs / 20));
  return Math.round(base * (0.75 + chance / 2));
}

/**
 * Milliseconds between a hop that passes again and the pull: nothing after a moment's outage, up to 20 s after a long one,
 * so that a registry that comes back meets its fleet bit by bit.
 */
export function pullDelay(lastedMs: number, chance: number): number {
  return Math.round(Math.min(20_000, lastedMs / 60) * chance);
}

/**
 * Milliseconds until the next pull after the agent's `count`th that failed although the hop had passed: the kubelet's own
 * steps, with jitter.
 */
export function failedPullDelay(count: number, chance: number): number {
  return Math.round(Math.min(300_000, 10_000 * 2 ** (count - 1)) * (0.75 + chance / 2));
}

/** Why a pull by the agent is of no use to those who wait; null when it is. */
export function uselessFor(incident: Incident): string | null {
  const { pods } = incident;
  if (!pods.some(({ pod }) => pod !== null)) return 'No pod is known to wait for it: it was pulled by hand.';
  if (pods.every(({ policy }) => policy === 'Always')) return never['pull-policy-always'] ?? null;
  if (pods.every(({ policy }) => policy === 'Never')) return never['image-never-pull'] ?? null;
  // For the one it gains nothing, and it would bring the other what it must not pull.
  if (pods.every(({ policy }) => policy === 'Always' || policy === 'Never'))
    return 'imagePullPolicy is Always or Never of all that wait: the kubelet waits out its back-off of the one, and the agent does not pull what the other must not.';
  return null;
}
