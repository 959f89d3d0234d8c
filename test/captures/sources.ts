import type { CauseId } from '../../src/model/cause-id.ts';

/** What a program prints, by its source: `[text, source file]`. A text without a wrapper is one that stands in a pull's error. */
export type Printed = readonly [text: string, source: string];

const d = 'sha256:9c859ee9ae8224ac8800320b0e14ebffed2f4c82d4a37c37130e1672f9d6c26b';
const e = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ref = 'reg.example/team/web:1';
const crio = (error: string): string => `Failed to pull image "${ref}": ${error}`;
const crioNew = (error: string): string =>
  crio(`unable to pull image or OCI artifact: pull image err: ${error}; artifact err: create image source: pinging`);
const pull = (error: string): string =>
  `Failed to pull image "${ref}": failed to pull and unpack image "${ref}": ${error}`;
const resolve = (error: string): string => pull(`failed to resolve reference "${ref}": ${error}`);
const head = (error: string): string =>
  resolve(`failed to do request: Head "https://reg.example/v2/team/web/manifests/1": ${error}`);
const ping = (error: string): string =>
  crio(
    `unable to pull image: initializing source docker://${ref}: pinging container registry reg.example: Get "https://reg.example/v2/": ${error}`,
  );
const daemon = (error: string): string => crio(`Error response from daemon: ${error}`);

/**
 * For each cause that words can name, what upstream programs print for it. Read from their sources; the error strings are
 * theirs, the names are ours. containerd 1.6 to 2.4, containers/image 5.20 to 5.36 and CRI-O 1.24 to 1.36, kubelet 1.2x to
 * 1.36, moby, distribution, and what Go's net, crypto/tls and crypto/x509 say beneath them.
 */
