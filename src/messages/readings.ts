import type { CauseId } from '../model/cause-id.ts';
import type { Place } from './place.ts';
import type { Confidence } from './rule.ts';

/** A cause as the rules read it, before and after its place in the pull is considered. */
export interface Reading {
  readonly cause: CauseId;
  readonly confidence: Confidence;
  readonly alternatives: readonly CauseId[];
  readonly underlying: CauseId | null;
}

/** What the place needs besides itself. */
export interface Surroundings {
  readonly place: Place;
  readonly rule: string;
  readonly whole: string;
  readonly image: string | null;
  readonly registry: string | null;
  /** CRI-O's list of mirrors stands in the text, and whether the upstream's own error stands beside it. */
  readonly mirrors: 'none' | 'beside-upstream' | 'alone';
}

/** Causes of a connection or an answer that does not come: at whom depends on the place. */
const onTheWay: ReadonlySet<CauseId> = new Set<CauseId>([
  'dns-name-not-found',
  'dns-server-failure',
  'dns-timeout',
  'dns-refused',
  'no-route',
  'tcp-refused',
  'tcp-timeout',
  'tcp-reset',
  'tls-unknown-authority',
  'tls-certificate-expired',
  'tls-hostname-mismatch',
  'tls-handshake-failed',
  'http-on-https',
  'clock-skew',
  'registry-error',
  'registry-timeout',
]);

/** Refusals that at a layer's host mean its signed URL or its filter, not the image. */
const atBlobHost: ReadonlySet<CauseId> = new Set<CauseId>([
  ...onTheWay,
  'access-denied',
  'registry-invalid-response',
  'proxy-denied',
  'tag-not-found',
  'credentials-rejected',
]);

/** Hosts that serve only public images: their 403 is about the address that asks (pull-facts section 12). */
const publicHosts = /(?:^|\.)(?:registry\.k8s\.io|k8s\.gcr\.io)$/;

/** Lets the place decide between the readings of the same words. Each step says what it proves. */
export function readInPlace(base: Reading, around: Surroundings): Reading {
  const steps = [publicRefusal, atProxy, atTokenHost, atBlob, atMirror, asSandbox, hints];
  return steps.reduce((reading, step) => step(reading, around), base);
}

/** A cause with another one under it: the other stays named, and what it could be instead stays possible. */
function over(cause: CauseId, under: Reading, confidence: Confidence): Reading {
  return {
    cause,
    confidence,
    underlying: under.cause === 'unknown' ? under.underlying : under.cause,
    alternatives: [under.cause, ...under.alternatives].filter((other) => other !== 'unknown'),
  };
}

function also(reading: Reading, ...causes: readonly CauseId[]): Reading {
  return { ...reading, alternatives: [...reading.alternatives, ...causes] };
}

function publicRefusal(reading: Reading, { rule, registry, place, image }: Surroundings): Reading {
  if (reading.cause !== 'access-denied' || !(rule === 'status/403' || rule === 'registry/denied')) return reading;
  const publicImage =
    publicHosts.test(registry ?? '') ||
    /^(?:registry\.k8s\.io|k8s\.gcr\.io)\//.test(image ?? '') ||
    /\/k8s-artifacts-prod\//.test(place.path ?? '');
  return publicImage
    ? { ...reading, cause: 'source-address-blocked', alternatives: ['access-denied', ...reading.alternatives] }
    : reading;
}

/** `proxyconnect`: the connection that failed is the one to the proxy. */
function atProxy(reading: Reading, { place }: Surroundings): Reading {
  if (!place.proxy || reading.cause.startsWith('proxy-')) return reading;
  const under = over('proxy-unreachable', reading, 'likely');
  return { ...under, alternatives: ['proxy-misconfigured', 'proxy-bypass-missing', ...under.alternatives] };
}

/** The registry answered, or there would be no token to fetch; the token's host did not. */
function atTokenHost(reading: Reading, { place, image, rule }: Surroundings): Reading {
  // No token is kept under a tag: what is not there is the service itself.
  if (place.token !== null && rule === 'status/404') {
    const { alternatives } = reading;
    return {
      ...reading,
      cause: 'registry-invalid-response',
      confidence: 'possible',
      alternatives: ['credentials-rejected', ...alternatives.filter((other) => other !== 'registry-invalid-response')],
    };
  }
  // A word of the token's host about the time of what was signed is an answer.
  if (place.token === null || !onTheWay.has(reading.cause) || rule === 'registry/wrong-time') return reading;
  const registryHost = place.firstHost !== place.host ? place.firstHost : (image?.split('/')[0] ?? null);
  if (registryHost !== null && registryHost === place.host) return also(reading, 'auth-service-unreachable');
  return over('auth-service-unreachable', reading, 'likely');
}

/** The manifest came, or there would be no layer to fetch. */
function atBlob(reading: Reading, { place, rule }: Surroundings): Reading {
  // The request for a layer failed, and the text ends there.
  const unsaid = rule === 'pull/step-failed' && place.path !== null;
  if (!place.blob || !(atBlobHost.has(reading.cause) || unsaid)) return reading;
  // An odd refusal with `?ns=` is the mirror's own way of failing.
  if (place.mirrorOf !== null && rule === 'status/4xx') return reading;
  return over('blob-unreachable', reading, 'likely');
}

/** What a mirror says is not what the registry says. */
function atMirror(reading: Reading, { place, mirrors, rule }: Surroundings): Reading {
  if (mirrors === 'alone') return over('mirror-failed', reading, 'likely');
  if (mirrors === 'beside-upstream') return also(reading, 'mirror-failed');
  if (place.mirrorOf !== null) {
    const oddly = rule === 'status/4xx' || reading.cause === 'registry-invalid-response';
    return oddly || place.nextHost ? over('mirror-failed', reading, 'likely') : also(reading, 'mirror-failed');
  }
  return place.nextHost ? also(reading, 'mirror-failed') : reading;
}

function asSandbox(reading: Reading, { place }: Surroundings): Reading {
  if (!place.sandbox || reading.cause === 'sandbox-image-unavailable') return reading;
  return over('sandbox-image-unavailable', reading, 'proven');
}

/** Words beside the cause that leave room for others. */
function hints(reading: Reading, { whole, image }: Surroundings): Reading {
  let result = reading;
  if (/RegistryUnavailable|because the registry is unavailable/.test(whole)) result = also(result, 'registry-error');
  const pause = /\/(?:mirrored-)?pause(?:-\w+)?[:@]|^pause[:@]/;
  if (pause.test(image ?? '') || (image === null && pause.test(whole)))
    result = also(result, 'sandbox-image-unavailable');
  return result;
}
