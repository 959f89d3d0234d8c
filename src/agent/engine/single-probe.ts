import type { ProbeName, ProbesDocument } from '../../api/probes.ts';
import { originOf } from '../../evidence/origin.ts';
import { parseReference } from '../../image/reference.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { ProbeKind } from '../../model/facts.ts';
import type { Investigation, ProbeResult, SkippedProbe } from '../../model/investigation.ts';

/** What each needs before it, and itself. */
const kindsOf: Readonly<Record<ProbeName, readonly ProbeKind[]>> = {
  dns: ['dns'],
  tcp: ['dns', 'tcp'],
  proxy: ['dns', 'tcp', 'proxy'],
  tls: ['dns', 'tcp', 'proxy', 'tls'],
  registry: ['dns', 'tcp', 'proxy', 'tls', 'registry'],
};

/** The kinds of probes that are made for one. */
export function kindsOfProbe(probe: ProbeName): ReadonlySet<ProbeKind> {
  return new Set(kindsOf[probe]);
}

/** What a registry is checked by, without a word about any image of it. */
export const kindsOfRegistry: ReadonlySet<ProbeKind> = new Set([...kindsOf.registry, 'small', 'clock']);

/** All parties that a pull leads to, by what the registry says now: token service and content hosts, too. */
export const kindsOfParties: ReadonlySet<ProbeKind> = new Set([...kindsOf.registry, 'auth', 'manifest', 'blob']);

/**
 * Docker Hub tells of its quota only in answers about manifests. This one is for asking, and HEAD is not counted
 * (pull-facts, section 12; docs.docker.com/docker-hub/usage/pulls).
 */
export const hubQuotaImage = 'docker.io/ratelimitpreview/test:latest';
export const kindsOfHub: ReadonlySet<ProbeKind> = new Set<ProbeKind>([...kindsOfRegistry, 'auth', 'manifest']);

/** An image that a registry could have, so that a plan can be made of its name; the failure says what is taken. */
export function targetImage(target: string): Result<string, string> {
  const taken =
    'a registry is named as an image names it: HOST or HOST:PORT, without a scheme and a path, such as registry.corp.example:5000';
  if (/[/@\s]/.test(target)) return fail(`"${target}" is not a registry: ${taken}.`);
  const image = `${target}/pullwhy/probe:latest`;
  const parsed = parseReference(image);
  if (!parsed.ok || originOf(`https://${target}`) === null) return fail(`"${target}" is not a registry: ${taken}.`);
  // A name without a dot or a port is an account of Docker Hub.
  if (parsed.value.path !== 'pullwhy/probe') {
    return fail(`"${target}" would be an account at ${parsed.value.domain}: ${taken}.`);
  }
  return ok(image);
}

/** The answer: the kind that was asked for with those before it. */
export function probesDocument(
  probe: ProbeName,
  target: string,
  { node, probes, endpoints }: Investigation,
  now: number,
): ProbesDocument {
  const own = probes.filter(({ kind }) => kind === probe);
  const shown: readonly ProbeResult[] =
    own.length > 0 ? probes : [...probes, notMade(probe, target, probes, endpoints)];
  const states = own.map(({ status }) => status);
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Probes',
    node,
    at: new Date(now).toISOString(),
    target,
    status: states.includes('failed') ? 'failed' : states.includes('ok') ? 'ok' : 'skipped',
    probes: shown.map((one) => ({ ...one, facts: { ...one.facts } })),
  };
}

/** Why there is none of this kind. */
function notMade(
  kind: ProbeName,
  target: string,
  probes: readonly ProbeResult[],
  endpoints: Investigation['endpoints'],
): SkippedProbe {
  const [first] = endpoints;
  const broken = probes.find(({ status }) => status !== 'ok');
  const plain = first !== undefined && originOf(first.url)?.scheme === 'http';
  const message =
    kind === 'proxy' && first?.proxy === null
      ? `The runtime goes to ${target} directly (${first.proxyReason}).`
      : kind === 'proxy' && plain
        ? `${target} is spoken to in plain HTTP, for which a proxy opens no tunnel.`
        : kind === 'tls' && plain
          ? `${target} is spoken to in plain HTTP.`
          : broken === undefined
            ? "There is no way to it in this node's configuration."
            : `What comes before it does not pass (${broken.kind}).`;
  return {
    id: `p${probes.length + 1}`,
    kind,
    target,
    hop: kind === 'proxy' ? 'proxy' : 'registry',
    endpoint: null,
    counterfactual: false,
    startedMs: 0,
    durationMs: 0,
    status: 'skipped',
    error: { code: 'not-checked', message },
    facts: {},
  };
}