export const printed: Readonly<Partial<Record<CauseId, readonly Printed[]>>> = {
  'invalid-image-name': [
    [
      'Failed to apply default image tag "Web": couldn\'t parse image name "Web": invalid reference format: repository name (library/Web) must be lowercase',
      'kubernetes pkg/util/parsers/parsers.go',
    ],
    [
      'Failed to inspect image "": rpc error: code = Unknown desc = couldn\'t parse image reference "a:b:c": invalid reference format',
      'kubernetes pkg/util/parsers/parsers.go, before 1.28',
    ],
    [
      crio(`failed to parse image reference "${ref}@sha256:1": invalid checksum digest length`),
      'containerd internal/cri/server/images/image_pull.go, opencontainers/go-digest',
    ],
    [
      crio('parse image name: invalid reference format: repository name (team/WEB) must be lowercase'),
      'cri-o server/image_pull.go prepareTempAuthFile',
    ],
    [
      crio('cannot normalize input: "http://reg/web": invalid reference format'),
      'containers/image pkg/shortnames/shortnames.go',
    ],
    [
      crio(
        'invalid repository name (9c859ee9ae8224ac8800320b0e14ebffed2f4c82d4a37c37130e1672f9d6c26b), cannot specify 64-byte hexadecimal strings',
      ),
      'distribution/reference normalize.go',
    ],
    [crio('repository name must not be more than 255 characters'), 'distribution/reference reference.go'],
    ['Error: InvalidImageName', 'kubernetes pkg/kubelet/images/types.go'],
  ],
  'short-name-unresolved': [
    [
      crio('short-name "web:1" did not resolve to an alias and no containers-registries.conf(5) was found'),
      'containers/image pkg/shortnames/shortnames.go',
    ],
    [
      crio(
        'short-name "web:1" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
      ),
      'containers/image pkg/shortnames/shortnames.go',
    ],
    [
      crio('short-name resolution enforced but cannot prompt without a TTY'),
      'containers/image pkg/shortnames/shortnames.go',
    ],
    [
      'Failed to inspect image "": rpc error: code = Unknown desc = short name mode is enforcing, but image name web:1 returns ambiguous list',
      'cri-o internal/storage/image.go',
    ],
    [
      'Failed to inspect image "web:1": rpc error: code = Unknown desc = no registries configured while trying to pull an unqualified image',
      'cri-o pkg/storage/image.go, 1.9 to 1.19',
    ],
  ],
  'dns-name-not-found': [
    [head('dial tcp: lookup reg.example on 10.0.0.2:53: no such host'), 'Go net/dnsclient_unix.go'],
    [head('dial tcp: lookup reg.example: no such host'), 'Go net/lookup.go'],
    [
      ping('dial tcp: lookup reg.example on 127.0.0.53:53: no such host'),
      'Go net, containers/image docker/docker_client.go',
    ],
    [head('dial tcp: lookup reg.example: No address associated with hostname'), 'Go net/cgo_unix.go with glibc'],
    [head('dial tcp: lookup reg.example: Name does not resolve'), 'Go net/cgo_unix.go with musl'],
    [
      daemon('Get "https://reg.example/v2/": dial tcp: lookup reg.example on [fd00::2]:53: no such host'),
      'Go net, moby registry/auth.go',
    ],
  ],
  'dns-server-failure': [
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: server misbehaving'),
      'Go net/dnsclient_unix.go errServerMisbehaving',
    ],
    [ping('dial tcp: lookup reg.example on 10.0.0.2:53: server misbehaving'), 'Go net/dnsclient_unix.go'],
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: cannot unmarshal DNS message'),
      'Go net/dnsclient_unix.go errCannotUnmarshalDNSMessage',
    ],
    [head('dial tcp: lookup reg.example on 10.0.0.2:53: lame referral'), 'Go net/dnsclient_unix.go errLameReferral'],
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: invalid DNS response'),
      'Go net/dnsclient_unix.go errInvalidDNSResponse',
    ],
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: no answer from DNS server'),
      'Go net/dnsclient_unix.go errNoAnswerFromDNSServer',
    ],
  ],
  'dns-timeout': [
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: read udp 10.0.0.9:4000->10.0.0.2:53: i/o timeout'),
      'Go net/dnsclient_unix.go',
    ],
    [head('dial tcp: lookup reg.example: i/o timeout'), 'Go net/lookup.go'],
    [head('dial tcp: lookup reg.example: Temporary failure in name resolution'), 'Go net/cgo_unix.go with glibc'],
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: dial tcp 10.0.0.2:53: i/o timeout'),
      'Go net/dnsclient_unix.go, use-vc',
    ],
    [ping('dial tcp: lookup reg.example: operation was canceled'), 'Go net/net.go errCanceled'],
  ],
  'dns-refused': [
    [
      head(
        'dial tcp: lookup reg.example on 10.0.0.2:53: read udp 10.0.0.9:4000->10.0.0.2:53: read: connection refused',
      ),
      'Go net',
    ],
    [
      head('dial tcp: lookup reg.example on [::1]:53: read udp [::1]:4000->[::1]:53: read: connection refused'),
      'Go net/dnsconfig.go defaultNS',
    ],
    [
      head('dial tcp: lookup reg.example on [fd00::2]:53: dial udp [fd00::2]:53: connect: network is unreachable'),
      'Go net',
    ],
    [
      head('dial tcp: lookup reg.example on 10.0.0.2:53: dial tcp 10.0.0.2:53: connect: connection refused'),
      'Go net, use-vc',
    ],
    [
      head(
        'dial tcp: lookup reg.example on 10.0.0.2:53: write udp 10.0.0.9:4000->10.0.0.2:53: write: operation not permitted',
      ),
      'Go net',
    ],
  ],
  'no-route': [
    [head('dial tcp 192.0.2.1:443: connect: no route to host'), 'Go net'],
    [head('dial tcp 192.0.2.1:443: connect: network is unreachable'), 'Go net'],
    [head('dial tcp [2001:db8::1]:443: connect: cannot assign requested address'), 'Go net'],
    [ping('dial tcp 192.0.2.1:443: connect: host is down'), 'Go net'],
    [daemon('Get https://reg.example/v2/: dial tcp 192.0.2.1:443: getsockopt: no route to host'), 'Go net before 1.11'],
  ],
  'tcp-refused': [
    [head('dial tcp 192.0.2.1:443: connect: connection refused'), 'Go net'],
    [ping('dial tcp 192.0.2.1:443: connect: connection refused'), 'Go net, containers/image'],
    [
      'image pull failed for reg.example/team/web:1 because the registry is unavailable: pinging container registry reg.example: Get "https://reg.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused',
      'kubernetes pkg/kubelet/images/image_manager.go evalCRIPullErr',
    ],
    [
      daemon('Get https://reg.example/v2/: dial tcp 192.0.2.1:443: getsockopt: connection refused'),
      'Go net before 1.11',
    ],
    [
      'ctr: failed to resolve image: failed to do request: Head "http://localhost:5000/v2/web/manifests/1": dial tcp [::1]:5000: connect: connection refused',
      'containerd core/transfer/local/pull.go',
    ],
  ],
  'tcp-timeout': [
    [head('dial tcp 192.0.2.1:443: i/o timeout'), 'Go net'],
    [head('dial tcp 192.0.2.1:443: connect: connection timed out'), 'Go net'],
    [ping('dial tcp 192.0.2.1:443: i/o timeout'), 'containers/image docker/docker_client.go'],
    [
      daemon(
        'Get "https://reg.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
      ),
      'Go net/http/client.go, moby',
    ],
    [
      daemon(
        'Get "https://reg.example/v2/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
      ),
      'Go net/http/client.go since 1.14',
    ],
    [
      head(
        'dial tcp 192.0.2.1:443: connectex: A connection attempt failed because the connected party did not properly respond after a period of time',
      ),
      'Go net on Windows',
    ],
  ],
  'tcp-reset': [
    [head('read tcp 10.0.0.9:4000->192.0.2.1:443: read: connection reset by peer'), 'Go net'],
    [ping('read tcp 10.0.0.9:4000->192.0.2.1:443: read: connection reset by peer'), 'Go net'],
    [head('write tcp 10.0.0.9:4000->192.0.2.1:443: write: broken pipe'), 'Go net'],
    [head('read tcp [2001:db8::9]:4000->[2001:db8::1]:443: read: connection reset by peer'), 'Go net'],
    [head('dial tcp 192.0.2.1:443: connect: connection reset by peer'), 'Go net'],
  ],
  'proxy-unreachable': [
    [head('proxyconnect tcp: dial tcp 192.0.2.9:3128: connect: connection refused'), 'Go net/http/transport.go'],
    [head('proxyconnect tcp: dial tcp 192.0.2.9:3128: i/o timeout'), 'Go net/http/transport.go'],
    [head('proxyconnect tcp: dial tcp: lookup proxy.example on 10.0.0.2:53: no such host'), 'Go net/http/transport.go'],
    [ping('proxyconnect tcp: EOF'), 'Go net/http/transport.go'],
    [
      ping('proxyconnect tcp: read tcp 10.0.0.9:4000->192.0.2.9:3128: read: connection reset by peer'),
      'Go net/http/transport.go',
    ],
    [
      head('socks connect tcp 192.0.2.9:1080->reg.example:443: dial tcp 192.0.2.9:1080: connect: connection refused'),
      'Go net/http/socks_bundle.go',
    ],
  ],
  'proxy-auth-required': [
    [head('Proxy Authentication Required'), 'Go net/http/transport.go dialConn'],
    [ping('Proxy Authentication Required'), 'Go net/http/transport.go dialConn'],
    [daemon('Get https://reg.example/v2/: Proxy Authentication Required'), 'moby'],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: StatusCode: 407, "<html>"',
      ),
      'containers/image docker/errors.go, plain http',
    ],
    [
      resolve(
        'unexpected status from HEAD request to http://reg.example/v2/team/web/manifests/1: 407 Proxy Authentication Required',
      ),
      'containerd core/remotes/errors/errors.go, plain http',
    ],
    [
      head('socks connect tcp 192.0.2.9:1080->reg.example:443: username/password authentication failed'),
      'Go net/http/socks_bundle.go',
    ],
  ],
  'proxy-denied': [
    [head('Forbidden'), 'Go net/http/transport.go dialConn'],
    [ping('Forbidden'), 'Go net/http/transport.go dialConn'],
    [head('Method Not Allowed'), 'Go net/http/transport.go dialConn'],
    [daemon('Get "https://reg.example/v2/": Access Denied'), 'Go net/http/transport.go dialConn'],
    [
      head('socks connect tcp 192.0.2.9:1080->reg.example:443: unknown error connection not allowed by ruleset'),
      'Go net/http/socks_bundle.go',
    ],
  ],
  'proxy-misconfigured': [
    [head('proxyconnect tcp: tls: first record does not look like a TLS handshake'), 'Go net/http/transport.go'],
    [head('proxyconnect tcp: dial tcp: lookup http on 10.0.0.2:53: no such host'), 'Go net/http/transport.go'],
    [head('invalid proxy address "::": parse "::": missing protocol scheme'), 'golang.org/x/net/http/httpproxy'],
    [head('proxyconnect tcp: dial tcp: address 3128;: invalid port'), 'Go net/http/transport.go'],
    [head('proxyconnect tcp: http: server gave HTTP response to HTTPS client'), 'Go net/http/transport.go'],
    [head('proxy: unknown scheme: ftp'), 'golang.org/x/net/proxy'],
  ],
  'tls-unknown-authority': [
    [
      head('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
      'Go crypto/x509/verify.go',
    ],
    [
      ping('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
      'Go crypto/x509/verify.go',
    ],
    [
      head(
        'x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "Corp CA")',
      ),
      'Go crypto/x509/verify.go',
    ],
    [daemon('Get https://reg.example/v2/: x509: certificate signed by unknown authority'), 'moby'],
    [head('x509: failed to load system roots and no roots provided'), 'Go crypto/x509/verify.go'],
  ],
  'tls-certificate-expired': [
    [
      'ctr: failed to resolve image: failed to do request: Head "https://reg.example/v2/web/manifests/1": x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2021-09-30T14:01:15Z',
      'Go crypto/x509/verify.go',
    ],
    [
      'Failed to pull image "reg.example/team/web:1": rpc error: code = Unknown desc = Error response from daemon: Get https://reg.example/v1/_ping: x509: certificate has expired or is not yet valid',
      'moby before 1.13',
    ],
    [
      head(
        'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2025-01-01T00:00:00Z',
      ),
      'Go crypto/x509/verify.go',
    ],
    [
      ping(
        'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2025-01-01T00:00:00Z',
      ),
      'Go crypto/x509/verify.go',
    ],
    [
      daemon('Get https://reg.example/v2/: x509: certificate has expired or is not yet valid'),
      'Go crypto/x509/verify.go before 1.13',
    ],
  ],
  'tls-hostname-mismatch': [
    [
      head('tls: failed to verify certificate: x509: certificate is valid for a.example, not reg.example'),
      'Go crypto/x509/verify.go HostnameError',
    ],
    [
      head('x509: certificate is not valid for any names, but wanted to match reg.example'),
      'Go crypto/x509/verify.go HostnameError',
    ],
    [
      ping(
        "tls: failed to verify certificate: x509: cannot validate certificate for 192.0.2.1 because it doesn't contain any IP SANs",
      ),
      'Go crypto/x509/verify.go HostnameError',
    ],
    [head('x509: certificate relies on legacy Common Name field, use SANs instead'), 'Go crypto/x509/verify.go'],
    [
      head('x509: certificate is valid for 10.0.0.1, 127.0.0.1, not 192.0.2.1'),
      'Go crypto/x509/verify.go HostnameError',
    ],
  ],
  'tls-handshake-failed': [
    [head('net/http: TLS handshake timeout'), 'Go net/http/transport.go'],
    [head('remote error: tls: handshake failure'), 'Go crypto/tls/alert.go'],
    [head('remote error: tls: protocol version not supported'), 'Go crypto/tls/alert.go'],
    [ping('remote error: tls: certificate required'), 'Go crypto/tls/alert.go'],
    [head('tls: server selected unsupported protocol version 301'), 'Go crypto/tls/handshake_client.go'],
    [head('remote error: tls: unrecognized name'), 'Go crypto/tls/alert.go'],
    [head('local error: tls: bad record MAC'), 'Go crypto/tls/conn.go'],
    [head('remote error: tls: bad certificate'), 'Go crypto/tls/alert.go'],
  ],
  'http-on-https': [
    [head('http: server gave HTTP response to HTTPS client'), 'Go net/http/transport.go'],
    [ping('http: server gave HTTP response to HTTPS client'), 'Go net/http/transport.go'],
    [head('tls: first record does not look like a TLS handshake'), 'Go crypto/tls/conn.go'],
    [
      daemon(
        String.raw`Get "http://reg.example:443/v2/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x01\x00\x02\x02"`,
      ),
      'Go net/http/transport.go',
    ],
    [
      resolve(
        'unexpected status from HEAD request to http://reg.example:443/v2/team/web/manifests/1: 400 Bad Request - Server message: Client sent an HTTP request to an HTTPS server.',
      ),
      'Go net/http/server.go',
    ],
  ],
  'clock-skew': [
    [
      crio('denied: Client assertion is not within its valid time range. Current time: 2026-11-22T10:00:00Z'),
      'Microsoft Entra ID, AADSTS700024',
    ],
    [
      crio(
        'unauthorized: SignatureDoesNotMatch: Signature not yet current: 20261122T100000Z is still later than 20261122T095000Z',
      ),
      'AWS signature version 4',
    ],
    [
      head(
        'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 1970-01-01T00:00:10Z is before 2026-01-01T00:00:00Z',
      ),
      'Go crypto/x509/verify.go',
    ],
    [
      ping(
        'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:10Z is before 2026-01-01T00:00:00Z',
      ),
      'Go crypto/x509/verify.go',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://reg.example/token: 401 Unauthorized: token is not yet valid (nbf)',
      ),
      'golang-jwt, claims',
    ],
    [
      crio('unable to retrieve auth token: invalid username/password: unauthorized: Token used before issued'),
      'golang-jwt errors.go',
    ],
  ],
  'registry-error': [
    [
      resolve(
        'unexpected status from HEAD request to https://reg.example/v2/team/web/manifests/1: 500 Internal Server Error',
      ),
      'containerd core/remotes/errors/errors.go',
    ],
    [
      resolve('pulling from host reg.example failed with status code [manifests 1]: 502 Bad Gateway'),
      'containerd 1.4 to 1.6',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: received unexpected HTTP status: 503 Service Unavailable',
      ),
      'distribution registry/client/errors.go',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: Requesting bearer token: received unexpected HTTP status: 500 Internal Server Error',
      ).replace('Requesting bearer token: ', ''),
      'distribution registry/client/errors.go',
    ],
    [
      'image pull failed for reg.example/team/web:1 because the registry is unavailable.',
      'kubernetes pkg/kubelet/images/image_manager.go',
    ],
    [ping('EOF'), 'Go net/http'],
    [
      head('http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR'),
      'Go net/http/h2_bundle.go',
    ],
    [
      crioNew(
        'initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: received unexpected HTTP status: 502 Bad Gateway',
      ),
      'cri-o internal/storage/image.go',
    ],
  ],
  'registry-timeout': [
    [head('net/http: timeout awaiting response headers'), 'Go net/http/transport.go'],
    [head('read tcp 10.0.0.9:4000->192.0.2.1:443: i/o timeout'), 'Go net'],
    [head('context deadline exceeded'), 'Go context'],
    [
      daemon(
        'Get "https://reg.example/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
      ),
      'Go net/http/client.go',
    ],
    [daemon('received unexpected HTTP status: 408 Request Timeout'), 'distribution registry/client/errors.go'],
  ],
  'registry-invalid-response': [
    [
      pull(`failed to unpack image on snapshotter overlayfs: unexpected media type text/html for ${d}: not found`),
      'containerd core/images/image.go',
    ],
    [
      daemon('error parsing HTTP 200 response body: invalid character \'<\' looking for beginning of value: "<html>"'),
      'distribution registry/client/errors.go',
    ],
    [
      head('net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2"'),
      'Go net/http',
    ],
    [head('stopped after 10 redirects'), 'containerd core/remotes/docker/resolver.go'],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: StatusCode: 400, "<!DOCTYPE html><html><head><title>Blocked</title>..."',
      ),
      'containers/image docker/errors.go',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: decoding bearer token (last URL "https://reg.example/token", body start "<html>"): invalid character \'<\' looking for beginning of value',
      ),
      'containers/image docker/docker_client.go',
    ],
    [
      resolve(
        "failed to authorize: failed to fetch anonymous token: unable to decode token response: invalid character '<' looking for beginning of value",
      ),
      'containerd core/remotes/docker/auth/fetch.go',
    ],
    [
      resolve('failed to authorize: no realm specified for token auth challenge'),
      'containerd core/remotes/docker/authorizer.go',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch anonymous token: authorization server did not include a token in the response',
      ),
      'containerd core/remotes/docker/auth/fetch.go',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: missing realm in bearer auth challenge',
      ),
      'containers/image docker/docker_client.go',
    ],
  ],
  'rate-limited': [
    [
      resolve(
        'unexpected status from HEAD request to https://registry-1.docker.io/v2/library/web/manifests/1: 429 Too Many Requests',
      ),
      'containerd core/remotes/errors/errors.go',
    ],
    [
      crioNew(
        'initializing source docker://web:1: reading manifest 1 in docker.io/library/web: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
      ),
      'Docker Hub, containers/image',
    ],
    [
      crio('unable to pull image: initializing source docker://reg.example/team/web:1: too many requests to registry'),
      'containers/image docker/errors.go',
    ],
    [daemon('toomanyrequests: Rate exceeded'), 'Amazon ECR Public'],
    [
      daemon(
        "toomanyrequests: Quota exceeded for quota metric 'Requests per project per region' and limit 'Requests per project per region per minute per region' of service 'artifactregistry.googleapis.com'",
      ),
      'Artifact Registry quotas',
    ],
    [
      resolve(
        'unexpected status from HEAD request to https://reg.example/v2/team/web/manifests/1: 429 Too Many Requests - Server message: unknown: too many requests to upstream registry',
      ),
      'goharbor proxy cache',
    ],
    [daemon('toomanyrequests: Too Many Requests (HAP429)'), 'Docker Hub abuse limit'],
    [
      daemon('TOOMANYREQUESTS: Too Many Requests. Please reduce your request rate.'),
      'Azure Container Registry throttling',
    ],
  ],
  'auth-service-unreachable': [
    [
      resolve(
        'failed to authorize: failed to fetch anonymous token: Get "https://auth.example/token?scope=repository%3Ateam%2Fweb%3Apull&service=reg.example": dial tcp 192.0.2.5:443: i/o timeout',
      ),
      'containerd core/remotes/docker/auth/fetch.go',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch oauth token: Post "https://auth.example/token": dial tcp: lookup auth.example on 10.0.0.2:53: no such host',
      ),
      'containerd core/remotes/docker/auth/fetch.go',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: Get "https://auth.example/token?scope=repository%3Ateam%2Fweb%3Apull&service=reg.example": dial tcp 192.0.2.5:443: connect: connection refused',
      ),
      'containers/image docker/docker_client.go getBearerToken',
    ],
    [
      daemon(
        'Head "https://reg.example/v2/team/web/manifests/1": Get "https://auth.example/token?scope=repository%3Ateam%2Fweb%3Apull": net/http: TLS handshake timeout',
      ),
      'moby',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.example/token?service=reg.example: 503 Service Unavailable',
      ),
      'containerd',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: Requesting bearer token: received unexpected HTTP status: 503 Service Unavailable',
      ),
      'containers/image docker/errors.go',
    ],
  ],
  'credentials-missing': [
    [
      resolve(
        'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
      ),
      'containerd core/remotes/docker/authorizer.go',
    ],
    [
      daemon('Get "https://reg.example/v2/": no basic auth credentials'),
      'distribution registry/client/auth/session.go',
    ],
    [
      crioNew(
        'initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: authentication required',
      ),
      'distribution errcode UNAUTHORIZED',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: unauthorized: authentication required',
      ),
      'Azure Container Registry, OpenShift',
    ],
    [
      daemon(
        'Head "https://us-docker.pkg.dev/v2/p/r/web/manifests/1": denied: Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "projects/p/locations/us/repositories/r" (or it may not exist)',
      ),
      'Artifact Registry',
    ],
    [
      daemon(
        'unauthorized: Please login to the Red Hat Registry using your Customer Portal credentials. Further instructions can be found here: https://access.redhat.com/RegistryAuthentication',
      ),
      'registry.redhat.io',
    ],
    [
      daemon(
        'unauthorized: authorize header needed to send HEAD to repository: authorize header needed to send HEAD to repository',
      ),
      'goharbor src/server/middleware/v2auth',
    ],
  ],
  'credentials-rejected': [
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password',
      ),
      'containers/image docker/errors.go',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.example/token: 401 Unauthorized',
      ),
      'containerd',
    ],
    [daemon('Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password'), 'Docker Hub'],
    [
      daemon(
        'Get "https://gitlab.example/v2/": unauthorized: HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or you\'re required to use a token instead of a password.',
      ),
      'GitLab container registry',
    ],
    [daemon('unauthorized: BAD_CREDENTIAL: Bad credentials'), 'JFrog Artifactory'],
    [daemon('unauthorized: Invalid clientid or client secret.'), 'Azure Container Registry'],
    [daemon('unauthorized: Could not find robot with username: team+ci and supplied password.'), 'Quay'],
    [daemon('Wrong username or password'), 'JFrog Artifactory'],
  ],
  'credentials-expired': [
    [daemon('denied: Your authorization token has expired. Reauthenticate and try again.'), 'Amazon ECR'],
    [
      resolve(
        'unexpected status from HEAD request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/web/manifests/1: 403 Forbidden - Server message: denied: Your authorization token has expired. Reauthenticate and try again.',
      ),
      'containerd 2.3.3, Amazon ECR',
    ],
    [daemon('unauthorized: Token is expired'), 'golang-jwt'],
    [
      crio(
        'unable to retrieve auth token: invalid username/password: unauthorized: AADSTS7000222: The provided client secret keys for app are expired.',
      ),
      'Microsoft Entra ID',
    ],
    [daemon('ExpiredToken: The security token included in the request is expired'), 'AWS STS'],
  ],
  'access-denied': [
    [
      resolve('unexpected status from HEAD request to https://reg.example/v2/team/web/manifests/1: 403 Forbidden'),
      'containerd core/remotes/errors/errors.go',
    ],
    [
      daemon(
        'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/us/repositories/r" (or it may not exist)',
      ),
      'Artifact Registry',
    ],
    [
      daemon(
        'denied: User: arn:aws:sts::1:assumed-role/n is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:1:repository/web because no identity-based policy allows the ecr:BatchGetImage action',
      ),
      'Amazon ECR',
    ],
    [
      daemon(
        "denied: You don't have the needed permissions to perform this operation, and you may have invalid credentials. To authenticate your request, follow the steps in: https://cloud.google.com/container-registry/docs/advanced-authentication",
      ),
      'Container Registry',
    ],
    [daemon('denied: access forbidden'), 'GitLab'],
    [daemon('unauthorized: The client does not have permission for manifest'), 'JFrog Artifactory'],
    [daemon('denied: permission_denied: The token provided does not match expected scopes.'), 'GHCR'],
    [daemon('denied: permission_denied: read_package'), 'GHCR'],
    [
      crioNew(
        'initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: denied: User does not have pull access to the repository',
      ),
      'distribution errcode DENIED',
    ],
  ],
  'source-address-blocked': [
    [
      daemon(
        "denied: client with IP '192.0.2.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
      ),
      'Azure Container Registry firewall',
    ],
    [
      resolve(
        "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://reg.azurecr.io/oauth2/token: 403 Forbidden - Server message: denied: client with IP '192.0.2.7' is not allowed access",
      ),
      'Azure Container Registry firewall',
    ],
    [
      'Failed to pull image "registry.k8s.io/web:1": failed to pull and unpack image "registry.k8s.io/web:1": failed to resolve reference "registry.k8s.io/web:1": unexpected status from HEAD request to https://us-east4-docker.pkg.dev/v2/k8s-artifacts-prod/images/web/manifests/1: 403 Forbidden',
      'registry.k8s.io redirect',
    ],
    [daemon('denied: This resource is not available in your country'), 'registries behind export controls'],
    [
      daemon(
        'error parsing HTTP 403 response body: invalid character \'<\' looking for beginning of value: "<html><body>Since Docker is a US company, we must comply with US export control regulations. Your IP address has been blocked"',
      ),
      'Docker Hub, export controls',
    ],
  ],
  'pull-secret-missing': [
    [
      'Unable to retrieve some image pull secrets (regcred, other); attempting to pull the image may not succeed.',
      'kubernetes pkg/kubelet/kubelet_pods.go',
    ],
    [
      'I1122 10:00:00.000000 1 kubelet_pods.go:1010] "Unable to retrieve pull secret, the image pull may not succeed." pod="team/web-0" secret="" err="secrets \\"regcred\\" not found"',
      'kubernetes pkg/kubelet/kubelet_pods.go',
    ],
    [
      'W1122 10:00:00.000000 1 kubelet_pods.go:880] Unable to retrieve pull secret team/regcred for team/web-0 due to secrets "regcred" not found.  The image pull may not succeed.',
      'kubernetes pkg/kubelet/kubelet_pods.go to 1.18',
    ],
    [
      'FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.',
      'kubectl get events',
    ],
    [
      'I1122 10:00:00.000000 1 kubelet_pods.go:1010] "Unable to retrieve pull secret, the image pull may not succeed." pod="team/web-0" secret="team/regcred" err="failed to sync secret cache: timed out waiting for the condition"',
      'kubernetes pkg/kubelet/util/manager',
    ],
  ],
  'pull-secret-invalid': [
    [crio('illegal base64 data at input byte 4'), 'kubernetes pkg/credentialprovider/config.go'],
    [
      crio('unable to parse auth field, must be formatted as base64(username:password)'),
      'kubernetes pkg/credentialprovider/config.go decodeDockerConfigFieldAuth',
    ],
    [
      crio("invalid character '}' looking for beginning of object key string").replace(
        crio(''),
        crio('failed to unmarshal dockerconfigjson: '),
      ),
      'encoding/json',
    ],
    [
      'E1122 10:00:00.000000 1 kuberuntime_image.go:40] "Failed to pull image" err="unable to parse auth field, must be formatted as base64(username:password)" image="reg.example/team/web:1"',
      'kubernetes pkg/kubelet/kuberuntime/kuberuntime_image.go',
    ],
    [crio('invalid decoded auth: "app"'), 'containerd internal/cri/server/images/image_pull.go ParseAuth'],
  ],
  'credential-provider-failed': [
    [
      'E1122 10:00:00.000000 1 plugin.go:391] "Failed getting credential from external registry credential provider" err="error execing credential provider plugin ecr-credential-provider for image reg.example/web: exit status 1"',
      'kubernetes pkg/credentialprovider/plugin/plugin.go',
    ],
    [
      'E1122 10:00:00.000000 1 plugin.go:391] Failed getting credential from external registry credential provider: error execing credential provider plugin acr-credential-provider for image reg.example/web: context deadline exceeded',
      'kubernetes pkg/credentialprovider/plugin/plugin.go',
    ],
    [
      'E1122 10:00:00.000000 1 plugins.go:10] Error getting service account token team/default: serviceaccounts "default" is forbidden: audience "x" not found in pod spec volume',
      'kubernetes pkg/credentialprovider/plugin/plugin.go',
    ],
    [
      'E1122 10:00:00.000000 1 kuberuntime_manager.go:290] "Failed to register CRI auth plugins" err="plugin binary executable /etc/kubernetes/ecr-credential-provider did not exist"',
      'kubernetes pkg/credentialprovider/plugin/plugin.go',
    ],
    [
      'F1122 10:00:00.000000 1 server.go:1] failed to validate credential provider config: providers: Required value: at least 1 item in plugins is required',
      'kubernetes pkg/credentialprovider/plugin/config.go',
    ],
    [
      daemon('error getting credentials - err: exit status 1, out: `credentials not found in native keychain`'),
      'docker-credential-helpers',
    ],
  ],
  'repository-not-found': [
    [
      daemon(
        "repository reg.example/team/web not found: name unknown: The repository with name 'team/web' does not exist in the registry with id '1'",
      ),
      'moby, Amazon ECR',
    ],
    [
      crioNew(
        'initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: name unknown: repository name not known to registry',
      ),
      'distribution errcode NAME_UNKNOWN',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: reading manifest 1 in reg.example/team/web: repository name not known to registry',
      ),
      'containers/image docker/errors.go',
    ],
    [daemon('unknown: project team not found'), 'goharbor'],
    [daemon('name unknown: Repository "r" not found'), 'Artifact Registry'],
    [daemon('unknown: repository team/web not found'), 'goharbor'],
  ],
  'repository-not-found-or-private': [
    [
      resolve(
        'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      ),
      'containerd core/remotes/docker/resolver.go',
    ],
    [
      daemon(
        "pull access denied for team/web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      ),
      'moby',
    ],
    [
      crioNew(
        'initializing source docker://team/web:1: reading manifest 1 in docker.io/team/web: requested access to the resource is denied',
      ),
      'Docker Hub, containers/image',
    ],
    [
      crioNew(
        'initializing source docker://quay.io/team/web:1: reading manifest 1 in quay.io/team/web: unauthorized: access to the requested resource is not authorized',
      ),
      'Quay',
    ],
    [
      daemon(
        'unauthorized: unauthorized to access repository: team/web, action: pull: unauthorized to access repository: team/web, action: pull',
      ),
      'goharbor',
    ],
    [
      resolve(
        'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Ateam%2Fweb%3Apull&service=ghcr.io: 403 Forbidden',
      ),
      'GHCR',
    ],
  ],
  'tag-not-found': [
    [resolve('reg.example/team/web:9: not found'), 'containerd core/remotes/docker/resolver.go'],
    [pull('failed to resolve image: reg.example/team/web:9: not found'), 'containerd core/transfer/local/pull.go'],
    [
      crioNew(
        'initializing source docker://reg.example/team/web:9: reading manifest 9 in reg.example/team/web: manifest unknown',
      ),
      'distribution errcode MANIFEST_UNKNOWN',
    ],
    [daemon('manifest for reg.example/team/web:9 not found: manifest unknown: manifest unknown'), 'moby'],
    [daemon('unknown: artifact team/web:9 not found'), 'goharbor'],
    [daemon('manifest unknown: Failed to fetch "9" from request "/v2/p/web/manifests/9".'), 'Container Registry'],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:9: reading manifest 9 in reg.example/team/web: manifest unknown: Requested image not found',
      ),
      'Amazon ECR',
    ],
    [daemon('manifest unknown: The named manifest is not known to the registry.'), 'JFrog Artifactory'],
  ],
  'platform-mismatch': [
    [pull('no match for platform in manifest: not found'), 'containerd core/images/image.go'],
    [pull(`no match for platform in manifest ${d}: not found`), 'containerd core/images/image.go'],
    [
      crioNew(
        `choosing an image from manifest list docker://${ref}: no image found in image index for architecture "arm64", variant "v8", OS "linux"`,
      ),
      'containers/image internal/manifest/oci_index.go',
    ],
    [
      crio(
        `unable to pull image: choosing image instance: no image found in manifest list for architecture "s390x", variant "", OS "linux"`,
      ),
      'containers/image internal/manifest/docker_schema2_list.go',
    ],
    [daemon('no matching manifest for linux/arm64/v8 in the manifest list entries'), 'moby distribution/pull_v2.go'],
    [
      daemon('image operating system "windows" cannot be used on this platform: operating system is not supported'),
      'moby distribution/pull_v2.go',
    ],
    [
      pull('snapshotter overlayfs does not support platform linux/arm64 for image sha256:aa'),
      'containerd client/image.go',
    ],
    [pull('no manifest found for platform: not found'), 'containerd core/images/archive'],
    [`no match for current platform linux/arm/v7 in manifest ${d}: not found`, 'containerd 1.2, images/image.go'],
  ],
  'manifest-unsupported': [
    [
      pull(
        'failed to extract layer: failed to get stream processor for application/vnd.oci.image.layer.v1.tar+zstd: no processor for media-type: unknown',
      ),
      'containerd core/diff/stream.go',
    ],
    [
      pull(
        'not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1, please rebuild the image as "application/vnd.docker.distribution.manifest.v2+json" or "application/vnd.oci.image.manifest.v1+json"',
      ),
      'containerd client/pull.go',
    ],
    [
      pull('schema 1 image manifests are no longer supported: invalid argument'),
      'containerd core/remotes/docker/schema1',
    ],
    [
      crio(
        'unable to pull image: initializing image from source docker://reg.example/team/web:1: no FSLayers in manifest',
      ),
      'containers/image manifest/docker_schema1.go',
    ],
    [
      crioNew('Error preparing updated manifest: unknown media type of original layer "sha256:aa": "application/x"'),
      'containers/image manifest/manifest.go',
    ],
    [
      crio('unable to pull image: Unimplemented manifest MIME type "application/vnd.x+json"'),
      'containers/image internal/image/manifest.go',
    ],
    [
      crio('unable to pull image: unsupported docker v2s2 media type: "application/vnd.oci.image.layer.v1.tar+gzip"'),
      'containers/image manifest/docker_schema2.go',
    ],
    [
      crio(
        'unable to pull image: unsupported OCI layer media type "application/vnd.cncf.helm.chart.content.v1.tar+gzip"',
      ).replace(
        'unsupported OCI layer media type',
        'parsing image configuration: unsupported image-specific operation on artifact with type',
      ),
      'containers/image manifest/oci.go NonImageArtifactError',
    ],
    [
      pull('failed to unpack image on snapshotter overlayfs: mismatched image rootfs and manifest layers'),
      'containerd client/image.go',
    ],
    [pull(`failed to unpack: number of layers and diffIDs don't match: 1 != 0`), 'containerd core/unpack/unpacker.go'],
    [pull('media-type: schema 1 not supported'), 'containerd core/images/image.go validateMediaType'],
    [
      daemon(
        'unsupported manifest media type and no default available: application/vnd.docker.distribution.manifest.v1+json',
      ).replace('Error response from daemon: ', ''),
      'docker cli/registry/client',
    ],
  ],
  'blob-unreachable': [
    [
      pull(
        'failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://bucket.s3.amazonaws.com/x?X-Amz-Date=1: 403 Forbidden: RequestTimeTooSkewed: The difference between the request time and the current time is too large.',
      ),
      'Amazon S3, error responses',
    ],
    [
      pull(
        `failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://cdn.example/docker/registry/v2/blobs/sha256/aa/data": dial tcp 192.0.2.4:443: i/o timeout`,
      ),
      'containerd core/remotes/docker/httpreadseeker.go',
    ],
    [
      pull(
        `failed to copy: httpReadSeeker: failed open: could not fetch content descriptor ${d} (application/vnd.oci.image.layer.v1.tar+gzip) from remote: not found`,
      ),
      'containerd core/remotes/docker/fetcher.go',
    ],
    [
      crio(
        `unable to pull image: copying system image from manifest list: reading blob ${d}: Get "https://cdn.example/x": dial tcp: lookup cdn.example on 10.0.0.2:53: no such host`,
      ),
      'containers/image copy/single.go',
    ],
    [
      crio(`unable to pull image: reading blob ${d}: fetching blob: StatusCode: 403, "<?xml version=..."`),
      'containers/image docker/docker_client.go getBlob',
    ],
    [
      crio(
        'unable to pull image: writing blob: happened during read: unexpected EOF (while reconnecting: Get "https://cdn.example/x": EOF)',
      ),
      'containers/image docker/body_reader.go',
    ],
    [
      daemon(
        'error pulling image configuration: download failed after attempts=6: dial tcp 192.0.2.4:443: connect: connection refused',
      ).replace('Error response from daemon: ', ''),
      'moby distribution/pull_v2.go',
    ],
    [
      pull(
        `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://reg.example/v2/team/web/blobs/${d}: 404 Not Found`,
      ),
      'containerd',
    ],
    [
      crio(`unable to pull image: parsing image configuration: fetching blob: blob unknown to registry`),
      'distribution errcode BLOB_UNKNOWN',
    ],
    [
      pull('failed to copy: short read: expected 5000 bytes but got 12: unexpected EOF'),
      'containerd core/content/helpers.go',
    ],
    [
      pull(
        'failed to copy: httpReadSeeker: failed open: content at https://reg.example/v2/team/web/blobs/sha256:aa not found: not found',
      ),
      'containerd core/remotes/docker/fetcher.go',
    ],
    [
      'time="2026-11-22T10:00:00Z" level=error msg="Download failed, retrying: unexpected EOF"',
      'moby distribution/xfer/download.go',
    ],
  ],
  'digest-mismatch': [
    [
      pull(
        `failed to copy: failed commit on ref "layer-${d}": unexpected commit digest ${e}, expected ${d}: failed precondition`,
      ),
      'containerd plugins/content/local/writer.go',
    ],
    [
      pull(`failed to extract layer: wrong diff id "${d}" calculated on extraction "${e}", desc "${d}"`),
      'containerd core/unpack/unpacker.go',
    ],
    [
      crio(`unable to pull image: writing blob: layer 0 (blob "${d}"/""/"${e}") does not match config's DiffID "${d}"`),
      'containers/image storage/storage_dest.go',
    ],
    [
      crio(`unable to pull image: copying config: Digest did not match, expected ${d}, got ${e}`),
      'containers/image copy/digesting_reader.go',
    ],
    [
      crio(`unable to pull image: reading manifest: Manifest does not match provided manifest digest ${d}`),
      'containers/image image/unparsed.go',
    ],
    [
      crio(`unable to pull image: Image manifest does not match selected manifest digest ${d}`),
      'containers/image internal/image/docker_list.go',
    ],
    [daemon(`filesystem layer verification failed for digest ${d}`), 'moby distribution/pull_v2.go'],
    [
      pull(
        `failed to copy: failed commit on ref "layer-${d}": unexpected commit size 10, expected 20: failed precondition`,
      ),
      'containerd plugins/content/local/writer.go',
    ],
    [crio('unable to pull image: writing blob: blob digest mismatch'), 'containers/image storage/storage_dest.go'],
    [crio('unable to pull image: writing blob: blob size mismatch'), 'containers/image storage/storage_dest.go'],
    [daemon('manifest verification failed for digest sha256:aa'), 'moby distribution/pull_v2.go'],
  ],
  'pull-timeout': [
    [
      `level=error msg="cancel pulling image ${ref} because of no progress in 5m0s"`,
      'containerd internal/cri/server/images/image_pull.go',
    ],
    [
      'time="2026-11-22T10:00:00Z" level=warning msg="Timed out on waiting up to 10s for image pull progress updates"',
      'cri-o server/image_pull.go',
    ],
    [crio('rpc error: code = DeadlineExceeded desc = context deadline exceeded'), 'gRPC'],
    [
      crio(
        'rpc error: code = Canceled desc = copying system image from manifest list: copying config: context canceled',
      ),
      'cri-o server/image_pull.go pull_progress_timeout',
    ],
    [
      'Cancel pulling image "reg.example/team/web:1" because of no progress for 1m0s, latest progress: "aa: Downloading [=>  ]"',
      'cri-dockerd libdocker/kube_docker_client.go',
    ],
    [
      crio(`rpc error: code = Canceled desc = failed to pull and unpack image "${ref}": context canceled`),
      'containerd image_pull_progress_timeout',
    ],
  ],
  'pull-canceled': [
    [crio('rpc error: code = Canceled desc = context canceled'), 'gRPC'],
    [crio('rpc error: code = Unavailable desc = error reading from server: EOF'), 'gRPC: the runtime ended'],
    [crio('rpc error: code = Canceled desc = grpc: the client connection is closing'), 'gRPC'],
    [crio('rpc error: code = Unavailable desc = transport is closing'), 'gRPC'],
    [
      crio('rpc error: code = Unavailable desc = the server is shutting down').replace('the server is', 'server is'),
      'gRPC',
    ],
  ],
  'mirror-failed': [
    [
      resolve(
        'unexpected status from HEAD request to http://127.0.0.1:30020/v2/team/web/manifests/1?ns=reg.example: 400 Bad Request',
      ),
      'containerd, a proxy that does not know ?ns=',
    ],
    [
      `Failed to pull image "${ref}": (Mirrors also failed: [mirror.example/team/web:1: pinging container registry mirror.example: Get "https://mirror.example/v2/": dial tcp 192.0.2.8:443: i/o timeout])`,
      'containers/image docker/docker_image_src.go, cut',
    ],
    [
      'level=info msg="trying next host" error="failed to do request: Head \\"https://mirror.example/v2/team/web/manifests/1?ns=reg.example\\": dial tcp 192.0.2.8:443: connect: connection refused" host=mirror.example',
      'containerd core/remotes/docker/resolver.go',
    ],
  ],
  'disk-full': [
    [
      pull(
        'failed to copy: write /var/lib/containerd/io.containerd.content.v1.content/ingest/aa/data: no space left on device',
      ),
      'Linux errno',
    ],
    [
      pull(
        'failed to extract layer sha256:aa: mkdir /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/new-1: no space left on device: unknown',
      ),
      'Linux errno',
    ],
    [
      crio(
        'unable to pull image: writing blob: storing blob to file "/var/tmp/container_images_storage1/1": write /var/tmp/container_images_storage1/1: no space left on device',
      ),
      'containers/image storage/storage_dest.go',
    ],
    [
      daemon(
        'failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device',
      ).replace('Error response from daemon: ', ''),
      'moby',
    ],
    [pull('failed to copy: write /var/lib/containerd/x: disk quota exceeded'), 'Linux errno'],
    [
      crio('unable to pull image: creating temporary file "/var/tmp/x": open /var/tmp/x: no space left on device'),
      'containers/image storage',
    ],
  ],
  'unpack-failed': [
    [
      pull(
        'failed to extract layer (application/vnd.oci.image.layer.v1.tar+gzip sha256:aa) to overlayfs as "extract-1": mount callback failed on /var/lib/containerd/tmpmounts/m1: archive/tar: invalid tar header',
      ),
      'containerd core/unpack/unpacker.go',
    ],
    [
      crio(
        'unable to pull image: writing blob: adding layer with blob "sha256:aa"/""/"sha256:bb": unpacking failed (error: exit status 1; output: archive/tar: invalid tar header)',
      ),
      'containers/storage drivers',
    ],
    [
      crio(
        'unable to pull image: writing blob: adding layer with blob "sha256:aa": processing tar file(potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/gshadow): Check /etc/subuid and /etc/subgid): exit status 1',
      ),
      'containers/storage pkg/idtools',
    ],
    [
      daemon('failed to register layer: unpigz: skipping: <stdin>: corrupted -- crc32 mismatch').replace(
        'Error response from daemon: ',
        '',
      ),
      'moby',
    ],
    [
      pull(
        'apply layer error for "reg.example/team/web:1": failed to extract layer sha256:aa: gzip: invalid header: unknown',
      ),
      'containerd client/image.go',
    ],
    [
      daemon('failed to register layer: max depth exceeded').replace('Error response from daemon: ', ''),
      'moby layer/layer.go',
    ],
  ],
  'filesystem-error': [
    [
      pull(
        'failed to extract layer sha256:aa: failed to convert whiteout file "x/.wh.y": operation not permitted: unknown',
      ),
      'containerd pkg/archive/tar.go',
    ],
    [
      pull(
        'failed to extract layer sha256:aa: failed to mount /var/lib/containerd/tmpmounts/m1: operation not permitted: unknown',
      ),
      'containerd core/mount',
    ],
    [
      pull(
        'failed to copy: open /var/lib/containerd/io.containerd.content.v1.content/ingest/aa/data: read-only file system',
      ),
      'Linux errno',
    ],
    [pull('failed to copy: write /var/lib/containerd/x: input/output error'), 'Linux errno'],
    [
      crio(
        'unable to pull image: writing blob: storing blob to file "/var/tmp/x": open /var/tmp/x: read-only file system',
      ),
      'containers/image',
    ],
    [
      crio(
        'unable to pull image: writing blob: adding layer with blob "sha256:aa": creating layer with ID "bb": stat /var/lib/containers/storage/overlay/cc: no such file or directory',
      ),
      'containers/storage drivers/overlay',
    ],
    [
      crio(
        'unable to pull image: creating a temporary directory: mkdir /var/tmp/container_images_storage1: permission denied',
      ),
      'containers/image storage/storage_dest.go',
    ],
    [
      crio(
        'committing the finished image: rename /var/lib/containers/storage/overlay/staging/0 /var/lib/containers/storage/overlay/1/diff: invalid cross-device link',
      ),
      'containers/storage drivers/overlay',
    ],
    [
      pull(
        'failed to prepare extraction snapshot "extract-1 sha256:aa": failed to create temp dir: mkdir /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/new-1: structure needs cleaning',
      ),
      'Linux errno',
    ],
  ],
  'runtime-unreachable': [
    [
      'Failed to inspect image "": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
      'gRPC',
    ],
    [
      'Failed to inspect image "web:1": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/crio/crio.sock: connect: no such file or directory"',
      'gRPC',
    ],
    [
      'FATA[0000] validate service connection: validate CRI v1 image API for endpoint "unix:///run/crio/crio.sock": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/crio/crio.sock: connect: permission denied"',
      'crictl',
    ],
    [
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
      'docker client',
    ],
    [
      'E1122 10:00:00.000000 1 kubelet.go:3100] "Container runtime sanity check failed" err="get container runtime version failed: rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused\\""',
      'kubernetes pkg/kubelet/kubelet.go',
    ],
    [
      'getting the runtime version: rpc error: code = Unavailable desc = connection closed before server preface received',
      'gRPC',
    ],
    [
      crio('rpc error: code = Unknown desc = server is not initialized yet'),
      'containerd internal/cri/server/instrumented_service.go',
    ],
  ],
  'runtime-misconfigured': [
    [
      crio('rpc error: code = Unimplemented desc = unknown service runtime.v1.ImageService'),
      'gRPC: containerd without its CRI plugin',
    ],
    [
      'time="2026-11-22T10:00:00Z" level=error msg="failed to decode hosts.toml" error="failed to parse TOML: (6, 2): duplicated tables"',
      'containerd core/remotes/docker/config/hosts.go',
    ],
    [
      resolve('unable to load CA cert "/etc/containerd/certs.d/reg.example/ca.crt"'),
      'containerd core/remotes/docker/config/hosts.go',
    ],
    [
      resolve('failed to load X509 key pair: open /etc/x: no such file or directory'),
      'containerd core/remotes/docker/config/hosts.go',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: loading registries configuration: loading drop-in registries configuration "/etc/containers/registries.conf.d/50.conf": toml: line 2: expected value but found end of line',
      ),
      'containers/image pkg/sysregistriesv2',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: getting username and password: 1 error occurred: unmarshaling JSON at "/etc/auth.json": unexpected end of JSON input',
      ),
      'containers/image pkg/docker/config',
    ],
    [
      crio('invalid policy in "/etc/containers/policy.json": Unknown key "defaults"'),
      'containers/image signature/policy_config.go',
    ],
    [
      crio('open /etc/containers/policy.json: no such file or directory'),
      'containers/image signature/policy_config.go',
    ],
    [
      crio(
        'loading registries configuration "/etc/containers/registries.conf": invalid location \'https://m.example\': URI schemes are not supported',
      ),
      'containers/image pkg/sysregistriesv2',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: creating new docker client: missing client certificate reg.cert for key reg.key',
      ),
      'containers/image pkg/tlsclientconfig',
    ],
    [
      crio(
        'unable to pull image: initializing source docker://reg.example/team/web:1: missing key client.key for client certificate client.cert. Note that CA certificates should use the extension .crt',
      ),
      'containers/image pkg/tlsclientconfig',
    ],
    [
      crio("invalid prefix '*.example.com/x' for reference 'y'").replace(
        "invalid prefix '*.example.com/x' for reference 'y'",
        'loading registries configuration: pull-from-mirror must not be set for a non-mirror registry "x"',
      ),
      'containers/image pkg/sysregistriesv2',
    ],
  ],
  'snapshotter-unavailable': [
    [pull('unable to initialize unpacker: no unpack platforms defined: invalid argument'), 'containerd core/unpack'],
    [
      pull('error unpacking image: snapshotter not loaded: stargz: invalid argument'),
      'containerd plugins/services/snapshots',
    ],
    [
      pull(
        'failed to prepare extraction snapshot "extract-1 sha256:aa": connection error: desc = "transport: Error while dialing: dial unix /run/containerd-stargz-grpc/containerd-stargz-grpc.sock: connect: no such file or directory": unavailable',
      ),
      'containerd proxy snapshotter',
    ],
    [
      pull(
        'failed to prepare extraction snapshot "extract-1 sha256:aa": parent snapshot sha256:bb does not exist: not found',
      ),
      'containerd core/metadata/snapshot.go',
    ],
    [
      pull(
        'failed to prepare extraction snapshot "extract-1 sha256:aa": missing parent "k8s.io/1/sha256:bb" bucket: not found',
      ),
      'containerd core/snapshots/storage/bolt.go',
    ],
    [pull('unable to resolve snapshotter: snapshotter nydus was not found: not found'), 'containerd client/pull.go'],
  ],
  'sandbox-image-unavailable': [
    [
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.10": failed to pull image "registry.k8s.io/pause:3.10": failed to pull and unpack image "registry.k8s.io/pause:3.10": failed to resolve reference "registry.k8s.io/pause:3.10": failed to do request: Head "https://registry.k8s.io/v2/pause/manifests/3.10": dial tcp 192.0.2.1:443: i/o timeout',
      'containerd internal/cri/server/podsandbox',
    ],
    [
      'Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image "registry.k8s.io/pause:3.9": context deadline exceeded',
      'containerd',
    ],
    [
      'Failed to create pod sandbox: rpc error: code = Unknown desc = creating pod sandbox with name "k8s_web": initializing source docker://registry.k8s.io/pause:3.10.1: pinging container registry registry.k8s.io: Get "https://registry.k8s.io/v2/": dial tcp 192.0.2.1:443: i/o timeout',
      'cri-o server/sandbox_run_linux.go',
    ],
    [
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed pulling image "registry.k8s.io/pause:3.9": Error response from daemon: Get "https://registry.k8s.io/v2/": EOF',
      'cri-dockerd core/sandbox_helpers.go',
    ],
    [
      'Failed to create pod sandbox: rpc error: code = NotFound desc = failed to get image from containerd "sha256:aa": image "docker.io/rancher/mirrored-pause:3.1": not found',
      'containerd internal/cri/store/image',
    ],
  ],
  'image-never-pull': [
    [
      'Container image "web:1" is not present with pull policy of Never',
      'kubernetes pkg/kubelet/images/image_manager.go',
    ],
    ['Error: ErrImageNeverPull', 'kubernetes pkg/kubelet/images/types.go'],
    [
      'E1122 10:00:00.000000 1 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"web\\" with ErrImageNeverPull: \\"Container image \\\\\\"web:1\\\\\\" is not present with pull policy of Never\\"" pod="team/web-0"',
      'kubernetes pkg/kubelet/pod_workers.go',
    ],
    ['container "web" in pod "web-0" is waiting to start: ErrImageNeverPull', 'kube-apiserver'],
    ['spec.containers{web}: Container image "web:1" is not present with pull policy of Never', 'kubectl describe 1.35'],
  ],
  'pull-qps-exceeded': [
    [crio('pull QPS exceeded'), 'kubernetes pkg/kubelet/images/helpers.go'],
    [
      'E1122 10:00:00.000000 1 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"web\\" with ErrImagePull: \\"pull QPS exceeded\\"" pod="team/web-0"',
      'kubernetes pkg/kubelet/pod_workers.go',
    ],
    [
      'Back-off pulling image "web:1": ErrImagePull: pull QPS exceeded',
      'kubernetes pkg/kubelet/images/image_manager.go since 1.32',
    ],
    [
      'E1122 10:00:00.000000 1 kuberuntime_image.go:55] "Failed to pull image" err="pull QPS exceeded" image="web:1"',
      'kubernetes pkg/kubelet/kuberuntime',
    ],
    [
      'E1122 10:00:00.000000 1 kuberuntime_manager.go:1341] "Unhandled Error" err="container web start failed in pod web-0_team(1): ErrImagePull: pull QPS exceeded"',
      'kubernetes pkg/kubelet/kuberuntime',
    ],
  ],
  'signature-rejected': [
    [
      'image pull failed for reg.example/team/web:1 because the signature validation failed: Source image rejected: A signature was required, but no signature exists',
      'kubernetes pkg/kubelet/images/image_manager.go',
    ],
    [
      crio(
        'SignatureValidationFailed: unable to pull image: Source image rejected: None of the signatures were accepted, reasons: Signature for identity "a" is not accepted; Signature for digest sha256:aa does not match',
      ),
      'containers/image signature/policy_eval_signedby.go',
    ],
    [
      crio(
        'unable to pull image: Source image rejected: Running image docker://reg.example/team/web:1 is rejected by policy.',
      ),
      'containers/image signature/policy_eval_simple.go',
    ],
    [
      crio(
        'SignatureValidationFailed: Source image rejected: A signature was required, but no signature exists (1 non-sigstore signatures, 0 sigstore non-signature attachments)',
      ),
      'containers/image signature/policy_eval_sigstore.go',
    ],
    [
      crio('Source image rejected: Unexpected Fulcio OIDC issuer "https://x"'),
      'containers/image signature/fulcio_cert.go',
    ],
    [
      pull('image verifier cosign blocked pull of reg.example/team/web:1 with digest sha256:aa for reason: no key'),
      'containerd core/transfer/local/pull.go',
    ],
    [
      pull(
        'blocking pull of reg.example/team/web:1 with digest sha256:aa: image verifier cosign returned error: failed to call verifier cosign (runtime 10s): exit status 1',
      ),
      'containerd core/transfer/local/pull.go',
    ],
    [
      'Failed to inspect image "": rpc error: code = Unknown desc = checking signature of "reg.example/team/web:1": verifying signatures: Source image rejected: Signature for identity "x" is not accepted',
      'cri-o server/container_create.go',
    ],
    [
      crio('Source image rejected: cryptographic signature verification of Rekor SET failed'),
      'containers/image signature/internal/rekor_set.go',
    ],
  ],
  'registry-blocked': [
    [
      crio(
        'unable to pull image: initializing source docker://bad.example/web:1: registry bad.example is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d',
      ),
      'containers/image docker/docker_client.go',
    ],
    [
      crioNew(
        'initializing source docker://bad.example/web:1: registry bad.example/team is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d',
      ),
      'containers/image docker/docker_client.go',
    ],
    [
      'Error: initializing source docker://bad.example/web:1: registry *.example is blocked in /etc/containers/registries.conf or /root/.config/containers/registries.conf.d',
      'podman',
    ],
    [
      daemon('registry docker.io is blocked by configuration').replace('registry docker.io', 'image docker.io/web:1'),
      'Red Hat docker 1.13 --block-registry',
    ],
    [
      'E1122 10:00:00.000000 1 log.go:32] "PullImage from image service failed" err="rpc error: code = Unknown desc = initializing source docker://bad.example/web:1: registry bad.example is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d" image="bad.example/web:1"',
      'kubernetes staging/src/k8s.io/cri-client',
    ],
  ],
  'back-off-only': [
    ['Back-off pulling image "web:1"', 'kubernetes pkg/kubelet/images/image_manager.go'],
    ['Error: ImagePullBackOff', 'kubernetes pkg/kubelet/images/types.go'],
    [
      'E1122 10:00:00.000000 1 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"web\\" with ImagePullBackOff: \\"Back-off pulling image \\\\\\"web:1\\\\\\"\\"" pod="team/web-0"',
      'kubernetes pkg/kubelet/pod_workers.go',
    ],
    ['spec.containers{web}: Back-off pulling image "web:1"', 'kubectl describe 1.35'],
    [
      'container "web" in pod "web-0" is waiting to start: image can\'t be pulled',
      'kube-apiserver pkg/registry/core/pod/strategy.go',
    ],
  ],
};
