import type { Rule } from './rule.ts';

/** A request as Go's net/http names it in an error: `Get "https://host/path": `; Go before 1.14 wrote no quotes. */
const request = String.raw`(?:Get|Head|Post|GET|HEAD|POST) "?https?://[^\s"]+"?: `;

/** A proxy's answer to CONNECT: Go gives the status text alone, with no number (net/http/transport.go dialConn). */
export const proxyRules: readonly Rule[] = [
  {
    id: 'go-http/proxy-auth',
    pattern:
      /Proxy Authentication Required|\b407 Proxy|[Ss]tatus(?: ?[Cc]ode)?:? 407\b|socks connect .{0,200}(?:username\/password authentication failed|no acceptable authentication methods)/,
    cause: 'proxy-auth-required',
    confidence: 'proven',
    scope: 'network',
    examples: [
      { text: 'Get https://reg.example/v2/: Proxy Authentication Required', seen: 'Go 1.5 to 1.26, squid' },
      {
        text: 'socks connect tcp 192.0.2.9:1080->reg.example:443: username/password authentication failed',
        seen: 'Go 1.9 to 1.26, a SOCKS proxy',
      },
    ],
    lookalikes: ['Get https://reg.example/v2/: unauthorized: authentication required'],
  },
  {
    id: 'go-http/proxy-setting',
    pattern:
      /invalid proxy address|(?:proxy|proxyconnect tcp): unknown scheme|proxyconnect tcp: (?:http: server gave HTTP response to HTTPS client|tls: first record does not look like a TLS handshake|tls: oversized record)|proxyconnect tcp: .{0,80}(?:unknown port|invalid port|missing port|too many colons)/,
    cause: 'proxy-misconfigured',
    confidence: 'likely',
    alternatives: ['proxy-unreachable'],
    scope: 'network',
    examples: [
      {
        text: 'proxyconnect tcp: tls: first record does not look like a TLS handshake',
        seen: 'Go 1.10 to 1.26, https:// written for a proxy that speaks http',
      },
    ],
    lookalikes: ['tls: first record does not look like a TLS handshake'],
  },
  {
    id: 'go-http/proxy-denied',
    pattern: new RegExp(
      `${request}(?<answer>Forbidden|Method Not Allowed|Bad Request|Not Allowed|Access Denied)\\b(?! for)|socks connect .{0,200}not allowed by ruleset`,
      'i',
    ),
    cause: 'proxy-denied',
    confidence: 'likely',
    alternatives: ['proxy-bypass-missing', 'access-denied', 'source-address-blocked'],
    scope: 'network',
    examples: [{ text: 'Get "https://reg.example/v2/": Forbidden', seen: 'Go 1.5 to 1.26, squid' }],
    lookalikes: ['unexpected status from HEAD request to https://reg.example/v2/web/manifests/1: 403 Forbidden'],
  },
  {
    // The page of a filter on the way, which names its maker or its rule; dockerd shows what it got in full.
    id: 'go-http/filter-page',
    pattern:
      /<(?:!doctype|html|head|title|body)\b.{0,1500}(?:\bERR_ACCESS_DENIED\b|\bZscaler\b|\bForti(?:Guard|net|Gate)\b|\bBlue ?Coat\b|\bProxySG\b|\bpolicy_denied\b|\bMcAfee Web Gateway\b|\bSkyhigh\b|\bForcepoint\b|\bWebsense\b|\bSophos\b|\bCisco Umbrella\b|\bIronPort\b|\bUserCheck\b|\bNetskope\b|\bWeb Page Blocked\b)/i,
    cause: 'proxy-denied',
    confidence: 'likely',
    alternatives: ['tls-intercepted', 'access-denied'],
    scope: 'pull',
    examples: [
      {
        text: `error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<!DOCTYPE html><html><head><title>Internet Security by Zscaler</title>"`,
        seen: 'docker 20.10 behind a filter',
      },
    ],
    lookalikes: [
      `error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<html><head><title>403 Forbidden</title>"`,
      'x509: certificate signed by unknown authority (possibly because of "x" while trying to verify candidate authority certificate "Zscaler Root CA")',
    ],
  },
  {
    id: 'go-http/proxy-cannot',
    pattern: new RegExp(
      `${request}(?<answer>Service Unavailable|Bad Gateway|Gateway Time-?out|Internal Server Error|Gateway Timeout|Not Found)\\b`,
    ),
    cause: 'proxy-bypass-missing',
    confidence: 'possible',
    alternatives: ['proxy-denied', 'proxy-unreachable', 'registry-error', 'proxy-misconfigured'],
    scope: 'network',
    examples: [{ text: 'Get https://reg.example/v2/: Service Unavailable', seen: 'Go 1.5 to 1.26, squid and nginx' }],
    lookalikes: ['Get https://reg.example/v2/: received unexpected HTTP status: 503 Service Unavailable'],
  },
];

