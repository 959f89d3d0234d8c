import { awaitsPlugins, isKubelets } from '../evidence/credential-matches.ts';
import { askedElsewhere, waysToCompare } from '../evidence/elsewhere.ts';
import { type IdentityTrack, requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { endpointWay, wayTo } from '../evidence/ways.ts';
import { matchPlatform, parsePlatform } from '../image/platform.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import type { Secret } from '../lib/secret.ts';
import type { BlobDescriptor, ManifestFacts } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import type { EndpointInfo } from '../model/plan.ts';
import { checkDigest } from '../registry/digest.ts';
import { headerOf } from '../registry/exchange.ts';
import { type Descriptor, type Manifest, parseManifest } from '../registry/manifest.ts';
import { containerdAccept, criOAccept } from '../registry/media-types.ts';
import { needsNamespace, repositoryUrls } from '../registry/urls.ts';
import { authorizationOf, shownNameAt, staysAt } from './authorization.ts';
import type { ProbeContext } from './context.ts';
import { configuredHeaders, type ProbeAnswer, sendRequest } from './http-request.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';
import { challengeFacts } from './registry.ts';

interface ManifestInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  readonly reference: string;
  readonly part: 'named' | 'platform';
  readonly identity: number;
  readonly authorization: 'none' | 'basic' | 'bearer';
  readonly redirects: number;
  /** Whether it is given is all that is asked. */
  readonly headOnly?: boolean;
  /** The probe whose redirect leads here. */
  readonly from: string | null;
}

const patienceMs = 4000;

/** Asks for the manifest: HEAD, as containerd resolves, then GET, whose body decides. */
export const manifestProbe: Probe<'manifest', ManifestInput> = {
  kind: 'manifest',
  title: 'Manifest',
  cost: 'network',
  budgetMs: 2 * patienceMs,
  proves: {
    ok: 'the registry gives this manifest to this identity',
    failed: 'the registry says why it does not: not there, not allowed, too many requests, or its own failure',
  },
  inputs: (view) => view.plan.endpoints.flatMap((_, endpoint) => inputsAt(view, endpoint)),
  run: async (input, context, signal) => {
    const url = urlOf(input, context);
    const authorization = authorizationOf(input, context);
    if (url === null || authorization === undefined)
      return { status: 'skipped', message: 'What it needs is not known any more.' };
    const accept = context.runtimeName === 'cri-o' ? criOAccept : containerdAccept;
    const own: Record<string, string | Secret> = {
      ...configuredHeaders(context, input.way.endpoint),
      accept,
      ...(authorization === null ? {} : { authorization }),
    };
    const headers = input.from === null || staysAt(input.way.endpoint, url, context) ? own : { accept };
    let headStatus: number | null = null;
    let failing: ProbeAnswer | null = null;
    const headOnly = context.headOnly === true || input.headOnly === true;
    // CRI-O asks by GET at once.
    if (input.part === 'named' && input.from === null && (headOnly || context.runtimeName !== 'cri-o')) {
      const head = await sendRequest(
        input.way,
        input.address,
        { method: 'HEAD', url, headers, maxBytes: 0, timeoutMs: context.patience(patienceMs) },
        context,
        signal,
      );
      headStatus = head.facts.status;
      // No answer, a redirect or "too many requests": a second request would tell nothing more.
      if (headStatus === null || headStatus === 429 || head.facts.next !== null)
        return conclude(input, head, headStatus, context);
      if (headOnly && headStatus !== 405) return conclude(input, head, headStatus, context);
      if (headStatus >= 500) failing = head;
    }
    const get = await sendRequest(
      input.way,
      input.address,
      { method: 'GET', url, headers, maxBytes: limits.manifestBytes, timeoutMs: context.patience(patienceMs) },
      context,
      signal,
    );
    // GET brings the words to a failure; one that HEAD alone meets is a failure all the same.
    return conclude(input, get.error === null ? (failing ?? get) : get, headStatus, context);
  },
};

