import type { RegistryRow } from '../../api/node.ts';
import { certificatesInUse } from '../../causes/tls.ts';
import { carryBy } from '../../engine/findings.ts';
import { originOf, partyName } from '../../evidence/origin.ts';
import { probesOf } from '../../evidence/view.ts';
import { safeLine } from '../../lib/redact.ts';
import { tenth } from '../../lib/time.ts';
import type { CauseId, Layer } from '../../model/cause-id.ts';
import type { CertificateFacts, ProbeKind, RateLimitFacts } from '../../model/facts.ts';
import type { AnyDoneProbe, Finding, Investigation, JudgedEndpoint } from '../../model/investigation.ts';

/** What one check found of a registry: an investigation that went no further than the registry itself. Pure. */
export interface RegistryHealth {
  readonly verdict: RegistryRow['verdict'];
  /** Of the first finding; null when healthy, or nothing was found out. */
  readonly cause: CauseId | null;
  readonly summary: string;
  /** The primary one first. */
  readonly findings: readonly Finding[];
  readonly hops: RegistryRow['hops'];
  readonly latencyMs: RegistryRow['latencyMs'];
  /** The first end of a certificate in use. */
  readonly certificate: { readonly notAfter: string; readonly subject: string } | null;
  readonly rateLimit: ToldLimit | null;
  readonly mirrors: RegistryRow['mirrors'];
}

/** Rows are for people: an investigation of a hostile registry may have hundreds of hops. */
const mostHops = 32;
const mostFindings = 16;
const mostMirrors = 16;

/** What lies between the node and the registry's own answer. */
const wayLayers: ReadonlySet<Layer> = new Set<Layer>(['endpoint', 'dns', 'tcp', 'proxy', 'tls', 'registry']);

/** What the node's own settings or clock do to one registry; the rest of the node is looked at by itself. */
const nodeCauses: ReadonlySet<CauseId> = new Set<CauseId>([
  'clock-skew',
  'runtime-misconfigured',
  'registry-blocked',
  'proxy-misconfigured',
]);

/**
 * Judges the registry by itself: the investigation's own verdict is about an image, which nobody asked for. One endpoint
 * that answers serves; a mirror that fails beside it is `mirror-failed`, and so is an upstream that is meant to be reached
 * only by its mirror no fault at all.
 */
export function registryHealthOf(document: Investigation, registry: string): RegistryHealth {
  const told = document.findings.filter((finding) => isOfRegistry(document, finding));
  const answering = document.endpoints.map((info, endpoint) => answers(document, info, endpoint));
  const serving = answering.indexOf('healthy');
  const findings = [...faultsOf(told, document, serving), ...told.filter(({ severity }) => severity === 'degraded')];
  const shown = unique(findings).slice(0, mostFindings);
  const [first] = shown;
  const verdict =
    first?.severity === 'fault'
      ? 'faulty'
      : first !== undefined
        ? 'degraded'
        : serving >= 0
          ? 'healthy'
          : 'inconclusive';
  const counted = document.endpoints[serving >= 0 ? serving : document.endpoints.length - 1];
  return {
    verdict,
    cause: first?.cause ?? null,
    summary: first?.summary ?? wordsOf(registry, serving >= 0 ? counted : undefined),
    findings: shown,
    hops: hopsOf(document),
    latencyMs: latencyOf(document, counted, serving >= 0 ? serving : document.endpoints.length - 1),
    certificate: certificateOf(document),
    rateLimit: rateLimitOf(document),
    mirrors: document.endpoints
      .flatMap(({ url, role }, endpoint) =>
        role === 'mirror' ? [{ url: safeLine(url, 300), verdict: answering[endpoint] ?? 'skipped' }] : [],
      )
      .slice(0, mostMirrors),
  };
}

function isOfRegistry(document: Investigation, { cause, layer, endpoint }: Finding): boolean {
  // It may be about an image, which is not asked for here.
  if (cause === 'unknown') return endpoint !== null && !isPinged(document, endpoint);
  return wayLayers.has(layer) || nodeCauses.has(cause);
}

function isPinged(document: Investigation, endpoint: number): boolean {
  return probesOf(document, 'registry').some(
    (probe) => probe.endpoint === endpoint && !probe.counterfactual && probe.status === 'ok',
  );
}

function answers(document: Investigation, info: JudgedEndpoint, endpoint: number): JudgedEndpoint['verdict'] {
  const fault = (finding: Finding): boolean => finding.endpoint === endpoint && finding.severity === 'fault';
  if (info.blocked || document.findings.some((finding) => fault(finding) && isOfRegistry(document, finding)))
    return 'faulty';
  return isPinged(document, endpoint) ? 'healthy' : 'skipped';
}