/** TLS that does not come about, and TLS where there is none. */
export const tlsRules: readonly Rule[] = [
  {
    id: 'go-http/plain-answer',
    pattern: /server gave HTTP response to HTTPS client|tls: oversized record received with length 20527/,
    cause: 'http-on-https',
    confidence: 'proven',
    scope: 'network',
    examples: [
      {
        text: 'Get "https://reg.example:5000/v2/": http: server gave HTTP response to HTTPS client',
        seen: 'Go 1.9 to 1.26',
      },
      // 20527 is 0x502F, the `P/` of `HTTP/1.1`.
      { text: 'tls: oversized record received with length 20527', seen: 'Go 1.4 to 1.8' },
    ],
    lookalikes: ['tls: oversized record received with length 24864'],
  },
  {
    id: 'go-http/tls-port',
    pattern:
      /plain HTTP request was sent to (?:an )?HTTPS port|Client sent an HTTP request to an HTTPS server|malformed HTTP response "\\+x1[56]\\+x03|request to an? (?:TLS|SSL)-enabled server port/i,
    cause: 'http-on-https',
    confidence: 'proven',
    scope: 'network',
    examples: [
      {
        text: String.raw`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x01\x00\x02\x02"`,
        seen: 'Go 1.5 to 1.26',
      },
      { text: 'Client sent an HTTP request to an HTTPS server.', seen: 'Go servers, in the body of a 400' },
    ],
    lookalikes: ['malformed HTTP response "SSH-2.0-OpenSSH_9.2"'],
  },
  {
    id: 'go-http/not-tls',
    pattern: /tls: first record does not look like a TLS handshake/,
    cause: 'http-on-https',
    confidence: 'likely',
    alternatives: ['tls-handshake-failed', 'tls-intercepted', 'registry-invalid-response'],
    scope: 'network',
    examples: [
      {
        text: 'Get https://reg.example/v2/: tls: first record does not look like a TLS handshake',
        seen: 'Go 1.10 to 1.26',
      },
    ],
    lookalikes: ['proxyconnect tcp: tls: first record does not look like a TLS handshake'],
  },
  {
    id: 'go-http/tls-timeout',
    pattern: /TLS handshake timeout/,
    cause: 'tls-handshake-failed',
    confidence: 'likely',
    alternatives: ['mtu-black-hole', 'tls-intercepted', 'proxy-required', 'proxy-misconfigured'],
    scope: 'network',
    examples: [{ text: 'Get https://reg.example/v2/: net/http: TLS handshake timeout', seen: 'Go 1.4 to 1.26' }],
    lookalikes: ['tls: handshake failure'],
  },
  {
    id: 'go-http/tls-failed',
    pattern:
      /(?:remote error|local error): tls: (?<alert>[\w ]+)|tls: (?:handshake failure|server selected unsupported protocol|no cipher suite supported|protocol version not supported|oversized record received|unsupported SSLv2|bad record MAC|unexpected message|received unexpected|invalid signature|failed to parse certificate|server chose|server's certificate contains|client offered only unsupported|either ServerName or|internal error|unsupported certificate)/,
    cause: 'tls-handshake-failed',
    confidence: 'likely',
    alternatives: ['tls-intercepted', 'mtu-black-hole'],
    scope: 'network',
    examples: [
      { text: 'Get "https://reg.example/v2/": remote error: tls: handshake failure', seen: 'Go 1.5 to 1.26' },
      { text: 'remote error: tls: certificate required', seen: 'Go 1.21 to 1.26, a client certificate is wanted' },
    ],
    lookalikes: ['tls: failed to verify certificate: x509: certificate signed by unknown authority'],
  },
];

/** Requests that get no answer in time, or none that is HTTP. */
export const httpRules: readonly Rule[] = [
  {
    id: 'go-http/no-connection-in-time',
    pattern:
      /request canceled while waiting for connection|context deadline exceeded \(Client\.Timeout exceeded while awaiting headers\)|Network timed out while trying to connect/,
    cause: 'tcp-timeout',
    confidence: 'possible',
    alternatives: [
      'registry-timeout',
      'proxy-required',
      'proxy-misconfigured',
      'dns-timeout',
      'tls-handshake-failed',
      'mtu-black-hole',
    ],
    scope: 'network',
    examples: [
      {
        text: 'Get https://reg.example/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
        seen: 'Go 1.6 to 1.14, docker 1.10 to 19.03',
      },
    ],
    lookalikes: ['net/http: request canceled (Client.Timeout exceeded while reading body)'],
  },
  {
    id: 'go-http/no-headers',
    pattern:
      /timeout awaiting response headers|\(Client\.Timeout (?:or context cancellation )?exceeded while (?:awaiting headers|reading body)\)|Client\.Timeout or context cancellation while reading body/,
    cause: 'registry-timeout',
    confidence: 'likely',
    alternatives: ['tcp-timeout', 'mtu-black-hole', 'proxy-required', 'proxy-misconfigured'],
    scope: 'network',
    examples: [
      {
        text: 'Head "https://reg.example/v2/web/manifests/1": net/http: timeout awaiting response headers',
        seen: 'Go 1.1 to 1.26, containerd 2.3',
      },
    ],
    lookalikes: [
      'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    ],
  },
  {
    id: 'go-http/not-http',
    pattern:
      /malformed HTTP (?:response|status code|version)|malformed MIME header|stopped after \d+ redirects|unsupported protocol scheme|invalid header field|http: server response headers exceeded/,
    cause: 'registry-invalid-response',
    confidence: 'likely',
    alternatives: ['http-on-https', 'tls-intercepted'],
    scope: 'network',
    examples: [
      {
        text: 'Get "http://reg.example:22/v2/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2"',
        seen: 'Go 1.5 to 1.26',
      },
      { text: 'Get "https://reg.example/login": stopped after 10 redirects', seen: 'Go 1.0 to 1.26' },
    ],
    lookalikes: [],
  },
  {
    id: 'go-http/request-cut',
    pattern: new RegExp(
      `${request}(?:.{0,80}: )?(?:unexpected EOF|EOF|http: server closed idle connection|http2: server sent GOAWAY.*|http2: Transport.*|stream error: .*|net/http: HTTP/1\\.x transport connection broken.*)`,
    ),
    cause: 'registry-error',
    confidence: 'likely',
    alternatives: ['tcp-reset', 'tls-intercepted', 'registry-timeout'],
    scope: 'network',
    examples: [{ text: 'Get "https://reg.example/v2/": EOF', seen: 'Go 1.1 to 1.26' }],
    lookalikes: ['archive/tar: unexpected EOF'],
  },
  {
    id: 'go-http/request-late',
    pattern: new RegExp(`${request}(?:.{0,80}: )?context deadline exceeded`),
    cause: 'registry-timeout',
    confidence: 'possible',
    alternatives: [
      'tcp-timeout',
      'pull-timeout',
      'dns-timeout',
      'mtu-black-hole',
      'proxy-required',
      'proxy-misconfigured',
    ],
    scope: 'network',
    examples: [
      {
        text: 'failed to do request: Head "https://reg.example/v2/web/manifests/1": context deadline exceeded',
        seen: 'containerd 1.5 to 2.1',
      },
    ],
    lookalikes: ['rpc error: code = DeadlineExceeded desc = context deadline exceeded'],
  },
  {
    id: 'go-http/request-canceled',
    pattern: new RegExp(`${request}(?:.{0,80}: )?(?:context canceled|net/http: request canceled)`),
    cause: 'registry-timeout',
    confidence: 'possible',
    alternatives: ['pull-canceled', 'pull-timeout', 'pull-stalled', 'tcp-timeout'],
    scope: 'network',
    examples: [
      {
        text: 'failed to do request: Head "https://reg.example/v2/web/manifests/1": context canceled',
        seen: 'containerd 1.7, after its progress timeout',
      },
    ],
    lookalikes: ['rpc error: code = Canceled desc = context canceled'],
  },
];
