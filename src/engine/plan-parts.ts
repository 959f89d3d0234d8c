import { originOf } from '../evidence/origin.ts';
import {
  acceptedPlatforms,
  armVariant,
  formatPlatform,
  hostPlatform,
  type PlatformRules,
  parsePlatform,
} from '../image/platform.ts';
import { defaultPullPolicy } from '../image/pull-policy.ts';
import { type ImageReference, parseReference } from '../image/reference.ts';
import type { PlanBody, PlatformInfo, PolicyInfo } from '../model/plan.ts';
import type { HostFiles } from '../node/host-files.ts';
import { lookupNames, type NodeResolver } from '../node/resolver.ts';
import type { RuntimePlan } from '../node/runtime-plan.ts';

/** The image as documents show it. All parts are null when the name does not parse, or a short name has no single result. */
export function imageOf(input: string, reference: ImageReference | null, files: RuntimePlan): PlanBody['image'] {
  // CRI-O turns a short name into another than Docker's docker.io/library/NAME.
  const candidate = files.shortName?.candidates[0];
  const resolved = candidate === undefined ? null : parseReference(candidate);
  const from = resolved?.ok === true ? resolved.value : reference;
  // A broken file of CRI-O's leaves a short name without a result too.
  const unresolved =
    (files.shortName !== null && files.shortName.candidates.length === 0) ||
    files.problems.some(
      ({ cause, severity }) =>
        (cause === 'short-name-unresolved' || cause === 'invalid-image-name') && severity === 'error',
    );
  if (from === null || unresolved) {
    return { input, normalized: null, registry: null, repository: null, tag: null, digest: null };
  }
  return {
    input,
    normalized: from.normalized,
    registry: from.domain,
    repository: from.path,
    tag: from.tag,
    digest: from.digest,
  };
}

/** The platform that is pulled for: `--platform`, or this node's own (of 32-bit arm with the variant from /proc/cpuinfo). */
export async function platformInfo(
  given: string | null,
  host: HostFiles,
  { arch, platform, machine }: { readonly arch: string; readonly platform: string; readonly machine: string },
  rules: PlatformRules,
): Promise<PlatformInfo> {
  const parsed = given === null ? null : parsePlatform(given);
  if (given !== null && parsed?.ok === true) {
    return { input: given, normalized: formatPlatform(parsed.value), accepts: acceptedPlatforms(parsed.value, rules) };
  }
  const variant = arch === 'arm' ? armVariant(await cpuinfo(host), machine) : null;
  const own = hostPlatform(arch, platform, variant);
  return { input: formatPlatform(own), normalized: formatPlatform(own), accepts: acceptedPlatforms(own, rules) };
}

async function cpuinfo(host: HostFiles): Promise<string> {
  const text = await host.readText('/proc/cpuinfo');
  return text.ok ? text.value : '';
}

/** The policy that was given, or the default. */
export function policyOf(given: PolicyInfo['policy'] | null, reference: ImageReference | null): PolicyInfo {
  if (given !== null) return { policy: given, source: '--pull-policy' };
  const policy = defaultPullPolicy(reference);
  return policy === 'Always'
    ? { policy, source: 'the default for the tag latest' }
    : { policy, source: 'the default for a tag other than latest, or a digest' };
}

/** Every party that the plan knows: the endpoints' hosts, and the proxies that are used to reach them. */
export function hostsOf(endpoints: PlanBody['endpoints'], resolver: NodeResolver): PlanBody['hosts'] {
  const hosts = new Map<string, PlanBody['hosts'][number]>();
  const add = (url: string, proxy: string | null, proxyReason: string): void => {
    const origin = originOf(url);
    if (origin === null) return;
    const key = `${origin.scheme} ${origin.host} ${origin.port}`;
    if (!hosts.has(key)) hosts.set(key, { ...origin, proxy, proxyReason, lookups: lookupNames(resolver, origin.host) });
  };
  for (const { url, proxy, proxyReason } of endpoints) add(url, proxy, proxyReason);
  for (const { proxy } of endpoints) if (proxy !== null) add(proxy, null, 'it is the proxy');
  return [...hosts.values()];
}
