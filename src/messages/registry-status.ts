import type { Rule } from './rule.ts';

/**
 * A registry's HTTP status as the runtimes write it: containerd `unexpected status from HEAD request to URL: 403 Forbidden`
 * (1.6.25+), `unexpected status code URL: 503 …`, `failed with status code [manifests T]: 401 …` (older); containers/image
 * `invalid status code from registry 403 (Forbidden)`, `StatusCode: 400, …`, `received unexpected HTTP status: 502 …`;
 * dockerd `error parsing HTTP 403 response body`, `Status 429 trying to pull`.
 */
const before = String.raw`(?<!exit )(?:unexpected status(?: code)?(?: from \w+ request to)?(?: "?https?://[^\s"]+"?)?|received unexpected HTTP status|unexpected http(?: response)? (?:status|code)|failed with status code(?: \[[^\]]{0,300}\])?|invalid status code from registry|StatusCode|error parsing HTTP|(?:HTTP|http) status(?: code)?|Status|server returned(?: HTTP)?(?: status)?)[:\s]+`;

function status(code: string, reason: string): RegExp {
  return new RegExp(`${before}(?<status>${code})\\b|(?:^|[\\s:(])(?<reason>${code} (?:${reason}))\\b`, 'i');
}

/** What a status alone says, where no word of the registry's says more. */
export const statusRules: readonly Rule[] = [
  {
    id: 'status/429',
    pattern: status('429', 'Too Many Requests'),
    cause: 'rate-limited',
    confidence: 'proven',
    scope: 'network',
    examples: [
      { text: 'Requesting bearer token: invalid status code from registry 429', seen: 'CRI-O 1.18' },
      { text: 'Error: Status 429 trying to pull repository team/web: "<!DOCTYPE html>', seen: 'docker 1.8' },
    ],
    lookalikes: ['unexpected status from HEAD request to https://reg.example/v2/429/manifests/1: 404 Not Found'],
  },
  {
    id: 'status/401-new',
    // This form comes after an authentication that did not help: without credentials the words are others.
    pattern: /unexpected status from \w+ request to "?https?:\/\/[^\s"]+"?: (?<status>401)\b/,
    cause: 'credentials-rejected',
    confidence: 'likely',
    alternatives: ['credentials-missing', 'credentials-expired', 'repository-not-found-or-private', 'access-denied'],
    scope: 'network',
    examples: [
      {
        text: 'unexpected status from HEAD request to https://reg.example/v2/web/manifests/1: 401 Unauthorized',
        seen: 'containerd 1.7, 2.1 with a wrong password',
      },
    ],
    lookalikes: ['pulling from host reg.example failed with status code [manifests 1]: 401 Unauthorized'],
  },
  {
    id: 'status/401',
    pattern: status('401', 'Unauthorized'),
    cause: 'credentials-missing',
    confidence: 'likely',
    alternatives: [
      'credentials-rejected',
      'credentials-expired',
      'credential-provider-failed',
      'repository-not-found-or-private',
      'pull-secret-missing',
    ],
    scope: 'network',
    examples: [
      {
        text: 'pulling from host reg.example failed with status code [manifests 1]: 401 Unauthorized',
        seen: 'containerd 1.4 to 1.6',
      },
    ],
    lookalikes: ['Failed to watch *v1.Node: the server has asked for the client to provide credentials'],
  },
  {
    id: 'status/403',
    pattern: status('403', 'Forbidden'),
    cause: 'access-denied',
    confidence: 'likely',
    alternatives: [
      'source-address-blocked',
      'credentials-missing',
      'credentials-rejected',
      'repository-not-found-or-private',
      'proxy-denied',
      'credentials-expired',
    ],
    scope: 'network',
    examples: [
      {
        text: 'unexpected status from HEAD request to https://reg.example/v2/web/manifests/1: 403 Forbidden',
        seen: 'containerd 1.7, 2.1',
      },
    ],
    lookalikes: ['Get "https://reg.example/v2/": Forbidden'],
  },
  {
    id: 'status/404',
    pattern: status('404', 'Not Found'),
    cause: 'tag-not-found',
    confidence: 'likely',
    alternatives: [
      'repository-not-found',
      'repository-not-found-or-private',
      'mirror-failed',
      'registry-invalid-response',
    ],
    scope: 'network',
    examples: [{ text: 'trying next host after status: 404 Not Found', seen: 'containerd 2.1, info line' }],
    lookalikes: ['HTTP probe failed with statuscode: 404'],
  },
  {
    id: 'status/408',
    pattern: status('408', 'Request Time-?out'),
    cause: 'registry-timeout',
    confidence: 'likely',
    alternatives: ['mtu-black-hole', 'registry-error'],
    scope: 'network',
    examples: [{ text: 'received unexpected HTTP status: 408 Request Timeout', seen: 'docker 20.10' }],
    lookalikes: [],
  },
  {
    id: 'status/504',
    pattern: status('504', 'Gateway Time-?out'),
    cause: 'registry-error',
    confidence: 'likely',
    alternatives: ['registry-timeout', 'proxy-unreachable', 'proxy-denied'],
    scope: 'network',
    examples: [{ text: 'received unexpected HTTP status: 504 Gateway Time-out', seen: 'docker 20.10' }],
    lookalikes: ['Readiness probe failed: HTTP probe failed with statuscode: 504'],
  },
  {
    id: 'status/5xx',
    pattern: status(
      '5\\d\\d',
      'Internal Server Error|Bad Gateway|Service (?:Temporarily )?Unavailable|Not Implemented|Insufficient Storage|Bandwidth Limit',
    ),
    cause: 'registry-error',
    confidence: 'likely',
    alternatives: ['proxy-denied', 'proxy-unreachable'],
    scope: 'network',
    examples: [
      {
        text: 'failed to copy: httpReadSeeker: failed open: unexpected status code https://reg.example/v2/web/manifests/sha256:aa: 503 Service Unavailable',
        seen: 'containerd 1.6 to 2.1',
      },
      {
        text: 'reading manifest 1 in reg.example/web: received unexpected HTTP status: 502 Bad Gateway',
        seen: 'CRI-O 1.36',
      },
    ],
    lookalikes: ['Liveness probe failed: HTTP probe failed with statuscode: 503'],
  },
  {
    // A refusal by the registry's own rules (an unsigned image, an unpaid account, a law) that does not say which.
    id: 'status/refused',
    pattern: status('402|412|451', 'Payment Required|Precondition Failed|Unavailable For Legal Reasons'),
    cause: 'unknown',
    confidence: 'possible',
    alternatives: ['access-denied', 'signature-rejected', 'source-address-blocked', 'rate-limited'],
    scope: 'network',
    examples: [
      {
        text: 'unexpected status from HEAD request to https://reg.example/v2/web/manifests/1: 412 Precondition Failed',
        seen: 'containerd 1.7, Harbor',
      },
    ],
    lookalikes: ['failed commit on ref "layer-sha256:aa": failed precondition'],
  },
  {
    id: 'status/4xx',
    pattern: status('4\\d\\d', 'Bad Request|Not Acceptable|Method Not Allowed|Conflict|Gone'),
    cause: 'registry-invalid-response',
    confidence: 'possible',
    alternatives: ['registry-error', 'mirror-failed', 'manifest-unsupported', 'http-on-https'],
    scope: 'network',
    examples: [
      {
        text: 'unexpected status code https://reg.example/v2/web/manifests/1: 400 Bad Request',
        seen: 'containerd 1.6',
      },
    ],
    lookalikes: ['received unexpected HTTP status: 502 Bad Gateway'],
  },
  {
    id: 'status/3xx',
    pattern: status('[23]\\d\\d', 'Found|Moved Permanently|Temporary Redirect|Permanent Redirect|See Other'),
    cause: 'registry-invalid-response',
    confidence: 'possible',
    alternatives: ['registry-error'],
    scope: 'network',
    examples: [{ text: 'received unexpected HTTP status: 302 Found', seen: 'docker 19.03' }],
    lookalikes: ['the update of the node failed: exit status 255'],
  },
  {
    id: 'status/cut',
    // The status itself is missing: the text was cut behind the URL.
    pattern: /unexpected status(?: code)?(?: from \w+ request to) "?https?:\/\/[^\s"]+"?:?\s*$/,
    cause: 'unknown',
    confidence: 'possible',
    alternatives: ['access-denied', 'registry-error', 'credentials-missing', 'rate-limited', 'source-address-blocked'],
    scope: 'network',
    examples: [
      {
        text: 'unexpected status from HEAD request to https://reg.example/v2/web/manifests/1',
        seen: 'containerd 2.1, cut',
      },
    ],
    lookalikes: [],
  },
];
