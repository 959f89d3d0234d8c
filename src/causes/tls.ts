import type { Break } from '../evidence/breaks.ts';
import { handshakeOwner } from '../evidence/handshake-by-proxy.ts';
import { smallExchange, whySilent } from '../evidence/silent-handshake.ts';
import { idsOf, type View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { CertificateFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { NetworkFailure } from '../model/network-failure.ts';
import { type BreakReading, matchBreaks } from './break-match.ts';
import { bypass, type Cause, type CauseArgs, type Match, perhapsProxys, remedy } from './cause.ts';
import { clearsItself, clockSkew, clockWitnesses, failedCertificate as failed, skewWords, telling } from './clock.ts';
import { foundBy, foundByAdvice } from './found-by.ts';
import { httpOnHttps } from './http-on-https.ts';
import { interception } from './interception.ts';
import { plainSpeaker } from './plain-answer.ts';
import { answersInstead } from './proxy-answer.ts';
import { caPath, caPlace } from './registry-place.ts';

/** Days before a certificate's end from which on it is worth a word (contract.md, section 4). */
const expiringDays = 14;
const dayMs = 86_400_000;

function when(code: NetworkFailure, words: (probe: DoneProbe<'tls'>, view: View, hop: Break) => CauseArgs) {
  return matchBreaks(['tls'], (hop, view) => {
    const probe = telling(hop);
    if (probe?.error?.code !== code || clockSkew(hop, view) !== null || interception(hop, view) !== null) return null;
    const args = { host: hop.way.host, port: String(hop.way.port), ...words(probe, view, hop) };
    // An authority that the node does not know is one, whoever it signs for.
    return code === 'tls-unknown-authority' ? { args } : byWhomever(hop, view, args, 'tls-intercepted');
  });
}

/** As it is, where it is the host's own; likely, where it may be the proxy's; null where it is the proxy's. */
function byWhomever(hop: Break, view: View, args: CauseArgs, other: CauseId): ReturnType<BreakReading> {
  const owner = handshakeOwner(hop, view);
  if (owner === 'not-own') return null;
  return owner === 'own'
    ? { args }
    : { confidence: 'likely', alternatives: [other], args: { ...args, unclear: 'yes' } };
}

/** A certificate's time by the node's clock, with what those who answered say of that clock. */
function whenTime(
  code: 'tls-expired' | 'tls-not-yet-valid',
  words: (probe: DoneProbe<'tls'>, view: View) => CauseArgs,
) {
  return matchBreaks(['tls'], (hop, view) => {
    const probe = telling(hop);
    if (probe?.error?.code !== code || clockSkew(hop, view) !== null) return null;
    const args = { host: hop.way.host, port: String(hop.way.port), ...words(probe, view) };
    const self = clearsItself(hop, view);
    const found = byWhomever(hop, view, args, 'tls-intercepted');
    if (found === null || self === null)
      return found && { ...found, evidence: [...idsOf(hop.probes), ...clockWitnesses(view)] };
    const clock = skewWords(self.offsetMs);
    return { confidence: 'likely', alternatives: ['clock-skew'], evidence: self.evidence, args: { ...args, clock } };
  });
}

/** openssl goes by a proxy that is spoken to in plain HTTP, and by no other. */
const through = (proxy: string | undefined): string =>
  proxy?.startsWith('http://') === true ? `-proxy ${proxy.slice('http://'.length)} ` : '';

const show = ({ host, port, proxy }: CauseArgs): string =>
  `openssl s_client ${through(proxy)}-connect ${host ?? 'HOST'}:${port ?? '443'} -servername ${host ?? 'HOST'} -showcerts </dev/null`;

const dates = (args: CauseArgs): string =>
  `openssl s_client ${through(args.proxy)}-connect ${args.host ?? 'HOST'}:${args.port ?? '443'} </dev/null | openssl x509 -noout -subject -issuer -dates`;

/** Causes in the TLS handshake and the certificate's checks. */
export const tlsCauses: readonly Cause[] = [
  {
    id: 'tls-unknown-authority',
    layer: 'tls',
    scenario: 3,
    title: "The registry's certificate is not from an authority that this node trusts",
    fixedBy: 'node',
    proof:
      "The whole chain is recorded and checked against the node's trust store as Go does, with the registry's own CA files.",
    say: ({ host, issuer, detail }) =>
      `The certificate of ${host ?? 'the registry'}${issuer === undefined ? '' : `, issued by ${issuer},`} does not lead to an authority that this node trusts${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: (args) => [
      remedy(
        `Put the issuing CA${args.issuer === undefined ? '' : ` (${args.issuer})`} where the runtime reads it: ${args.path ?? caPlace(args.host ?? 'HOST')} (no restart), or the node's trust store and a restart of the runtime.`,
        `update-ca-certificates && systemctl restart ${args.unit ?? 'containerd'}`,
      ),
      remedy(
        'See what is presented; an intermediate certificate that the server forgets to send looks the same:',
        show(args),
      ),
    ],
    match: when('tls-unknown-authority', (probe, view, hop) => {
      const last = probe.facts.chain.at(-1);
      const leaf = probe.facts.chain[0];
      const detail =
        probe.facts.publicAuthority === true
          ? `the public trusts that authority, and this node's trust store (${view.plan.trustStore.certificates} certificates) lacks it`
          : leaf?.selfSigned === true && probe.facts.chain.length === 1
            ? 'it is self-signed'
            : undefined;
      return {
        path: caPath(hop, view),
        ...(last === undefined ? {} : { issuer: last.issuer }),
        ...(detail === undefined ? {} : { detail }),
      };
    }),
  },
  {
    id: 'tls-intercepted',
    layer: 'tls',
    scenario: 3,
    title: 'Something between presents its own certificate',
    fixedBy: 'network',
    proof:
      "The same host's certificate differs by the way, with the proxy and without it; or a host that the public knows presents one that no public authority signed. An authority that bears an inspecting product's name makes it likely.",
    say: ({ host, proxy, issuer, detail }) =>
      `TLS to ${host ?? 'the registry'} is intercepted${proxy === undefined ? '' : ` on the way by the proxy ${proxy}`}: a certificate for that name comes from ${issuer ?? 'a middlebox'}, which this node does not trust${detail === undefined ? '' : `; ${detail}`}.`,
    remedies: (args) => [
      remedy(`Exempt ${args.host ?? 'the registry'} from TLS inspection: runtimes check content by its digest anyway.`),
      ...(args.direct === undefined
        ? []
        : [
            remedy(
              `Or go past the proxy, for without it the certificate holds: add ${args.host ?? 'the host'} to NO_PROXY of the runtime${args.source === undefined ? '' : ` (the proxy is set by ${args.source})`}.`,
              bypass(args),
            ),
          ]),
      remedy(
        "Or install the inspecting authority's certificate in the node's trust store, and restart the runtime.",
        `cp CA.crt /usr/local/share/ca-certificates/ && update-ca-certificates && systemctl restart ${args.unit ?? 'containerd'}`,
      ),
      remedy('See what is presented, and by whom it was issued:', show(args)),
    ],
    match: matchBreaks(['tls'], (hop, view) => {
      const found = interception(hop, view);
      if (found === null) return null;
      const { confidence, evidence, detail, issuer } = found;
      return {
        confidence,
        evidence,
        alternatives: confidence === 'proven' ? [] : ['tls-unknown-authority'],
        args: {
          host: hop.way.host,
          port: String(hop.way.port),
          issuer,
          detail,
          ...(handshakeOwner(hop, view) === 'not-own' ? { source: hop.way.proxyReason, direct: 'yes' as const } : {}),
        },
      };
    }),
  },
  {
    id: 'tls-certificate-expired',
    layer: 'tls',
    scenario: 3,
    title: 'A certificate has expired',
    fixedBy: 'registry',
    proof: "Every certificate of the chain, and the root in the node's store, is checked against the node's clock.",
    say: ({ host, date, certificate, issuer, detail, clock, issuing, ...args }) =>
      `${issuing === undefined ? 'The' : 'An issuing'} certificate of ${host ?? 'the registry'}${certificate === undefined || certificate === `CN=${host}` ? '' : ` (${certificate})`} expired${detail === undefined ? '' : ` ${detail}`}${date === undefined ? '' : ` on ${date}`}${issuer === undefined ? '' : `; it was issued by ${issuer}`}.${clock === undefined ? '' : ` By that host's own clock it is valid: this node's is ${clock}, and nobody else told the time.`}${perhapsProxys(args)}`,
    remedies: (args) => [
      args.issuing === undefined
        ? remedy('Its owner renews it; look at the dates with:', dates(args))
        : remedy(
            "The server's own certificate is not the one: its owner puts the issuer's current certificate into the chain that the server sends. Look at all of them with:",
            show(args),
          ),
      remedy("If the date is not past, this node's clock is ahead:", 'date -u; timedatectl'),
    ],
    match: whenTime('tls-expired', (probe, view) => ({
      ...certificateArgs(failed(probe), 'notAfter'),
      ...ago(failed(probe), view.startedAtMs),
      ...(isSent(probe, failed(probe)) ? { issuing: 'yes' as const } : {}),
    })),
  },
  {
    id: 'tls-certificate-not-yet-valid',
    layer: 'tls',
    scenario: 3,
    title: 'A certificate is not valid yet',
    fixedBy: 'registry',
    proof: "The certificate's start lies after the node's clock.",
    say: ({ host, date, ...args }) =>
      `The certificate of ${host ?? 'the registry'} is not valid before ${date ?? 'a date that is still to come'}.${perhapsProxys(args)}`,
    remedies: (args) => [
      remedy(
        "Compare this node's clock with another's first: a clock that is behind looks the same.",
        'date -u; timedatectl',
      ),
      remedy("If the clock is right, the certificate's owner made it too early:", dates(args)),
    ],
    match: whenTime('tls-not-yet-valid', (probe) => certificateArgs(failed(probe), 'notBefore')),
  },
  {
    id: 'tls-certificate-expiring',
    layer: 'tls',
    scenario: 3,
    title: 'A certificate expires soon',
    fixedBy: 'registry',
    proof: `A certificate of the chain that is in use ends within ${expiringDays} days.`,
    say: ({ host, date }) =>
      `The certificate of ${host ?? 'the registry'} expires soon, on ${date ?? 'a near date'}: pulls work until then.`,
    remedies: (args) => [remedy('Its owner renews it before that day:', dates(args))],
    match: expiring,
  },
  {
    id: 'tls-hostname-mismatch',
    layer: 'tls',
    scenario: 3,
    title: 'The certificate is for another name',
    fixedBy: 'registry',
    proof: "No subject alternative name of the certificate fits the host, by Go's rules.",
    say: (args) =>
      args.nameless === undefined
        ? `The certificate presented for ${args.host ?? 'the registry'} is for other names${args.detail === undefined ? '' : `: ${args.detail}`}${args.source === undefined ? '' : ` (its address is from ${args.source})`}${args.alias === undefined ? '' : ` (the host was found as ${args.alias})`}.${perhapsProxys(args)}`
        : `The certificate presented for ${args.host ?? 'the registry'} has no subject alternative name, only ${args.detail ?? 'a Common Name'}, and Go, in which the runtimes are written, does not go by that.${perhapsProxys(args)}`,
    remedies: (args) => [
      ...[foundByAdvice(args)].filter((advice) => advice !== null).map((advice) => remedy(advice)),
      args.nameless === undefined
        ? remedy(
            'If the host in the image name is an alias or an address, use a name that the certificate has; else its owner adds this one.',
          )
        : remedy(
            'Its owner makes it anew, with the host as a subject alternative name (openssl: -addext subjectAltName=DNS:HOST, and IP:ADDRESS for an address).',
          ),
      remedy(
        "If the names are not the registry's at all, DNS or a load balancer leads elsewhere. See what is presented:",
        show(args),
      ),
    ],
    match: when('tls-hostname', (probe, _, hop) => {
      const leaf = probe.facts.chain[0];
      const names = [...(leaf?.dnsNames ?? []), ...(leaf?.ipAddresses ?? [])];
      if (leaf !== undefined && names.length === 0) return { detail: leaf.subject, nameless: 'yes' };
      const found = hop.way.proxy === null ? foundBy(hop.state.dns, hop.way.host) : {};
      return { detail: names.slice(0, 5).join(', '), ...found };
    }),
  },
  {
    id: 'tls-handshake-failed',
    layer: 'tls',
    scenario: 3,
    title: 'The TLS handshake fails',
    fixedBy: 'registry',
    proof: 'TCP connects, and the handshake ends by an alert, without a common version or cipher, or in silence.',
    say: (args) =>
      `TLS with ${args.host ?? 'the registry'}${args.proxy === undefined ? '' : `, by the proxy ${args.proxy},`} cannot be set up: ${args.detail?.replace(/^TLS handshake with [^ ]+: /, '') ?? 'the handshake ends early'}.${perhapsProxys(args)}`,
    remedies: (args) =>
      args.filtered === 'yes'
        ? [
            remedy(
              `Something on the way drops TLS by the server's name: have ${args.host ?? 'the registry'} let through by the firewall that filters so, or by a proxy that may reach it. Compare with and without the name:`,
              `openssl s_client -connect ${args.host ?? 'HOST'}:${args.port ?? '443'} -noservername </dev/null`,
            ),
          ]
        : [
            remedy(
              'See where it ends; containerd and CRI-O speak TLS 1.2 and 1.3 only:',
              `${show(args)} -tls1_2`.replace(' </dev/null', '').concat(' </dev/null'),
            ),
            remedy('If the registry wants a client certificate, set it in hosts.toml (client = [["…cert", "…key"]]).'),
          ],
    match: (all) => [
      ...matchBreaks(['tls'], (hop, view) => {
        const probe = telling(hop);
        const code = probe?.error?.code;
        const unread = plainSpeaker(hop, view)?.is === 'other';
        if (code === undefined || (namedElsewhere.has(code) && !unread)) return null;
        if (code === 'reset' && hop.state.tls.every((one) => one.error?.code === 'reset')) return null;
        if (answersInstead(hop, view) !== null) return null;
        const args = { host: hop.way.host, port: String(hop.way.port), detail: probe?.error?.message ?? code };
        if (unread) return { confidence: 'likely', alternatives: ['http-on-https'], args };
        const found = byWhomever(hop, view, args, 'proxy-denied');
        if (code !== 'timeout' || found === null || found.confidence === 'likely') return found;
        const small = smallExchange(hop.way, view);
        if (small === null) return { confidence: 'likely', alternatives: ['mtu-black-hole'], args };
        // Silence is the server's own only when small packets vanish too, and a filter's when it goes by the name.
        const evidence = [...idsOf(hop.probes), small.id];
        if (small.status !== 'ok') return { evidence, args };
        if (whySilent(small) !== 'name') return null;
        const detail = 'a handshake that names it gets no answer, and one that names nobody does';
        return { evidence, args: { ...args, detail, filtered: 'yes' } };
      })(all),
      // The peer's complaint about a missing client certificate comes after the handshake, with the first answer (TLS 1.3).
      ...matchBreaks(['http'], (hop) =>
        hop.exchange?.error?.code.startsWith('tls-') === true && hop.exchange.error.code !== 'tls-on-plain'
          ? { args: { host: hop.way.host, port: String(hop.way.port), detail: hop.exchange.error.message } }
          : null,
      )(all),
    ],
  },
  httpOnHttps,
];

