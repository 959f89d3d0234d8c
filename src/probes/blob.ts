import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { endpointWay, plainInstead, wayTo } from '../evidence/ways.ts';
import { isRecord, parseJson, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import type { Secret } from '../lib/secret.ts';
import type { BlobFacts } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import { undoCoding } from '../registry/content-coding.ts';
import { checkDigest } from '../registry/digest.ts';
import { checkLayer } from '../registry/layer-archive.ts';
import { authorizationOf, staysAt } from './authorization.ts';
import { configuredHeaders, type ProbeAnswer, sendRequest } from './http-request.ts';
import { endpointUrls } from './manifest.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';

interface BlobInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly part: 'config' | 'layer';
  readonly identity: number;
  readonly authorization: 'none' | 'basic' | 'bearer';
  readonly redirects: number;
  readonly from: string | null;
}

const patienceMs = 4000;

/** Fetches the image's config and the first bytes of a layer, each redirect hop a probe of its own. */
export const blobProbe: Probe<'blob', BlobInput> = {
  kind: 'blob',
  title: 'Config and first bytes of a layer',
  cost: 'network',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'content comes from this host',
    failed: 'the manifest comes and the content behind it does not',
  },
  inputs: (view) =>
    view.plan.endpoints.flatMap((_, endpoint) => [...ownInputs(view, endpoint), ...redirected(view, endpoint)]),
  run: async (input, context, signal) => {
    const url =
      input.from === null ? endpointUrls(input.way, context)?.blob(input.digest) : context.vault.urls.get(input.from);
    if (url === undefined) return { status: 'skipped', message: 'What it needs is not known any more.' };
    const own = input.from === null || staysAt(input.way.endpoint, url, context);
    const authorization = own ? authorizationOf(input, context) : null;
    const headers: Record<string, string | Secret> = {
      ...(own ? configuredHeaders(context, input.way.endpoint) : {}),
      ...(authorization === null || authorization === undefined ? {} : { authorization }),
    };
    // A config is read to its end and checked; of a layer the first bytes prove that it comes.
    const whole = input.part === 'config' && input.size <= limits.configBlobBytes;
    const answer = await sendRequest(
      input.way,
      input.address,
      {
        method: 'GET',
        url,
        headers,
        maxBytes: whole ? limits.configBlobBytes : limits.layerProbeBytes,
        keepPartial: !whole,
        timeoutMs: context.patience(patienceMs),
      },
      context,
      signal,
    );
    return conclude(input, answer, whole, context.runtimeName);
  },
};

function conclude(input: BlobInput, answer: ProbeAnswer, whole: boolean, runtime: string | null): Outcome<'blob'> {
  const { digest, part, redirects, size, mediaType } = input;
  const got = answer.exchange === null ? null : undoCoding(answer.exchange, runtime);
  const body = got?.ok === true ? got.value.body : Buffer.alloc(0);
  const complete = answer.exchange?.bodyComplete === true && answer.facts.status === 200;
  const base: BlobFacts = {
    ...answer.facts,
    digest,
    part,
    redirects,
    bytes: got?.ok === true && got.value.coding !== null ? body.length : (answer.bytes ?? body.length),
    size,
    digestMatches: null,
    platform: null,
  };
  const failed = (error: WireError, facts: BlobFacts = base): Outcome<'blob'> => ({ status: 'failed', error, facts });
  if (answer.error !== null) return failed(answer.error);
  if (answer.facts.next !== null) {
    return redirects < limits.redirects
      ? { status: 'ok', error: null, facts: base }
      : failed({ code: 'redirect-loop', message: `more than ${limits.redirects} redirects` });
  }
  if (got?.ok === false) {
    return failed({ code: 'body-invalid', message: `${short(digest)} says it is ${got.error} and does not unpack` });
  }
  // In a coding that not every runtime undoes the same way, neither length nor digest say anything.
  if (got !== null && !got.value.comparable) return { status: 'ok', error: null, facts: base };
  const checked = complete && (whole || body.length >= size) ? checkDigest(body, digest) : null;
  // Runtimes do not look at the type of a blob: storage that calls all content text/html serves them well.
  if (answer.facts.mediaType === 'text/html' && checked?.matches !== true && isPage(body)) {
    return failed({ code: 'body-invalid', message: `an HTML page came in place of ${short(digest)}` });
  }
  if (complete && body.length < size) {
    return failed({ code: 'body-cut', message: `${body.length} bytes of ${size} came for ${short(digest)}` });
  }
  const archive = part === 'layer' ? checkLayer(body, complete && body.length === size, mediaType, runtime) : null;
  const facts = {
    ...base,
    digestMatches: checked?.matches ?? null,
    platform: part === 'config' ? platformOf(body) : null,
    ...(part === 'config' && checked?.matches === true ? { diffIds: diffIdsOf(body) } : {}),
    ...(archive === null ? {} : { archive }),
  };
  if (checked?.matches === false) {
    const coding = got?.value.coding ?? null;
    const undone = coding === null ? '' : `, once its Content-Encoding (${coding}) is undone as runtimes do,`;
    return failed(
      { code: 'digest-mismatch', message: `the content${undone} is ${checked.actual}, not ${digest}` },
      facts,
    );
  }
  return { status: 'ok', error: null, facts };
}

