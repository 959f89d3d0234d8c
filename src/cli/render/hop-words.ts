import { spanWords } from '../../lib/sizes.ts';
import { bracketed } from '../../lib/url-text.ts';
import type { NextParty, RateLimitFacts } from '../../model/facts.ts';
import type { AnyDoneProbe, DoneProbe } from '../../model/investigation.ts';
import { count, listed, shortDigest, size, withoutPlace } from './words.ts';

/** What one line of a hop says: whether it went well, and its telling fact. */
export interface HopWords {
  readonly ok: boolean;
  readonly words: string;
}

const dayMs = 86_400_000;
/** A clock further off than this is worth a word; the Date header is exact to a second. */
const clockToleranceMs = 5000;

/** `failed: PLACE: MESSAGE`, the place only where the message does not name it. */
export function failure(place: string, probe: AnyDoneProbe): string {
  const message = withoutPlace(probe.error?.message ?? 'no reason is known');
  return place === '' || message.includes(place) ? `failed: ${message}` : `failed: ${place}: ${message}`;
}

/** Connections to several addresses of one host that ended alike. */
export function tcpWords(probes: readonly DoneProbe<'tcp'>[]): HopWords {
  const [first] = probes;
  if (first === undefined) return { ok: false, words: '' };
  const places = probes.map(({ facts }) => `${bracketed(facts.address)}:${facts.port}`);
  const ok = first.status === 'ok';
  if (!ok) return { ok, words: `failed: ${listed(places)}: ${withoutPlace(first.error?.message ?? '')}` };
  return { ok, words: `${listed(places)} ${places.length === 1 ? 'connects' : 'connect'}` };
}

/** What the proxy said to CONNECT. */
export function proxyWords(probe: DoneProbe<'proxy'>): HopWords {
  const { target } = probe.facts;
  if (probe.status === 'ok') return { ok: true, words: `opens a tunnel to ${target}` };
  return { ok: false, words: `failed: asked for ${target}: ${withoutPlace(probe.error?.message ?? '')}` };
}

/** Handshakes with several addresses of one host that ended alike. `now`: epoch ms. */
export function tlsWords(probes: readonly DoneProbe<'tls'>[], now: number): HopWords {
  const [first] = probes;
  if (first === undefined) return { ok: false, words: '' };
  const { protocol, chain, anchor, verificationOff } = first.facts;
  if (first.status === 'failed') {
    const leaf = chain[0];
    const shown = leaf === undefined ? '' : `; presented: ${leaf.subject}, issued by ${leaf.issuer}`;
    return { ok: false, words: `${failure('', first)}${shown}` };
  }
  const version = (protocol ?? 'TLS').replace(/^TLSv/u, 'TLS ');
  if (verificationOff) {
    return { ok: true, words: `${version}, not verified: the node's configuration turns that off` };
  }
  const ends = Math.min(...chain.map(({ notAfter }) => Date.parse(notAfter)));
  const left = Number.isFinite(ends) ? `, certificate ends in ${count(Math.floor((ends - now) / dayMs), 'day')}` : '';
  return { ok: true, words: `${version}${left}${anchor === null ? '' : ` (authority ${commonName(anchor)})`}` };
}

/** `Corp CA 2` of `CN=Corp CA 2,O=Corp`; the whole subject when it has no such part. */
function commonName(subject: string): string {
  return /(?:^|,)CN=([^,]+)/u.exec(subject)?.[1] ?? subject;
}

/** What `GET /v2/` told. */
export function registryWords(probe: DoneProbe<'registry'>): HopWords {
  const { status, challenges, clockOffsetMs, next } = probe.facts;
  if (probe.status === 'failed') return { ok: false, words: failure('', probe) };
  const challenge = challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges[0];
  const wants =
    status !== 401 || challenge === undefined
      ? `answers ${status}`
      : challenge.scheme === 'bearer'
        ? `answers 401: it wants a token of ${challenge.party?.host ?? challenge.realm ?? 'a realm that it does not name'}`
        : `answers 401: it wants a login (${challenge.scheme})`;
  const clock =
    clockOffsetMs === null || Math.abs(clockOffsetMs) <= clockToleranceMs
      ? ''
      : `; the node's clock is ${spanWords(Math.abs(clockOffsetMs))} ${clockOffsetMs > 0 ? 'ahead' : 'behind'}`;
  return { ok: true, words: `${wants}${goesOn(next)}${clock}` };
}

