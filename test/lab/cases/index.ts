import type { LabCase } from '../case.ts';
import { cases as accessDenied } from './access-denied.ts';
import { cases as authServiceUnreachable } from './auth-service-unreachable.ts';
import { cases as backOffOnly } from './back-off-only.ts';
import { cases as blobUnreachable } from './blob-unreachable.ts';
import { cases as clockSkew } from './clock-skew.ts';
import { cases as composites } from './composites.ts';
import { cases as credentialProviderFailed } from './credential-provider-failed.ts';
import { cases as credentialsExpired } from './credentials-expired.ts';
import { cases as credentialsMissing } from './credentials-missing.ts';
import { cases as credentialsRejected } from './credentials-rejected.ts';
import { cases as diskFull } from './disk-full.ts';
import { cases as dnsInconsistent } from './dns-inconsistent.ts';
import { cases as dnsNameNotFound } from './dns-name-not-found.ts';
import { cases as dnsRefused } from './dns-refused.ts';
import { cases as dnsServerFailure } from './dns-server-failure.ts';
import { cases as dnsTimeout } from './dns-timeout.ts';
import { cases as filesystemError } from './filesystem-error.ts';
import { cases as healthy } from './healthy.ts';
import { cases as hopsMirrors } from './hops-mirrors.ts';
import { cases as hopsUpstream } from './hops-upstream.ts';
import { cases as httpOnHttps } from './http-on-https.ts';
import { cases as imageCredentialsUnverified } from './image-credentials-unverified.ts';
import { cases as imageNeverPull } from './image-never-pull.ts';
import { cases as invalidImageName } from './invalid-image-name.ts';
import { cases as manifestUnsupported } from './manifest-unsupported.ts';
import { cases as mirrorFailed } from './mirror-failed.ts';
import { cases as mtuBlackHole } from './mtu-black-hole.ts';
import { cases as noRoute } from './no-route.ts';
import { cases as platformMismatch } from './platform-mismatch.ts';
import { cases as proxyAuthRequired } from './proxy-auth-required.ts';
import { cases as proxyBypassMissing } from './proxy-bypass-missing.ts';
import { cases as proxyDenied } from './proxy-denied.ts';
import { cases as proxyMisconfigured } from './proxy-misconfigured.ts';
import { cases as proxyRequired } from './proxy-required.ts';
import { cases as proxyUnreachable } from './proxy-unreachable.ts';
import { cases as pullCanceled } from './pull-canceled.ts';
import { cases as pullPolicyAlways } from './pull-policy-always.ts';
import { cases as pullQpsExceeded } from './pull-qps-exceeded.ts';
import { cases as pullQueued } from './pull-queued.ts';
import { cases as pullSecretInvalid } from './pull-secret-invalid.ts';
import { cases as pullStalled } from './pull-stalled.ts';
import { cases as pullTimeout } from './pull-timeout.ts';
import { cases as rateLimited } from './rate-limited.ts';
import { cases as registryError } from './registry-error.ts';
import { cases as registryInvalidResponse } from './registry-invalid-response.ts';
import { cases as registryTimeout } from './registry-timeout.ts';
import { cases as repositoryNotFound } from './repository-not-found.ts';
import { cases as repositoryNotFoundOrPrivate } from './repository-not-found-or-private.ts';
import { cases as runtimeDiffers } from './runtime-differs.ts';
import { cases as runtimeMisconfigured } from './runtime-misconfigured.ts';
import { cases as runtimeUnreachable } from './runtime-unreachable.ts';
import { cases as runtimeVersions } from './runtime-versions.ts';
import { cases as sandboxImageUnavailable } from './sandbox-image-unavailable.ts';
import { cases as snapshotterUnavailable } from './snapshotter-unavailable.ts';
import { cases as someAddressesUnreachable } from './some-addresses-unreachable.ts';
import { cases as sourceAddressBlocked } from './source-address-blocked.ts';
import { cases as tagNotFound } from './tag-not-found.ts';
import { cases as tcpRefused } from './tcp-refused.ts';
import { cases as tcpReset } from './tcp-reset.ts';
import { cases as tcpTimeout } from './tcp-timeout.ts';
import { cases as tlsCertificateExpired } from './tls-certificate-expired.ts';
import { cases as tlsCertificateExpiring } from './tls-certificate-expiring.ts';
import { cases as tlsCertificateNotYetValid } from './tls-certificate-not-yet-valid.ts';
import { cases as tlsHandshakeFailed } from './tls-handshake-failed.ts';
import { cases as tlsHostnameMismatch } from './tls-hostname-mismatch.ts';
import { cases as tlsIntercepted } from './tls-intercepted.ts';
import { cases as tlsUnknownAuthority } from './tls-unknown-authority.ts';
import { cases as unknown } from './unknown.ts';
import { cases as unpackFailed } from './unpack-failed.ts';

