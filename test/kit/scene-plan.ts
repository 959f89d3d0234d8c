import type { View } from '../../src/evidence/view.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { CredentialLifetimeInfo, EndpointInfo, PlanBody } from '../../src/model/plan.ts';
import type { Problem } from '../../src/model/problem.ts';

/** The plan, as far as a test cares. */
export interface SceneOptions {
  /** Default `registry.test/team/app:1.0`. */
  readonly image?: string;
  /** Default: the image's registry alone. */
  readonly endpoints?: readonly (Partial<EndpointInfo> & { readonly url: string })[];
  /** Default: one, 192.0.2.53. */
  readonly nameservers?: readonly string[];
  /** Users of matching credentials, in the order in which they are tried. */
  readonly users?: readonly string[];
  /** What each of them says of its own time. */
  readonly lifetimes?: readonly CredentialLifetimeInfo[];
  /** The first of them has neither user name nor password. */
  readonly emptyEntry?: boolean;
  /** The kubelet's settings that are not its defaults. */
  readonly kubelet?: Partial<PlanBody['kubelet']>;
  readonly credentialHosts?: PlanBody['credentialHosts'];
  readonly pod?: NonNullable<PlanBody['pod']>;
  readonly knownProxies?: PlanBody['knownProxies'];
  readonly sandboxImage?: NonNullable<PlanBody['sandboxImage']>;
  readonly policy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly problems?: readonly Problem[];
  readonly platform?: string;
  readonly accepts?: readonly string[];
  readonly runtime?: View['runtime'];
  /** Epoch ms; default 2026-11-22 08:00 UTC. */
  readonly startedAtMs?: number;
}

/** The plan of an image, right in all that the options do not say. */
export function planOf(input: string, options: SceneOptions): PlanBody {
  const parsed = parseReference(input);
  const image = parsed.ok ? parsed.value : null;
  const registry = image?.domain ?? null;
  const platform = options.platform ?? 'linux/amd64';
  const users = options.users ?? [];
  const endpoints = options.endpoints ?? (registry === null ? [] : [{ url: `https://${registry}/v2` }]);
  return {
    image: {
      input,
      normalized: image?.normalized ?? null,
      registry,
      repository: image?.path ?? null,
      tag: image?.tag ?? null,
      digest: image?.digest ?? null,
    },
    platform: { input: platform, normalized: platform, accepts: options.accepts ?? [platform] },
    shortName: null,
    kubelet: {
      serializeImagePulls: { value: true, source: 'default' },
      maxParallelImagePulls: { value: null, source: 'default' },
      registryPullQPS: { value: 5, source: 'default' },
      registryBurst: { value: 10, source: 'default' },
      imagePullCredentialsVerificationPolicy: { value: 'NeverVerifyPreloadedImages', source: 'default' },
      ...options.kubelet,
    },
    pullPolicy: { policy: options.policy ?? 'IfNotPresent', source: '--pull-policy' },
    endpoints: endpoints.map((endpoint) => ({
      reference: image?.normalized ?? '',
      role: 'upstream',
      source: 'default',
      capabilities: ['pull', 'resolve'],
      skipVerify: false,
      insecure: false,
      httpFallback: false,
      ca: [],
      client: [],
      dialTimeoutMs: null,
      headers: [],
      blocked: false,
      proxy: null,
      proxyReason: 'no proxy is set',
      ...endpoint,
    })),
    hosts: [],
    nameservers: (options.nameservers ?? ['192.0.2.53']).map((address, index) => ({
      address,
      port: 53,
      source: `etc/resolv.conf:${index + 1}`,
    })),
    searchDomains: [],
    resolver: { ndots: 1, timeoutMs: 5000, attempts: 2, rotate: false, singleRequest: false, useTcp: false },
    trustStore: { files: ['etc/ssl/certs/ca-certificates.crt'], certificates: 140 },
    credentials:
      users[0] === undefined
        ? null
        : {
            source: '--auth-file',
            username: users[0],
            matches: users.map((username, index) => {
              const lifetime = options.lifetimes?.[index];
              const empty = options.emptyEntry === true && index === 0 ? { empty: true as const } : {};
              const match = { key: registry ?? '', source: '--auth-file', username, ...empty };
              return lifetime === undefined ? match : { ...match, lifetime };
            }),
          },
    credentialHosts: options.credentialHosts ?? [],
    ...(options.pod === undefined ? {} : { pod: options.pod }),
    knownProxies: options.knownProxies ?? [],
    ...(options.sandboxImage === undefined ? {} : { sandboxImage: options.sandboxImage }),
    problems: options.problems ?? [],
  };
}
