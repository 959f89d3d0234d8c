import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CauseId } from '../../src/model/cause-id.ts';

/** Where the captures of real components are, beside the checkout. */
export const captures = fileURLToPath(new URL('../../../shared/captures', import.meta.url));

/** True when they are there; prints one line when they are not. */
export function haveCaptures(): boolean {
  if (existsSync(captures)) return true;
  console.log('    skipped: the captures are not beside this checkout');
  return false;
}

/** What each scenario's failure is called; several where runtimes word it so that it reads differently. */
export const scenarios: Readonly<Record<string, readonly CauseId[]>> = {
  'auth-basic': ['credentials-missing'],
  'auth-secret-missing': ['credentials-missing'],
  'auth-secret-otherhost': ['credentials-missing'],
  'auth-secret-wrong': ['credentials-rejected'],
  'auth-token-401': ['repository-not-found-or-private', 'credentials-missing'],
  'auth-token-denied': ['repository-not-found-or-private'],
  'bad-digest': ['tag-not-found'],
  'bad-tag': ['tag-not-found'],
  'conn-reset': ['tcp-reset'],
  'connect-timeout': ['tcp-timeout'],
  'corrupt-layer': ['unpack-failed', 'digest-mismatch'],
  'dns-nxdomain': ['dns-name-not-found'],
  // Go words REFUSED like SERVFAIL.
  'dns-refused': ['dns-server-failure'],
  'dns-timeout': ['dns-timeout'],
  'forbidden-403': ['access-denied'],
  'http-to-https-client': ['http-on-https'],
  'invalid-name': ['invalid-image-name'],
  'late-a': ['tag-not-found'],
  'late-always': ['tag-not-found'],
  'late-b': ['tag-not-found'],
  'late-c': ['tag-not-found'],
  'late-d': ['tag-not-found'],
  // containerd reports the mirror's error, CRI-O the upstream's.
  'mirror-fallback': ['tcp-refused', 'tag-not-found'],
  'missing-blob': ['blob-unreachable'],
  'missing-repo': ['tag-not-found'],
  'never-absent': ['image-never-pull'],
  'no-route': ['no-route'],
  'policy-reject': ['signature-rejected'],
  'portal-html-200': ['registry-invalid-response'],
  'rate-limit-429': ['rate-limited'],
  'redirect-refused': ['tcp-refused'],
  'refused-port': ['tcp-refused'],
  schema1: ['manifest-unsupported'],
  'server-500': ['registry-error'],
  'server-502': ['registry-error'],
  'server-503': ['registry-error'],
  'short-name': ['tag-not-found'],
  'stall-blob': ['pull-timeout'],
  'stall-manifest': ['registry-timeout', 'registry-error'],
  'tls-expired': ['tls-certificate-expired'],
  'tls-selfsigned': ['tls-unknown-authority'],
  'tls-wrongname': ['tls-hostname-mismatch'],
  'truncated-blob': ['blob-unreachable'],
  'wrong-arch': ['platform-mismatch'],
};

/** The lab's nameserver was down for a minute and its fault server restarted: real failures, of another kind. */
export const disturbances: readonly CauseId[] = ['dns-refused', 'blob-unreachable', 'tcp-refused'];
export const isDisturbance = (text: string): boolean =>
  /lookup \S+ on 127\.0\.0\.77:53: read udp .*connection refused|dial tcp 127\.0\.0\.1:15010: connect: connection refused|lookup \S+ on \S+: .*operation was canceled/.test(
    text,
  );