/** Failures of the handshake that have a cause of their own. */
const namedElsewhere: ReadonlySet<string> = new Set<NetworkFailure>([
  'tls-unknown-authority',
  'tls-expired',
  'tls-not-yet-valid',
  'tls-hostname',
  'tls-plain-answer',
]);

/** True for a certificate that the server sends behind its own: an intermediate one. */
function isSent({ facts }: DoneProbe<'tls'>, certificate: CertificateFacts | null): boolean {
  return certificate !== null && facts.chain.indexOf(certificate) > 0;
}

/** `3 days ago`; nothing when it is less than a day, or the time is not known. */
function ago(certificate: CertificateFacts | null, nowMs: number | null): CauseArgs {
  if (certificate === null || nowMs === null) return {};
  const days = Math.floor((nowMs - Date.parse(certificate.notAfter)) / dayMs);
  return days < 1 ? {} : { detail: days === 1 ? 'a day ago,' : `${days} days ago,` };
}

function certificateArgs(certificate: CertificateFacts | null, which: 'notAfter' | 'notBefore'): CauseArgs {
  if (certificate === null) return {};
  return {
    certificate: certificate.subject,
    issuer: certificate.issuer,
    date: certificate[which].replace('T', ' ').replace(/(:\d\d)(\.\d+)?Z$/, '$1 UTC'),
  };
}

