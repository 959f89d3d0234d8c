import type { CauseId } from '../../src/model/cause-id.ts';

/**
 * What each captured scenario's fault is by its nature (the captures' README, the pod and what its servers were made to
 * do), not by what our rules say. A second cause stands where the runtime's words, or the registry, hide which of them
 * it is; the comment says why.
 */
export const natures: Readonly<Record<string, readonly CauseId[]>> = {
  'auth-basic': ['credentials-missing'],
  'auth-secret-missing': ['credentials-missing'],
  // A secret for another host only: by the contract no entry for this host is credentials-missing.
  'auth-secret-otherhost': ['credentials-missing'],
  'auth-secret-wrong': ['credentials-rejected'],
  // The token service gives nothing to one without credentials.
  'auth-token-401': ['repository-not-found-or-private', 'credentials-missing'],
  'auth-token-denied': ['repository-not-found-or-private'],
  'bad-digest': ['tag-not-found'],
  'bad-tag': ['tag-not-found'],
  'conn-reset': ['tcp-reset'],
  'connect-timeout': ['tcp-timeout'],
  // Bytes that are no layer: containerd fails to unpack them, CRI-O compares digests of what it unpacked first.
  'corrupt-layer': ['unpack-failed', 'digest-mismatch'],
  'dns-nxdomain': ['dns-name-not-found'],
  // Go has one word, "server misbehaving", for REFUSED and SERVFAIL.
  'dns-refused': ['dns-refused', 'dns-server-failure'],
  'dns-timeout': ['dns-timeout'],
  'forbidden-403': ['access-denied'],
  'http-to-https-client': ['http-on-https'],
  'invalid-name': ['invalid-image-name'],
  'late-a': ['tag-not-found'],
  'late-always': ['tag-not-found'],
  'late-b': ['tag-not-found'],
  'late-c': ['tag-not-found'],
  'late-d': ['tag-not-found'],
  // The mirror's port is closed and the upstream has no such image: containerd tells the first, CRI-O the second.
  'mirror-fallback': ['tcp-refused', 'tag-not-found', 'mirror-failed'],
  'missing-blob': ['blob-unreachable'],
  // Docker's registry answers MANIFEST_UNKNOWN for a repository that it never had.
  'missing-repo': ['repository-not-found', 'tag-not-found'],
  'never-absent': ['image-never-pull'],
  'no-route': ['no-route'],
  'policy-reject': ['signature-rejected'],
  'portal-html-200': ['registry-invalid-response'],
  'rate-limit-429': ['rate-limited'],
  'redirect-refused': ['blob-unreachable', 'tcp-refused'],
  'refused-port': ['tcp-refused'],
  schema1: ['manifest-unsupported'],
  'server-500': ['registry-error'],
  'server-502': ['registry-error'],
  'server-503': ['registry-error'],
  // It resolved, to a registry that has no such image.
  'short-name': ['tag-not-found'],
  'stall-blob': ['pull-timeout'],
  // The stalling server was restarted twice, which ended the request that waited there: `EOF`.
  'stall-manifest': ['registry-timeout', 'registry-error'],
  'tls-expired': ['tls-certificate-expired'],
  'tls-selfsigned': ['tls-unknown-authority'],
  'tls-wrongname': ['tls-hostname-mismatch'],
  'truncated-blob': ['blob-unreachable'],
  'wrong-arch': ['platform-mismatch'],
};

/** Less than the cause, and never wrong. */
export const honest: readonly CauseId[] = ['back-off-only', 'unknown'];
