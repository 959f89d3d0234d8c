import type { Way } from '../evidence/way.ts';
import { maxHandshakes, needsTunnel, stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import type { CertificateFacts, TlsFacts } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import { connectThroughProxy } from '../wire/proxy.ts';
import { isPublicRoot } from '../wire/public-authorities.ts';
import { connectTcp } from '../wire/tcp.ts';
import { type CertificateInfo, handshakeTls, type TlsPeer } from '../wire/tls.ts';
import type { ProbeContext } from './context.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';

interface TlsInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
}

/** Go's own limit is 10 s; a handshake that has not moved in four will not. */
const patienceMs = 4000;

/** What containerd's Go client offers. */
const alpn = ['h2', 'http/1.1'];

/** One handshake per address, with the node's trust store; the whole chain is kept. */
export const tlsProbe: Probe<'tls', TlsInput> = {
  kind: 'tls',
  title: 'TLS handshake',
  cost: 'cheap',
  budgetMs: patienceMs + 500,
  proves: {
    ok: "the certificate holds for this name, with this node's trust store and clock",
    failed: 'the handshake ends early, or the certificate fails the check that is named',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
      if (way.scheme !== 'https') return [];
      const { dns, tcp, connect } = stateOf(view, way);
      if (needsTunnel(way) && !connect.some((probe) => probe.status === 'ok')) return [];
      const connected = dns.addresses.filter((address) =>
        tcp.some((probe) => probe.status === 'ok' && probe.facts.address === address),
      );
      return connected.slice(0, needsTunnel(way) ? 1 : maxHandshakes).map((address) => ({
        key: `tls ${way.id} ${address}`,
        target:
          way.proxy === null
            ? `${way.host} at ${bracketed(address)}:${way.port}`
            : `${way.host}:${way.port} by ${way.proxy}`,
        hop: way.hop,
        endpoint: way.endpoint,
        counterfactual: way.instead !== null,
        way,
        address,
      }));
    }),
  run: async (input, context, signal) => {
    const opened = await open(input, context, signal);
    if ('error' in opened) return { status: 'failed', error: opened.error, facts: emptyFacts(input) };
    const { trustPem, clientPairs, skipVerify } = context.tlsFor(input.way.endpoint);
    const result = await handshakeTls(opened.socket, {
      serverName: input.way.host,
      trustPem,
      clientPairs,
      alpn,
      timeoutMs: context.patience(patienceMs),
      signal,
      env: context.env,
      skipVerify,
    });
    if (!result.ok) {
      const { code, message, chain, failedCertificate, alert, plainAnswer, otherFailures, peer, publicAuthority } =
        result.error;
      const failedChecks = code.startsWith('tls-') ? [code, ...otherFailures] : otherFailures;
      const facts: TlsFacts = {
        ...emptyFacts(input),
        protocol: peer?.protocol ?? null,
        cipher: peer?.cipher ?? null,
        alpn: peer?.alpn ?? null,
        chain: chain.map(certificateFacts),
        failedCertificate,
        failedChecks,
        alert,
        plainAnswer,
        ...(publicAuthority === null ? {} : { publicAuthority }),
      };
      return { status: 'failed', error: { code, message }, facts };
    }
    const { socket, peer } = result.value;
    socket.destroy();
    return shakenHands(input, peer, skipVerify);
  },
};

/** What a good handshake shows, whoever made it. */
export function shakenHands(
  target: { readonly way: Way; readonly address: string },
  peer: Omit<TlsPeer, 'verified' | 'unverified' | 'durationMs'>,
  verificationOff: boolean,
): Outcome<'tls'> {
  const { protocol, cipher, alpn: chosen, chain, root, clientCertificateRequested } = peer;
  return {
    status: 'ok',
    error: null,
    facts: {
      ...emptyFacts(target),
      protocol,
      cipher,
      alpn: chosen,
      chain: chain.map(certificateFacts),
      anchor: root?.subject ?? null,
      clientCertificateRequested,
      verificationOff,
      // By a proxy it tells whether TLS can have been opened on the way.
      ...(target.way.proxy === null || root === null ? {} : { publicAuthority: isPublicRoot(root.sha256) }),
    },
  };
}

async function open(
  { way, address }: TlsInput,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<{ socket: Parameters<typeof handshakeTls>[0] } | { error: WireError }> {
  const options = { timeoutMs: context.patience(patienceMs), signal, env: context.env };
  if (way.proxy !== null) {
    const route = context.proxyRoute(way.proxy, address);
    if (route === null) return { error: { code: 'internal', message: `${way.proxy} is no HTTP proxy` } };
    const tunnel = await connectThroughProxy(
      route,
      { host: way.host, port: way.port },
      { ...options, tls: context.proxyTls },
    );
    return tunnel.ok ? { socket: tunnel.value.socket } : { error: tunnel.error };
  }
  const connection = await connectTcp({ address, port: way.port }, options);
  return connection.ok ? { socket: connection.value.socket } : { error: connection.error };
}

function emptyFacts({ way, address }: { readonly way: Way; readonly address: string }): TlsFacts {
  return {
    way: way.id,
    host: way.host,
    address,
    port: way.port,
    protocol: null,
    cipher: null,
    alpn: null,
    chain: [],
    anchor: null,
    failedCertificate: null,
    failedChecks: [],
    alert: null,
    plainAnswer: null,
    clientCertificateRequested: false,
    verificationOff: false,
  };
}

function certificateFacts(certificate: CertificateInfo): CertificateFacts {
  const { subject, issuer, notBefore, notAfter, dnsNames, ipAddresses, sha256, selfSigned } = certificate;
  return { subject, issuer, notBefore, notAfter, dnsNames: dnsNames.slice(0, 50), ipAddresses, sha256, selfSigned };
}