/**
 * The certificates between the leaf and the anchor that was used. Servers send more than that: old cross-signs that
 * have expired and that nobody needs any more.
 */
export function certificatesInUse({ chain, anchor }: DoneProbe<'tls'>['facts']): CertificateFacts[] {
  const path: CertificateFacts[] = [];
  let next = chain[0];
  while (next !== undefined && !path.includes(next) && next.subject !== anchor) {
    path.push(next);
    const { issuer } = next;
    next = issuer === anchor ? undefined : chain.find(({ subject }) => subject === issuer);
  }
  return path;
}

/** Working connections whose certificate ends soon. */
function expiring(view: View): Match[] {
  const seen = new Set<string>();
  return waysOf(view).flatMap((way) => {
    if (way.instead !== null || view.startedAtMs === null || seen.has(way.id)) return [];
    seen.add(way.id);
    return stateOf(view, way)
      .tls.filter((probe) => probe.status === 'ok')
      .slice(0, 1)
      .flatMap((probe) => {
        const ending = certificatesInUse(probe.facts).find(
          ({ notAfter }) => Date.parse(notAfter) - (view.startedAtMs ?? 0) < expiringDays * dayMs,
        );
        if (ending === undefined || probe.facts.verificationOff) return [];
        const args = { host: way.host, port: String(way.port), ...certificateArgs(ending, 'notAfter') };
        return [
          {
            confidence: 'proven' as const,
            severity: 'degraded' as const,
            evidence: [probe.id],
            endpoint: way.endpoint,
            host: way.host,
            args,
          },
        ];
      });
  });
}