/** What stops every pull from this registry, or what a broken mirror is beside an endpoint that answers. */
function faultsOf(told: readonly Finding[], document: Investigation, serving: number): Finding[] {
  const faults = told.filter(({ severity }) => severity === 'fault');
  if (serving < 0) return faults;
  const own = faults.filter(({ endpoint }) => endpoint === null);
  const next = document.endpoints[serving]?.url ?? '';
  return [
    ...own,
    ...faults.flatMap((finding) => {
      const { endpoint } = finding;
      const info = endpoint === null ? undefined : document.endpoints[endpoint];
      // Behind a mirror that answers, closed networks have upstreams that cannot be reached.
      if (info === undefined || info.role === 'upstream') return [];
      const args = {
        host: nameOf(info.url),
        source: info.source,
        detail: `${nameOf(next)} answers in its place, after the time that this one costs`,
      };
      return [{ ...carryBy('mirror-failed', finding, args), severity: 'degraded' as const }];
    }),
  ];
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ cause, host, endpoint }) => {
    const key = `${cause} ${host} ${endpoint}`;
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}

function wordsOf(registry: string, serving: JudgedEndpoint | undefined): string {
  if (serving === undefined) return `It could not be found out whether ${registry} can be reached.`;
  return serving.role === 'mirror'
    ? `${registry} is served by its mirror ${nameOf(serving.url)}.`
    : `${registry} answers.`;
}

function nameOf(url: string): string {
  const origin = originOf(url);
  return origin === null ? url : partyName(origin);
}

/** Kinds of probes that are hops of the way. */
const hopKinds: ReadonlySet<ProbeKind> = new Set<ProbeKind>(['dns', 'tcp', 'proxy', 'tls', 'registry']);

function hopsOf({ probes }: Investigation): RegistryRow['hops'] {
  return probes
    .filter(({ kind, counterfactual }) => hopKinds.has(kind) && !counterfactual)
    .slice(0, mostHops)
    .map(({ hop, target, status, durationMs, error }) => ({
      hop,
      target: safeLine(target, 300),
      status,
      durationMs: tenth(durationMs),
      error: error === null ? null : safeLine(error.message, 500),
    }));
}

/** The times of the way that counts: of the nameserver that is asked first, the nearest address, its handshake, its answer. */
function latencyOf(
  document: Investigation,
  counted: JudgedEndpoint | undefined,
  endpoint: number,
): RegistryRow['latencyMs'] {
  const origin = counted === undefined ? null : originOf(counted.url);
  if (counted === undefined || origin === null) return { dns: null, tcp: null, tls: null, registry: null };
  const connect = counted.proxy === null ? origin : (originOf(counted.proxy) ?? origin);
  const asked = probesOf(document, 'dns').filter(({ facts }) => facts.host === connect.host && facts.order >= 0);
  const order = Math.min(...asked.filter(worked).map(({ facts }) => facts.order));
  const first = asked.filter(({ facts }) => facts.order === order && facts.addresses.length > 0);
  const tcp = probesOf(document, 'tcp').filter(
    ({ facts }) => facts.host === connect.host && facts.port === connect.port,
  );
  const tls = probesOf(document, 'tls').filter(({ facts }) => facts.host === origin.host && facts.port === origin.port);
  const pings = probesOf(document, 'registry').filter((probe) => probe.endpoint === endpoint);
  return { dns: least(first), tcp: least(tcp), tls: least(tls), registry: least(pings) };
}

function least(probes: readonly AnyDoneProbe[]): number | null {
  const times = probes.filter((probe) => worked(probe) && !probe.counterfactual).map(({ durationMs }) => durationMs);
  return times.length === 0 ? null : tenth(Math.min(...times));
}

function worked({ status }: AnyDoneProbe): boolean {
  return status === 'ok';
}

/** The first end among the certificates that connections of this registry go by, mirrors' included. */
function certificateOf(document: Investigation): RegistryHealth['certificate'] {
  const used = probesOf(document, 'tls')
    .filter(({ counterfactual, facts }) => !counterfactual && !facts.verificationOff)
    .flatMap(({ facts }) => certificatesInUse(facts))
    .filter(({ notAfter }) => !Number.isNaN(Date.parse(notAfter)));
  const first = used.reduce<CertificateFacts | null>(
    (least, one) => (least === null || Date.parse(one.notAfter) < Date.parse(least.notAfter) ? one : least),
    null,
  );
  return first === null
    ? null
    : { notAfter: new Date(first.notAfter).toISOString(), subject: safeLine(first.subject, 300) };
}

/** What a registry's answer said of its quota. */
export interface ToldLimit {
  readonly said: NonNullable<RegistryRow['rateLimit']>;
  /** Epoch milliseconds; null: nothing says when the window starts anew. */
  readonly resetAtMs: number | null;
}

/** What the last answer that tells of a quota says. */
export function rateLimitOf(document: Investigation): ToldLimit | null {
  const told = document.probes.flatMap((probe): RateLimitFacts[] => {
    if (probe.status === 'skipped' || probe.counterfactual) return [];
    if (probe.kind !== 'registry' && probe.kind !== 'manifest' && probe.kind !== 'auth') return [];
    const { rateLimit } = probe.facts;
    return rateLimit !== null && (rateLimit.limit !== null || rateLimit.remaining !== null) ? [rateLimit] : [];
  });
  const last = told.at(-1);
  if (last === undefined) return null;
  const { limit, remaining, windowSeconds, source, resetAtMs = null } = last;
  return { said: { limit, remaining, windowSeconds, source }, resetAtMs };
}