/** True for text that is neither a config nor, as archives are, full of zeros: in an answer that calls itself HTML, a page. */
function isPage(body: Buffer): boolean {
  const start = body.subarray(0, 512);
  const text = start.toString('latin1').trimStart();
  return text !== '' && !text.startsWith('{') && !start.some((byte) => byte < 9);
}

function ownInputs(view: View, endpoint: number): BlobInput[] {
  const way = endpointWay(view, endpoint);
  const address = way === null ? undefined : stateOf(view, way).open[0];
  const { image } = requestsOf(view, endpoint);
  if (way === null || address === undefined || image === null) return [];
  const { config, layers, identity, authorization } = image.facts;
  // The smallest layer: the cheapest proof that layers come. What lies elsewhere says nothing of this registry.
  const layer = layers.filter(({ external }) => external !== true).sort((a, b) => a.size - b.size)[0] ?? null;
  const blobs = [
    { part: 'config' as const, blob: config },
    { part: 'layer' as const, blob: layer },
  ];
  return blobs.flatMap(({ part, blob }) =>
    blob === null
      ? []
      : [
          {
            key: `blob ${endpoint} ${part} ${blob.digest}`,
            target: `${part} ${short(blob.digest)} at ${way.host}`,
            hop: way.hop,
            endpoint,
            counterfactual: false,
            way,
            address,
            digest: blob.digest,
            size: blob.size,
            mediaType: blob.mediaType,
            part,
            identity: identity.index,
            authorization,
            redirects: 0,
            from: null,
          },
        ],
  );
}

function redirected(view: View, endpoint: number): BlobInput[] {
  const { image } = requestsOf(view, endpoint);
  return probesOf(view, 'blob').flatMap((probe) => {
    const { next, redirects, digest, size, part } = probe.facts;
    if (probe.endpoint !== endpoint || next === null || redirects >= limits.redirects || probe.counterfactual)
      return [];
    const way = wayTo(view, endpoint, next, 'blob');
    if (way === null) return [];
    const address = stateOf(view, way).open[0];
    const own = address === undefined ? [] : [{ way, address }];
    // In plain HTTP only an answer shows who is reached by another way.
    return [...own, ...plainInstead(view, way)].map((by) => ({
      key: `blob ${endpoint} redirect ${probe.id}${by.way.instead === null ? '' : ` ${by.way.id}`}`,
      target: `${part} ${short(digest)} at ${next.host}`,
      hop: 'blob' as const,
      endpoint,
      counterfactual: by.way.instead !== null,
      ...by,
      digest,
      size,
      mediaType: image?.facts.layers.find((layer) => layer.digest === digest)?.mediaType ?? '',
      part,
      identity: image?.facts.identity.index ?? -1,
      authorization: image?.facts.authorization ?? ('none' as const),
      redirects: redirects + 1,
      from: probe.id,
    }));
  });
}

/** `linux/amd64` from an image's config. */
function platformOf(body: Buffer): string | null {
  const config = parseJson(body.toString('utf8'));
  if (!isRecord(config)) return null;
  const parts = [stringMember(config, 'os'), stringMember(config, 'architecture'), stringMember(config, 'variant')];
  return parts[0] === null || parts[1] === null ? null : parts.filter((part) => part !== null && part !== '').join('/');
}

/** The digests of the unpacked layers, bottom first. */
function diffIdsOf(body: Buffer): readonly string[] {
  const config = parseJson(body.toString('utf8'));
  const rootfs = isRecord(config) ? config.rootfs : null;
  const ids = isRecord(rootfs) && Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
  return ids.filter((id) => typeof id === 'string').slice(0, limits.diffIds);
}

/** `sha256:0123456789ab`. */
export function short(digest: string): string {
  return digest.replace(/^([a-z0-9+._-]+:[0-9a-f]{12})[0-9a-f]+$/i, '$1');
}
