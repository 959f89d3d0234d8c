/**
 * The closed vocabulary of what goes wrong on the network. `wire/` maps every library's and system's error to one of
 * these in one place; everything above speaks only these words.
 */
export const networkFailures = [
  // dns
  'name-not-found', // NXDOMAIN, or no address of any family
  'no-address', // the name exists, this type has no records (rcode 0, no answers)
  'server-failure', // SERVFAIL or another error rcode but REFUSED
  'dns-refused', // rcode REFUSED
  // any transport
  'timeout',
  'refused', // ECONNREFUSED, or ICMP port unreachable for UDP
  'unreachable', // ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL
  'reset',
  'closed', // the peer ended the connection in order, before it answered
  'not-permitted', // EPERM, EACCES: a local filter forbids the packet
  // tls
  'tls-unknown-authority',
  'tls-expired',
  'tls-not-yet-valid',
  'tls-hostname',
  'tls-plain-answer', // the peer does not speak TLS; it answers plain text
  'tls-alert', // the peer ends the handshake with an alert (named in the message)
  'tls-protocol', // no common version or cipher, broken records
  'tls-certificate', // any other failed check of the chain
  // proxy
  'proxy-auth', // 407
  'proxy-refused', // any other answer to CONNECT but 2xx
  // http
  'http-status',
  'http-malformed', // not HTTP, or headers over the limit
  'tls-on-plain', // plain HTTP was sent to a TLS port
  'redirect-loop', // more redirects than the runtime follows, or one without a place to go
  'body-invalid', // not what the protocol says: not JSON, a wrong type
  'body-too-large',
  'body-cut', // the transfer ended early
  'digest-mismatch',
  // anything
  'malformed', // an answer that cannot be decoded
  'aborted', // the investigation ended before it could say
  'internal',
] as const;

/** One word of the vocabulary. */
export type NetworkFailure = (typeof networkFailures)[number];

/** A failure with the words of the one who noticed it. */
export interface WireError {
  readonly code: NetworkFailure;
  /** One line for a person; no secret, clipped. */
  readonly message: string;
}
