import type { CauseId } from '../../src/model/cause-id.ts';

/** The test that proves what stands here, from the top of the tree. */
export const crioTest: string | null = 'test/captures/captures.test.ts';

/**
 * Causes that a captured CRI-O 1.36.3 made for real, each with the scenario in whose status message, events and journal
 * the tests of this folder find it, by that name and no other.
 */
export const crioCaptured: Readonly<Partial<Record<CauseId, string>>> = {
  'invalid-image-name': 'invalid-name',
  'dns-server-failure': 'dns-refused',
  'no-route': 'no-route',
  'tcp-refused': 'refused-port',
  'tcp-reset': 'conn-reset',
  'tls-certificate-expired': 'tls-expired',
  'tls-hostname-mismatch': 'tls-wrongname',
  'registry-error': 'server-502',
  'rate-limited': 'rate-limit-429',
  'credentials-missing': 'auth-secret-otherhost',
  'access-denied': 'forbidden-403',
  'tag-not-found': 'bad-digest',
  'platform-mismatch': 'wrong-arch',
  'manifest-unsupported': 'schema1',
  'digest-mismatch': 'corrupt-layer',
  'signature-rejected': 'policy-reject',
};

/** Causes that are the kubelet's own, whatever the runtime, each with the captured scenario of a real kubelet 1.36.2. */
export const kubeletCaptured: Readonly<Partial<Record<CauseId, string>>> = {
  'invalid-image-name': 'invalid-name',
  'image-never-pull': 'never-absent',
  'pull-secret-missing': 'auth-secret-missing',
  'back-off-only': 'bad-tag',
};
