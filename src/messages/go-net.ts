import type { Rule } from './rule.ts';

/**
 * The grammar of Go's net package (net/net.go OpError, net/dnsclient_unix.go DNSError):
 * `dial tcp ADDRESS: connect: ERRNO`, `dial tcp: lookup HOST on NAMESERVER: …`, `read tcp LOCAL->REMOTE: read: ERRNO`.
 * Old Go wrote `getsockopt:` where new Go writes `connect:`.
 */
const lookup = String.raw`lookup (?<host>[^\s:]+)(?: on (?<nameserver>\S+?))?: (?:(?:dial|read|write) (?:udp|tcp)\d?(?: \S+)?: )?(?:(?:connect|getsockopt|read|write|recvfrom|sendto|socket): )?`;
const dial = String.raw`dial (?:tcp|tcp4|tcp6) (?<address>\S+): (?:(?:connect|connectex|getsockopt|socket): )?`;
const established = String.raw`(?:(?:read|write) tcp (?:\S+->)?(?<address>\S+): )?(?:(?:read|write|wsarecv|wsasend): )?`;

const noDirectWay = ['proxy-required', 'proxy-misconfigured'] as const;

/** Name resolution. */
export const dnsRules: readonly Rule[] = [
  {
    id: 'go-net/nameserver-unreachable',
    pattern: new RegExp(
      `${lookup}(?:connection refused|cannot assign requested address|network is unreachable|no route to host|operation not permitted|permission denied)`,
    ),
    cause: 'dns-refused',
    confidence: 'likely',
    alternatives: ['dns-inconsistent', 'no-route'],
    scope: 'network',
    examples: [
      {
        text: 'dial tcp: lookup reg.example on 10.0.0.2:53: read udp 10.0.0.9:40000->10.0.0.2:53: read: connection refused',
        seen: 'Go 1.9 to 1.26',
      },
      {
        text: 'dial tcp: lookup reg.example on [::1]:53: dial udp [::1]:53: connect: cannot assign requested address',
        seen: 'Go 1.14, no nameserver in resolv.conf',
      },
    ],
    lookalikes: ['dial tcp 10.0.0.2:443: connect: connection refused'],
  },
  {
    id: 'go-net/nameserver-silent',
    pattern: new RegExp(
      `${lookup}(?:i/o timeout|Try again|Temporary failure in name resolution|operation was canceled|context deadline exceeded|context canceled|connection timed out)`,
    ),
    cause: 'dns-timeout',
    confidence: 'likely',
    alternatives: ['dns-server-failure', 'dns-refused', 'dns-inconsistent'],
    scope: 'network',
    examples: [
      {
        text: 'dial tcp: lookup reg.example on 10.0.0.2:53: read udp 10.0.0.9:40000->10.0.0.2:53: i/o timeout',
        seen: 'Go 1.9 to 1.26',
      },
      { text: 'dial tcp: lookup reg.example: Try again', seen: 'Go with musl, k3os' },
      { text: 'dial tcp: lookup reg.example: i/o timeout', seen: 'Go 1.12 to 1.26' },
    ],
    lookalikes: ['dial tcp 10.0.0.2:443: i/o timeout'],
  },
  {
    // Go before 1.5 named no address where the lookup took all the time that there was.
    id: 'go-net/dial-nowhere',
    pattern: /dial (?:tcp|tcp4|tcp6): i\/o timeout/,
    cause: 'dns-timeout',
    confidence: 'possible',
    alternatives: ['tcp-timeout', 'proxy-required', 'dns-server-failure', 'dns-refused'],
    scope: 'network',
    examples: [{ text: 'Get https://reg.example/v1/_ping: dial tcp: i/o timeout', seen: 'Go 1.2 to 1.4, docker 1.6' }],
    lookalikes: ['dial tcp 192.0.2.1:443: i/o timeout', 'dial tcp: lookup reg.example: i/o timeout'],
  },
  {
    id: 'go-net/proxy-is-no-name',
    pattern: /lookup ['"]?(?<host>https?|[^\s:!'"]*[!'"][^\s:]*)(?: on (?<nameserver>\S+?))?: no such host/,
    cause: 'proxy-misconfigured',
    confidence: 'likely',
    alternatives: ['dns-name-not-found'],
    scope: 'network',
    examples: [
      {
        text: 'proxyconnect tcp: dial tcp: lookup http on 10.0.0.2:53: no such host',
        seen: 'Go 1.10 to 1.26, proxy variable http://http://proxy:3128',
      },
    ],
    lookalikes: ['dial tcp: lookup httpd.example on 10.0.0.2:53: no such host'],
  },
  {
    id: 'go-net/no-such-host',
    pattern: new RegExp(
      `${lookup}(?:no such host|no DNS entry|Name or service not known|Name does not resolve|No address associated with hostname|nodename nor servname provided|no suitable address found)`,
    ),
    cause: 'dns-name-not-found',
    confidence: 'likely',
    alternatives: ['dns-inconsistent', 'proxy-required'],
    scope: 'network',
    examples: [
      { text: 'dial tcp: lookup reg.example on 10.0.0.2:53: no such host', seen: 'Go 1.5 to 1.26' },
      { text: 'dial tcp: lookup reg.example: no such host', seen: 'Go with cgo, and with /etc/hosts only' },
    ],
    lookalikes: ['network plugin: no such host port'],
  },
  {
    id: 'go-net/server-misbehaving',
    pattern: new RegExp(
      `${lookup}(?:server misbehaving|device or resource busy|cannot (?:un)?marshal DNS message|invalid DNS response|no answer from DNS server|lame referral|DNS server failure|System error)`,
    ),
    cause: 'dns-server-failure',
    confidence: 'likely',
    // Go says it for REFUSED too.
    alternatives: ['dns-refused', 'dns-inconsistent'],
    scope: 'network',
    examples: [
      { text: 'dial tcp: lookup reg.example on 127.0.0.53:53: server misbehaving', seen: 'Go 1.5 to 1.26' },
      { text: 'dial tcp: lookup reg.example on 10.0.0.2:53: no answer from DNS server', seen: 'Go 1.12 to 1.26' },
    ],
    lookalikes: ['the server is misbehaving under load'],
  },
];