function conclude(
  input: ManifestInput,
  answer: ProbeAnswer,
  headStatus: number | null,
  context: ProbeContext,
): Outcome<'manifest'> {
  const { reference, part, identity, authorization, redirects } = input;
  const headers = answer.exchange?.headers ?? {};
  const challenges = challengeFacts(headers, context);
  const base: ManifestFacts = {
    ...answer.facts,
    reference,
    part,
    identity: { index: identity, username: shownNameAt(context, identity) },
    authorization,
    redirects,
    headStatus,
    challenges,
    kind: null,
    digest: null,
    digestMatches: null,
    platforms: [],
    chosen: null,
    config: null,
    layers: [],
  };
  const failed = (error: WireError): Outcome<'manifest'> => ({ status: 'failed', error, facts: base });
  if (answer.error !== null) {
    // The bare request of a runtime only fetches the challenge.
    const answerable = challenges.some(({ scheme }) => scheme === 'bearer' || (scheme === 'basic' && identity >= 0));
    const bare = authorization === 'none' && answer.facts.status === 401 && answerable;
    return bare ? { status: 'ok', error: null, facts: base } : failed(answer.error);
  }
  if (answer.facts.next !== null) {
    return redirects < limits.redirects
      ? { status: 'ok', error: null, facts: base }
      : failed({ code: 'redirect-loop', message: `more than ${limits.redirects} redirects` });
  }
  if ((context.headOnly === true || input.headOnly === true) && answer.facts.method === 'HEAD')
    return { status: 'ok', error: null, facts: base };
  if (headStatus !== null && headStatus >= 400 && !asksAgain.has(headStatus)) {
    const message = `HEAD is answered ${headStatus} and GET ${answer.facts.status}; containerd resolves by HEAD, and goes no further`;
    return failed({ code: 'body-invalid', message });
  }
  const body = answer.exchange?.body ?? Buffer.alloc(0);
  const parsed = parseManifest(body, headerOf(headers, 'content-type'), headerOf(headers, 'docker-content-digest'));
  if (!parsed.ok) {
    const facts = { ...base, bodyFormat: parsed.error.kind === 'html' ? 'html' : base.bodyFormat };
    return { status: 'failed', error: { code: 'body-invalid', message: parsed.error.message }, facts };
  }
  const wantedDigest = reference.includes(':') ? reference : null;
  const digestMatches = wantedDigest === null ? null : checkDigest(body, wantedDigest).matches;
  const facts = { ...base, ...contentOf(parsed.value, context), digestMatches };
  if (digestMatches === false) {
    return {
      status: 'failed',
      error: { code: 'digest-mismatch', message: `the manifest is ${parsed.value.digest}, not ${reference}` },
      facts,
    };
  }
  const { headerDigestMismatch, contentTypeMismatch, contentType } = parsed.value;
  // CRI-O reads the body alone.
  if (context.runtimeName === 'cri-o') return { status: 'ok', error: null, facts };
  if (wantedDigest === null && headerDigestMismatch) {
    const named = headerOf(headers, 'docker-content-digest') ?? '';
    const message = `the answer names itself ${safeLine(named, 100)}, and the manifest is ${parsed.value.digest}`;
    return { status: 'failed', error: { code: 'digest-mismatch', message }, facts };
  }
  // containerd asks for an index's parts by the type that the index names.
  const mismatch = contentTypeMismatch && part === 'named';
  return {
    status: 'ok',
    error: null,
    facts: mismatch ? { ...facts, mediaType: contentType, typeMismatch: true } : facts,
  };
}

/** Answers to HEAD after which containerd asks once more: by GET (405), or with what a challenge wants (resolver.go, retryRequest). */
const asksAgain: ReadonlySet<number> = new Set([401, 405]);