/** Whether the token came. */
export function authWords(probe: DoneProbe<'auth'>): HopWords {
  const { identity, granted, claimsPull } = probe.facts;
  const who = identity.username === null ? 'anonymous' : `as ${identity.username}`;
  if (!granted) return { ok: false, words: failure(who, probe) };
  return { ok: true, words: `${who}: a token is given${claimsPull === false ? ', which allows no pull' : ''}` };
}

/** One manifest, or an index with its entry for this platform. */
export function manifestWords(probes: readonly DoneProbe<'manifest'>[], platform: string): HopWords {
  const told = probes.map((probe): HopWords => {
    const { facts } = probe;
    const user = facts.authorization === 'none' ? null : facts.identity.username;
    const name = `${shortDigest(facts.reference)}${user === null ? '' : ` as ${user}`}`;
    if (probe.status === 'failed') return { ok: false, words: failure(name, probe) };
    if (facts.next !== null) return { ok: true, words: `${name}: answers ${facts.status}${goesOn(facts.next)}` };
    const digest = facts.digest === null || facts.reference.includes(':') ? '' : ` (${shortDigest(facts.digest)})`;
    if (facts.kind === 'index' && facts.chosen === null) {
      const has = [...new Set(facts.platforms)];
      return { ok: false, words: `failed: ${name} has ${listed(has) || 'no platform'}, and nothing for ${platform}` };
    }
    if (facts.kind === 'index')
      return {
        ok: true,
        words: `${name}${digest} has ${platform} among ${count(facts.platforms.length, 'entry', 'entries')}`,
      };
    if (facts.kind === 'image') {
      const bytes = facts.layers.reduce((sum, layer) => sum + layer.size, 0);
      return { ok: true, words: `${name}${digest}: ${count(facts.layers.length, 'layer')}, ${size(bytes)}` };
    }
    return { ok: true, words: `${name}: answers ${facts.status}${facts.kind === null ? '' : `, kind ${facts.kind}`}` };
  });
  const limit = probes.map(({ facts }) => facts.rateLimit).findLast((one) => one?.remaining != null);
  const words = [...told.map(({ words: text }) => text), ...(limit == null ? [] : [quota(limit)])].join('; ');
  return { ok: told.every(({ ok }) => ok), words };
}

/** Config and layer, as far as they were fetched. */
export function contentWords(probes: readonly DoneProbe<'blob'>[]): HopWords {
  const failed = probes.filter(({ status }) => status === 'failed');
  if (failed.length > 0) {
    const parts = new Map<string, string[]>();
    for (const probe of failed) {
      const message = withoutPlace(probe.error?.message ?? '');
      parts.set(message, [...(parts.get(message) ?? []), `${probe.facts.part} ${shortDigest(probe.facts.digest)}`]);
    }
    const told = [...parts].map(([message, which]) => `${listed(which)}: ${message}`);
    return { ok: false, words: `failed: ${told.join('; ')}` };
  }
  const sent = probes.filter(({ facts }) => facts.next !== null);
  const onward = [...new Set(sent.map(({ facts }) => `answers ${facts.status}${goesOn(facts.next)}`))];
  const came = probes
    .filter(({ facts }) => facts.next === null)
    .map(({ facts: { part, bytes, size: whole } }) =>
      bytes >= whole ? `${part} ${size(whole)}` : `${part} first ${size(bytes)} of ${size(whole)}`,
    );
  const matching = probes.filter(({ facts }) => facts.digestMatches === true).map(({ facts }) => facts.part);
  const digests =
    matching.length === 0 ? [] : [matching.length > 1 ? 'digests match' : `digest of the ${matching[0]} matches`];
  return { ok: true, words: [...onward, ...came, ...digests].join(', ') };
}

/** Names that were looked for after a 404. */
export function namesWords(probe: DoneProbe<'names'>): HopWords {
  const { of, count: number, complete, nearest } = probe.facts;
  if (probe.status === 'failed')
    return { ok: false, words: `the list of ${of}: ${withoutPlace(probe.error?.message ?? '')}` };
  const many = of === 'tags' ? count(number, 'tag') : count(number, 'repository', 'repositories');
  const near = nearest.length === 0 ? '' : `; nearest: ${listed(nearest)}`;
  return {
    ok: true,
    words: `by another name: there ${number === 1 ? 'is' : 'are'} ${complete ? '' : 'at least '}${many}${near}`,
  };
}

function goesOn(next: NextParty | null): string {
  return next === null ? '' : `, go on to ${next.host}`;
}

/** `98 of 100 pulls left`. */
function quota({ remaining, limit, windowSeconds }: RateLimitFacts): string {
  const window = windowSeconds === null ? '' : ` per ${spanWords(windowSeconds * 1000)}`;
  return `${remaining}${limit === null ? '' : ` of ${limit}`} pulls left${window}`;
}
