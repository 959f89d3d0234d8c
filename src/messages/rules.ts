import { containerdRules, transferRules } from './containerd.ts';
import { crioRules } from './crio.ts';
import { httpRules, proxyRules, tlsRules } from './go-http.ts';
import { dnsRules, tcpRules } from './go-net.ts';
import { kubeletRestRules, kubeletRules } from './kubelet.ts';
import { manifestRules } from './manifests.ts';
import { authRules, notFoundRules, rateRules, strangerRules } from './registries.ts';
import { statusRules } from './registry-status.ts';
import type { Rule } from './rule.ts';
import { runtimeRules } from './runtime.ts';
import { fullRules, snapshotterRules, storageRules } from './storage.ts';
import { x509Rules } from './x509.ts';

/**
 * Every rule, in the order in which they are searched. What names a cause outright stands before what only shows a
 * symptom: a full disk before the layer that could not be unpacked, a registry's word before its status, an error of
 * the network before the wrapper that says that something was not fetched.
 */
export const rules: readonly Rule[] = [
  ...kubeletRules,
  ...fullRules,
  ...crioRules,
  ...manifestRules,
  ...containerdRules,
  ...snapshotterRules,
  ...runtimeRules,
  ...dnsRules,
  ...proxyRules,
  ...x509Rules,
  ...tlsRules,
  ...tcpRules,
  ...httpRules,
  ...rateRules,
  ...notFoundRules,
  ...authRules,
  ...statusRules,
  ...strangerRules,
  ...storageRules,
  ...transferRules,
  ...kubeletRestRules,
];