/** Connections that do not come about, and connections that end early. */
export const tcpRules: readonly Rule[] = [
  {
    id: 'go-net/dial-timeout',
    pattern: new RegExp(
      `${dial}(?:i/o timeout|connection timed out|operation timed out|context deadline exceeded|A connection attempt failed because)`,
    ),
    cause: 'tcp-timeout',
    confidence: 'likely',
    alternatives: [...noDirectWay, 'some-addresses-unreachable', 'mtu-black-hole'],
    scope: 'network',
    examples: [
      { text: 'dial tcp 192.0.2.1:443: i/o timeout', seen: 'Go 1.5 to 1.26' },
      { text: 'dial tcp 192.0.2.1:443: getsockopt: connection timed out', seen: 'Go 1.8' },
    ],
    lookalikes: ['read tcp 10.0.0.9:1->192.0.2.1:443: i/o timeout'],
  },
  {
    id: 'go-net/dial-refused',
    pattern: new RegExp(
      `${dial}(?:connection refused|No connection could be made because the target machine actively refused it)`,
    ),
    cause: 'tcp-refused',
    confidence: 'likely',
    alternatives: ['some-addresses-unreachable', ...noDirectWay],
    scope: 'network',
    examples: [{ text: 'dial tcp 192.0.2.1:443: connect: connection refused', seen: 'Go 1.11 to 1.26' }],
    lookalikes: ['read udp 10.0.0.9:1->10.0.0.2:53: read: connection refused'],
  },
  {
    id: 'go-net/dial-unreachable',
    pattern: new RegExp(
      `${dial}(?:no route to host|network is unreachable|host is down|cannot assign requested address|connect: invalid argument|A socket operation was attempted to an unreachable)`,
    ),
    cause: 'no-route',
    confidence: 'likely',
    alternatives: ['some-addresses-unreachable', ...noDirectWay],
    scope: 'network',
    examples: [
      { text: 'dial tcp 192.0.2.1:443: connect: no route to host', seen: 'Go 1.11 to 1.26' },
      { text: 'dial tcp [2001:db8::1]:443: connect: network is unreachable', seen: 'Go 1.11 to 1.26' },
    ],
    lookalikes: ['dial udp [::1]:53: connect: network is unreachable'],
  },
  {
    id: 'go-net/dial-filtered',
    pattern: new RegExp(`${dial}(?:operation not permitted|permission denied|too many open files)`),
    cause: 'tcp-refused',
    confidence: 'possible',
    alternatives: ['no-route', ...noDirectWay],
    scope: 'network',
    examples: [{ text: 'dial tcp 192.0.2.1:443: connect: operation not permitted', seen: 'Go 1.11 to 1.26' }],
    lookalikes: ['mount: operation not permitted'],
  },
  {
    id: 'go-net/reset',
    pattern: new RegExp(
      `${established}(?:connection reset by peer|broken pipe|An existing connection was forcibly closed|use of closed network connection)`,
    ),
    cause: 'tcp-reset',
    confidence: 'likely',
    alternatives: ['tls-intercepted', ...noDirectWay, 'registry-error'],
    scope: 'vague',
    examples: [
      {
        text: 'read tcp 10.0.0.9:40000->192.0.2.1:443: read: connection reset by peer',
        seen: 'Go 1.5 to 1.26',
      },
    ],
    lookalikes: ['connection reset counter: 12'],
  },
  {
    id: 'go-net/read-timeout',
    pattern: /(?:read|write) tcp (?:\S+->)?(?<address>\S+): (?:(?:read|write): )?i\/o timeout/,
    cause: 'registry-timeout',
    confidence: 'likely',
    alternatives: ['mtu-black-hole', 'tcp-timeout'],
    scope: 'network',
    examples: [{ text: 'read tcp 10.0.0.9:40000->192.0.2.1:443: i/o timeout', seen: 'Go 1.5 to 1.26' }],
    lookalikes: ['read udp 10.0.0.9:40000->10.0.0.2:53: i/o timeout'],
  },
  {
    id: 'go-net/vanished',
    pattern:
      /(?:read|write) tcp (?:\S+->)?(?<address>\S+): (?:(?:read|write): )?(?:connection timed out|operation timed out)|http2: client connection lost/,
    cause: 'tcp-timeout',
    confidence: 'likely',
    alternatives: ['mtu-black-hole', 'registry-timeout'],
    scope: 'network',
    examples: [
      { text: 'read tcp 10.0.0.9:40000->192.0.2.1:443: read: connection timed out', seen: 'Go 1.5 to 1.26' },
      { text: 'Get "https://reg.example/v2/": http2: client connection lost', seen: 'Go 1.14 to 1.26' },
    ],
    lookalikes: ['dial tcp 192.0.2.1:443: connect: connection timed out'],
  },
];