/** Every case of the lab, by the file it is in: what is healthy, then each cause with its near misses. */
export const allCases: Readonly<Record<string, readonly LabCase[]>> = {
  healthy,
  'access-denied': accessDenied,
  'auth-service-unreachable': authServiceUnreachable,
  'back-off-only': backOffOnly,
  'blob-unreachable': blobUnreachable,
  'clock-skew': clockSkew,
  'credential-provider-failed': credentialProviderFailed,
  'credentials-expired': credentialsExpired,
  composites,
  'credentials-missing': credentialsMissing,
  'credentials-rejected': credentialsRejected,
  'disk-full': diskFull,
  'dns-inconsistent': dnsInconsistent,
  'dns-name-not-found': dnsNameNotFound,
  'dns-refused': dnsRefused,
  'dns-server-failure': dnsServerFailure,
  'dns-timeout': dnsTimeout,
  'filesystem-error': filesystemError,
  'hops-mirrors': hopsMirrors,
  'hops-upstream': hopsUpstream,
  'http-on-https': httpOnHttps,
  'image-credentials-unverified': imageCredentialsUnverified,
  'image-never-pull': imageNeverPull,
  'invalid-image-name': invalidImageName,
  'manifest-unsupported': manifestUnsupported,
  'mirror-failed': mirrorFailed,
  'mtu-black-hole': mtuBlackHole,
  'no-route': noRoute,
  'platform-mismatch': platformMismatch,
  'proxy-auth-required': proxyAuthRequired,
  'proxy-bypass-missing': proxyBypassMissing,
  'proxy-denied': proxyDenied,
  'proxy-misconfigured': proxyMisconfigured,
  'proxy-required': proxyRequired,
  'proxy-unreachable': proxyUnreachable,
  'pull-policy-always': pullPolicyAlways,
  'pull-canceled': pullCanceled,
  'pull-qps-exceeded': pullQpsExceeded,
  'pull-queued': pullQueued,
  'pull-stalled': pullStalled,
  'pull-timeout': pullTimeout,
  'pull-secret-invalid': pullSecretInvalid,
  'rate-limited': rateLimited,
  'registry-error': registryError,
  'registry-invalid-response': registryInvalidResponse,
  'registry-timeout': registryTimeout,
  'repository-not-found': repositoryNotFound,
  'repository-not-found-or-private': repositoryNotFoundOrPrivate,
  'runtime-differs': runtimeDiffers,
  'runtime-misconfigured': runtimeMisconfigured,
  'runtime-unreachable': runtimeUnreachable,
  'runtime-versions': runtimeVersions,
  'sandbox-image-unavailable': sandboxImageUnavailable,
  'snapshotter-unavailable': snapshotterUnavailable,
  'some-addresses-unreachable': someAddressesUnreachable,
  'source-address-blocked': sourceAddressBlocked,
  'tag-not-found': tagNotFound,
  'tcp-refused': tcpRefused,
  'tcp-reset': tcpReset,
  'tcp-timeout': tcpTimeout,
  'tls-certificate-expired': tlsCertificateExpired,
  'tls-certificate-expiring': tlsCertificateExpiring,
  'tls-certificate-not-yet-valid': tlsCertificateNotYetValid,
  'tls-handshake-failed': tlsHandshakeFailed,
  'tls-hostname-mismatch': tlsHostnameMismatch,
  'tls-intercepted': tlsIntercepted,
  'tls-unknown-authority': tlsUnknownAuthority,
  unknown,
  'unpack-failed': unpackFailed,
};