function contentOf(manifest: Manifest, { plan }: ProbeContext): Partial<ManifestFacts> {
  const { kind, digest } = manifest;
  if (manifest.kind === 'index') {
    const platforms = manifest.entries.map(({ platform }) => platform);
    const wanted = parsePlatform(plan.platform.normalized);
    const index = wanted.ok ? matchPlatform(wanted.value, platforms) : null;
    return {
      kind,
      digest,
      platforms: platforms
        .slice(0, 64)
        .map((platform) =>
          platform === null
            ? 'any'
            : [platform.os, platform.architecture, platform.variant]
                .filter((part) => part !== null && part !== '')
                .join('/'),
        ),
      chosen: index === null ? null : (manifest.entries[index]?.digest ?? null),
    };
  }
  if (manifest.kind === 'image' || manifest.kind === 'artifact') {
    const plain = ({ digest: of, size, mediaType, urls }: Descriptor): BlobDescriptor => ({
      digest: of,
      size,
      mediaType,
      ...(urls.some((url) => /^https?:/i.test(url)) ? { external: true } : {}),
    });
    const layers = manifest.layers.slice(0, 256).map(plain);
    return manifest.kind === 'image'
      ? { kind, digest, config: plain(manifest.config), layers }
      : { kind, digest, artifactType: manifest.artifactType, layers };
  }
  return { kind, digest };
}

function inputsAt(view: View, endpoint: number): ManifestInput[] {
  const info = view.plan.endpoints[endpoint];
  const way = endpointWay(view, endpoint);
  if (info === undefined || way === null) return [];
  const elsewhere = elsewhereInputs(view, endpoint, info);
  const address = stateOf(view, way).open[0];
  if (address === undefined) return elsewhere;
  const requests = requestsOf(view, endpoint);
  // Before the version check has answered it is not known whether credentials are wanted. CRI-O goes no further without
  // its answer; containerd does not make it at all, so that its failure says nothing of the manifest.
  if (requests.ping === null) return elsewhere;
  if (requests.ping.facts.status === null && view.runtime.name === 'cri-o') return elsewhere;
  const base = { hop: way.hop, endpoint, way, address, redirects: 0, from: null };
  const reference = requestedReference(view);
  if (reference === null) return elsewhere;
  const inputs: ManifestInput[] = [];
  const ask = (track: IdentityTrack, counterfactual: boolean): void => {
    const authorization = authorizationFor(requests.challenge?.scheme ?? null, track);
    if (authorization === null) return;
    inputs.push({
      ...base,
      key: `manifest ${endpoint} ${way.id} ${track.index} ${authorization} ${reference}`,
      target: `${nameAt(view, info)}${separator(reference)}${reference}`,
      counterfactual,
      reference,
      part: 'named',
      identity: track.index,
      authorization,
      headOnly: counterfactual && track.index >= 0,
    });
  };
  const waits = awaitsPlugins(view);
  for (const track of requests.identities) {
    // Who asks as nobody, or as the runtime, shows when the plugins have said what they have.
    if (waits && !isKubelets(view, track.index)) break;
    ask(track, false);
    if (!track.refused) break;
  }
  // A pod's other credentials are tried too, by HEAD, which nobody counts: one may take the place of another.
  if (requests.named !== null && requests.challenge !== null && view.plan.pod !== undefined) {
    for (const track of requests.identities) {
      if (track.index > requests.named.facts.identity.index) ask(track, true);
    }
  }
  const allRefused = !waits && requests.named === null && requests.identities.every(({ refused }) => refused);
  if (requests.anonymousInstead !== null && allRefused) ask(requests.anonymousInstead, true);

  const { named } = requests;
  if (named?.facts.kind === 'index' && named.facts.chosen !== null) {
    inputs.push({
      ...base,
      key: `manifest ${endpoint} platform ${named.facts.chosen}`,
      target: `${nameAt(view, info)}@${named.facts.chosen} (${view.plan.platform.normalized})`,
      counterfactual: false,
      reference: named.facts.chosen,
      part: 'platform',
      identity: named.facts.identity.index,
      authorization: named.facts.authorization,
    });
  }
  return [...inputs, ...redirectedInputs(view, endpoint), ...elsewhere];
}

/** The same by each other way that tells more. */
function elsewhereInputs(view: View, endpoint: number, info: EndpointInfo): ManifestInput[] {
  return waysToCompare(view, endpoint).flatMap(({ way, address, asked }) => {
    const reference = asked?.facts.reference ?? requestedReference(view);
    if (reference === null) return [];
    return [
      {
        key: `manifest ${endpoint} elsewhere ${way.id}`,
        target: `${nameAt(view, info)}${separator(reference)}${reference} ${way.proxy === null ? 'directly' : `by ${way.proxy}`}`,
        hop: way.hop,
        endpoint,
        counterfactual: true,
        way,
        address,
        reference,
        part: asked?.facts.part ?? 'named',
        identity: asked?.facts.identity.index ?? -1,
        authorization: asked?.facts.authorization ?? 'none',
        redirects: 0,
        from: null,
      },
    ];
  });
}

/** Manifests that a registry keeps elsewhere: one more probe per redirect hop. */
function redirectedInputs(view: View, endpoint: number): ManifestInput[] {
  const elsewhere = askedElsewhere(view, endpoint).map(({ id }) => id);
  return probesOf(view, 'manifest').flatMap((probe) => {
    const { next, redirects, reference, part, identity, authorization } = probe.facts;
    if (probe.endpoint !== endpoint || next === null || redirects >= limits.redirects) return [];
    if (elsewhere.includes(probe.id)) return [];
    const way = wayTo(view, endpoint, next, 'blob');
    const address = way === null ? undefined : stateOf(view, way).open[0];
    if (way === null || address === undefined) return [];
    return [
      {
        key: `manifest ${endpoint} redirect ${probe.id}`,
        target: next.url,
        hop: way.hop,
        endpoint,
        counterfactual: probe.counterfactual,
        way,
        address,
        reference,
        part,
        identity: identity.index,
        authorization,
        redirects: redirects + 1,
        from: probe.id,
      },
    ];
  });
}

/** How the next request of an identity is authorized; null while its token is not there, or there is nothing left to try. */
function authorizationFor(challenge: string | null, track: IdentityTrack): 'none' | 'basic' | 'bearer' | null {
  if (challenge === null) return 'none';
  if (challenge === 'bearer') return track.token?.facts.granted === true ? 'bearer' : null;
  // A basic challenge that nobody can answer: the bare request shows what the registry says to it.
  return track.index >= 0 ? 'basic' : 'none';
}

function urlOf(input: ManifestInput, context: ProbeContext): URL | null {
  if (input.from !== null) return context.vault.urls.get(input.from) ?? null;
  return endpointUrls(input.way, context)?.manifest(input.reference) ?? null;
}

/** The repository's URLs at an endpoint, as the runtime asks there. */
export function endpointUrls(way: Way, context: ProbeContext): ReturnType<typeof repositoryUrls> {
  const info = context.plan.endpoints[way.endpoint];
  if (info === undefined || !URL.canParse(info.url)) return null;
  const base = new URL(info.url);
  base.protocol = `${way.scheme}:`;
  base.port = String(way.port);
  const registry = context.plan.image.registry ?? '';
  const sendsNamespace = context.runtimeName !== 'cri-o' && needsNamespace(base.host, registry);
  return repositoryUrls({
    base: base.href,
    repository: repositoryAt(context.plan.image.repository ?? '', info, registry),
    namespace: sendsNamespace && needsNamespace(new URL(info.url).host, registry) ? registry : null,
  });
}

/** CRI-O rewrites the repository for a mirror or a location: the endpoint's reference says to what. */
export function repositoryAt(repository: string, info: EndpointInfo, registry: string): string {
  const host = URL.canParse(info.url) ? new URL(info.url).host : '';
  const { reference } = info;
  if (reference.startsWith(`${registry}/`)) return repository;
  if (!reference.startsWith(`${host}/`)) return repository;
  return reference
    .slice(host.length + 1)
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '');
}

/** The digest wins over the tag, as in every runtime (pull-facts, section 10). */
function requestedReference(view: View): string | null {
  return view.plan.image.digest ?? view.plan.image.tag;
}

function nameAt(view: View, info: EndpointInfo): string {
  const host = URL.canParse(info.url) ? new URL(info.url).host : info.url;
  return `${host}/${repositoryAt(view.plan.image.repository ?? '', info, view.plan.image.registry ?? '')}`;
}

function separator(reference: string): string {
  return reference.includes(':') ? '@' : ':';
}
