import type { CauseId } from '../model/cause-id.ts';
import type { Rule } from './rule.ts';

/** What a refusal without further words can mean (pull-facts sections 12 and 14): the registries hide which. */
const refusals: readonly CauseId[] = [
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'credential-provider-failed',
  'pull-secret-missing',
  'pull-secret-invalid',
  'access-denied',
  'repository-not-found-or-private',
  'repository-not-found',
];

function refusalBut(...without: readonly CauseId[]): readonly CauseId[] {
  return refusals.filter((cause) => !without.includes(cause));
}

/** Words that registries send, which runtimes pass on: rate limits. */
export const rateRules: readonly Rule[] = [
  {
    id: 'registry/rate-limit',
    pattern:
      /\btoo ?many ?requests\b|reached your (?:unauthenticated )?(?:pull )?rate limit|pull rate limit|\brate exceeded\b|rate limit (?:exceeded|reached)|\brate limited\b|quota exceeded for quota metric|data limit exceeded/i,
    cause: 'rate-limited',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
        seen: 'Docker Hub 2020 to 2024',
      },
      { text: 'toomanyrequests: Rate exceeded', seen: 'ECR Public' },
      { text: 'too many requests to registry', seen: 'containers/image 5.20 to 5.36' },
    ],
    lookalikes: ['Waited for 1.2s due to client-side throttling, request: GET:https://10.96.0.1:443/api/v1/nodes'],
  },
];

/** Words that registries send: no credentials, wrong ones, old ones, not enough. */
export const authRules: readonly Rule[] = [
  {
    // The registry has the image and keeps it back: unsigned, not scanned, or with too grave a finding.
    id: 'registry/image-policy',
    pattern:
      /PROJECT_?POLICY_?VIOLATION|image is not signed (?:in|by)\b|cannot be pulled due to configured policy|(?:vulnerab\w{1,20}|content trust) handler: .{0,80}[Pp]recondition failed/,
    cause: 'signature-rejected',
    confidence: 'likely',
    alternatives: ['access-denied'],
    scope: 'pull',
    examples: [
      { text: 'Error response from daemon: unknown: The image is not signed in Notary.', seen: 'Harbor 1 and 2.0' },
      { text: 'PROJECTPOLICYVIOLATION: The image is not signed by cosign.', seen: 'Harbor 2.5 to 2.15' },
    ],
    lookalikes: ['PROJECTNOTFOUND: project web not found', 'unexpected status: 412 Precondition Failed'],
  },
  {
    id: 'registry/address-blocked',
    pattern:
      /client with IP ['"]?(?<address>[\d.:a-f]+)['"]? is not allowed|\bIP (?:address )?['"]?[\d.:a-f]{3,45}['"]? is not (?:in|on|permitted|whitelisted|allow)|your IP (?:address )?(?:is|has been) (?:blocked|not allowed)|not (?:available|accessible) (?:in|from) your (?:country|region|location)/i,
    cause: 'source-address-blocked',
    confidence: 'proven',
    scope: 'network',
    examples: [
      { text: "denied: client with IP '192.0.2.7' is not allowed access.", seen: 'Azure Container Registry firewall' },
    ],
    lookalikes: ['denied: requested access to the resource is denied'],
  },
  {
    id: 'registry/wrong-time',
    // The time of what this node or a cloud's client signed, as the server sees it.
    pattern:
      /RequestTimeTooSkewed|Signature not yet current|(?:token|JWT)\b.{0,40}(?:is not valid yet|is not yet valid|used before issued)|Client assertion is not within its valid time range|in a reasonable timeframe/i,
    cause: 'clock-skew',
    confidence: 'likely',
    alternatives: ['credentials-expired', 'credentials-rejected'],
    scope: 'network',
    examples: [
      {
        text: 'RequestTimeTooSkewed: The difference between the request time and the current time is too large.',
        seen: 'Amazon S3',
      },
      { text: 'unauthorized: Token used before issued', seen: 'registries with golang-jwt' },
    ],
    lookalikes: ['denied: Your authorization token has expired. Reauthenticate and try again.'],
  },
  {
    id: 'registry/credentials-expired',
    pattern:
      /(?:authorization |security |access |auth |id |refresh )?token (?:included in the request )?(?:has |is )?expired|security token included in the request is (?:invalid|expired)|\bExpiredToken|password (?:has )?expired|credentials? (?:has |have |is |are )?expired|AADSTS7000222|token is expired/i,
    cause: 'credentials-expired',
    confidence: 'likely',
    alternatives: ['credentials-rejected', 'clock-skew'],
    scope: 'network',
    examples: [
      { text: 'denied: Your authorization token has expired. Reauthenticate and try again.', seen: 'ECR 2018 to 2026' },
      { text: 'denied: The security token included in the request is invalid', seen: 'ECR' },
    ],
    lookalikes: ['x509: certificate has expired or is not yet valid'],
  },
  {
    id: 'registry/credentials-rejected',
    pattern:
      /incorrect username or password|(?<!may have )invalid (?:username|user name|credentials|token(?! auth challenge)|api key|login|client ?id)|client secret is|[Cc]ould not find (?:robot|user|token) with|invalid username\/password|wrong (?:username|password|credentials)|bad credentials|HTTP Basic: Access denied|authentication failed|(?:login|authentication) (?:failure|attempt .{0,40}failed)|username or password|basic auth(?:entication)? failed|password is incorrect|credentials are not valid|cannot be authenticated with|(?:must|please|should|need to) (?:use|log ?in with|authenticate with) (?:an? |your )?(?:personal )?access token|not a valid (?:user|token|password)|failed to fetch oauth token: .{0,300}\b40[0-3]\b/i,
    cause: 'credentials-rejected',
    confidence: 'likely',
    alternatives: ['credentials-expired', 'access-denied', 'repository-not-found-or-private', 'pull-secret-invalid'],
    scope: 'vague',
    examples: [
      {
        text: 'unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password',
        seen: 'CRI-O 1.18 to 1.36, Docker Hub',
      },
      {
        text: 'failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized',
        seen: 'containerd 1.2 to 1.6',
      },
    ],
    lookalikes: ['authorization failed: no basic auth credentials'],
  },
  {
    id: 'registry/no-basic-credentials',
    pattern: /no basic auth credentials/,
    cause: 'credentials-missing',
    confidence: 'likely',
    alternatives: [
      'credential-provider-failed',
      'pull-secret-missing',
      'pull-secret-invalid',
      'credentials-expired',
      'repository-not-found-or-private',
    ],
    scope: 'pull',
    examples: [
      { text: 'Get http://reg.example/v2/web/manifests/1: no basic auth credentials', seen: 'docker 1.11 to 26' },
      {
        text: 'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
        seen: 'containerd 1.3 to 2.1',
      },
    ],
    lookalikes: ['failed with status code [manifests 1]: 401 Unauthorized'],
  },
  {
    id: 'registry/anonymous-forbidden',
    pattern:
      /Unauthenticated requests? do(?:es)? not have|anonymous pulls? .{0,40}(?:not|denied|disabled)|[Aa]nonymous users are only allowed|login to the Red Hat Registry|may not login yet/i,
    cause: 'credentials-missing',
    confidence: 'likely',
    alternatives: refusalBut('credentials-missing'),
    scope: 'pull',
    examples: [
      {
        text: 'denied: Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "projects/p/locations/us/repositories/r" (or it may not exist)',
        seen: 'Artifact Registry',
      },
    ],
    lookalikes: ['failed to fetch anonymous token: Get "https://auth.example/token": EOF'],
  },
  {
    id: 'registry/no-cloud-permission',
    pattern:
      /Permission ['"](?<permission>[\w.]+)['"] denied on resource|is not authorized to perform: (?<action>ecr[\w-]*:\w+)|permission_denied: |does not match expected scopes|storage\.objects\.(?:get|list) access|have the needed permissions/,
    cause: 'access-denied',
    confidence: 'likely',
    alternatives: ['source-address-blocked', 'auth-service-unreachable', ...refusalBut('access-denied')],
    scope: 'pull',
    examples: [
      {
        text: 'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/us/repositories/r" (or it may not exist)',
        seen: 'Artifact Registry',
      },
      {
        text: 'denied: User: arn:aws:sts::1:assumed-role/n is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:1:repository/web',
        seen: 'ECR',
      },
    ],
    lookalikes: ['User: arn:aws:sts::1:assumed-role/n is not authorized to perform: ec2:DescribeInstances'],
  },
  {
    id: 'registry/no-permission',
    pattern:
      /AccessDeniedException|PERMISSION_DENIED|(?:don't|do not|does not) have (?:the )?(?:permission|access|required|sufficient)|needs? the .{0,40} role|access forbidden|insufficient permissions?|denied: permission denied/i,
    cause: 'access-denied',
    confidence: 'likely',
    alternatives: ['source-address-blocked', ...refusalBut('access-denied')],
    scope: 'vague',
    examples: [{ text: 'denied: access forbidden', seen: 'GitLab 13 to 17' }],
    lookalikes: ['denied: requested access to the resource is denied'],
  },
  {
    id: 'registry/refused-and-required',
    // Docker Hub's pair of errors for what is missing or private.
    pattern:
      /requested access to the resource is denied|access to the requested resource is not authorized|pull access denied|does not exist or (?:no pull access|may require)|unauthorized to access repository|insufficient[_ ]scope|server message: (?:insufficient_scope|invalid_token)/,
    cause: 'repository-not-found-or-private',
    confidence: 'likely',
    alternatives: [...refusalBut('repository-not-found-or-private'), 'tag-not-found'],
    scope: 'pull',
    examples: [
      {
        text: 'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
        seen: 'containerd 1.3 to 2.1',
      },
      {
        text: "pull access denied for team/web, repository does not exist or may require 'docker login'",
        seen: 'docker 17 to 26',
      },
      { text: 'unauthorized: access to the requested resource is not authorized', seen: 'Quay' },
      { text: 'unauthorized to access repository: team/web, action: pull', seen: 'Harbor 2' },
    ],
    lookalikes: ['authorization failed: no basic auth credentials'],
  },
  {
    id: 'registry/anonymous-token-refused',
    pattern: /failed to fetch anonymous token: .{0,600}\b(?<status>40[0134])\b/,
    cause: 'repository-not-found-or-private',
    confidence: 'likely',
    alternatives: refusalBut('repository-not-found-or-private'),
    scope: 'pull',
    examples: [
      {
        text: 'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Ateam%2Fweb%3Apull&service=ghcr.io: 403 Forbidden',
        seen: 'containerd 1.7, GHCR',
      },
    ],
    lookalikes: ['failed to fetch anonymous token: unexpected status: 503 Service Unavailable'],
  },
  {
    id: 'registry/bearer-token-refused',
    pattern: /[Rr]equesting bear(?:er)? token: .{0,200}\b(?<status>40[0134])\b|unable to retrieve auth token/,
    cause: 'credentials-rejected',
    confidence: 'possible',
    alternatives: ['access-denied', ...refusalBut('credentials-rejected', 'access-denied')],
    scope: 'pull',
    examples: [
      {
        text: 'Requesting bearer token: invalid status code from registry 403 (Forbidden)',
        seen: 'CRI-O 1.20 to 1.36',
      },
    ],
    lookalikes: ['Requesting bearer token: received unexpected HTTP status: 503 Service Unavailable'],
  },
  {
    id: 'registry/denied-denied',
    // GHCR, of a stale login too: public images then fail as private ones do.
    pattern: /\bdenied: denied\b/,
    cause: 'credentials-rejected',
    confidence: 'possible',
    alternatives: [
      'repository-not-found-or-private',
      ...refusalBut('credentials-rejected', 'repository-not-found-or-private'),
    ],
    scope: 'vague',
    examples: [{ text: 'Head "https://ghcr.io/v2/team/web/manifests/1": denied: denied', seen: 'docker 20.10, GHCR' }],
    lookalikes: ['audit: denied { read }'],
  },
  {
    id: 'registry/authentication-required',
    pattern:
      /(?:unauthorized: )?authentication (?:is )?required|no (?:usable )?auth(?:entication)? (?:credentials|token)|[Ll]ogin (?:is )?required|not logged in/,
    cause: 'credentials-missing',
    confidence: 'likely',
    alternatives: [...refusalBut('credentials-missing'), 'tag-not-found'],
    scope: 'vague',
    examples: [
      { text: 'unauthorized: authentication required', seen: 'docker registry 2, ACR, OpenShift' },
      { text: 'reading manifest 1 in reg.example/web: authentication required', seen: 'CRI-O 1.36' },
    ],
    lookalikes: ['Proxy Authentication Required'],
  },
  {
    id: 'registry/unauthorized',
    pattern: /(?::|^|\]|\()\s*(?:unauthorized|UNAUTHORIZED)\b/,
    cause: 'credentials-missing',
    confidence: 'possible',
    alternatives: refusalBut('credentials-missing'),
    scope: 'vague',
    examples: [{ text: 'reading manifest 1 in reg.example/web: unauthorized', seen: 'CRI-O 1.36' }],
    lookalikes: ['Unable to authenticate the request: the server said Unauthorized'],
  },
  {
    id: 'registry/denied',
    pattern: /(?::|^|\]|\()\s*(?:denied|DENIED|forbidden|FORBIDDEN)\b(?! \{)/,
    cause: 'access-denied',
    confidence: 'possible',
    alternatives: ['source-address-blocked', ...refusalBut('access-denied')],
    scope: 'vague',
    examples: [{ text: 'reading manifest 1 in reg.example/web: denied', seen: 'CRI-O 1.36' }],
    lookalikes: ['avc:  denied  { read } for pid=1'],
  },
];

/** Words that registries and runtimes use for what is not there. */
export const notFoundRules: readonly Rule[] = [
  {
    id: 'registry/name-unknown',
    pattern:
      /name[ _]unknown|repository name not known to registry|[Tt]he repository with name '(?<repository>[^']*)' does not exist|project \S+ not found|repository \S+ not found(?!: does not exist or no pull)|repository does not exist(?! or)/i,
    cause: 'repository-not-found',
    confidence: 'likely',
    alternatives: ['repository-not-found-or-private', 'tag-not-found'],
    scope: 'pull',
    examples: [
      {
        text: "name unknown: The repository with name 'web' does not exist in the registry with id '1'",
        seen: 'ECR, ECR Public',
      },
      { text: 'name unknown: repository name not known to registry', seen: 'docker registry 2' },
    ],
    lookalikes: ['manifest unknown: manifest unknown'],
  },
  {
    id: 'registry/manifest-unknown',
    pattern:
      /manifest[ _]unknown|manifest for (?<image>\S+) not found|manifest tagged by \S+ is not found|artifact \S+ not found|Error: image \S+ not found|[Tt]ag \S+ (?:was )?not found in repository|no such (?:manifest|tag)|Requested image not found|unknown: (?:artifact|resource) .{0,200}not found|Failed to fetch "/,
    cause: 'tag-not-found',
    confidence: 'likely',
    alternatives: ['repository-not-found', 'repository-not-found-or-private', 'platform-mismatch'],
    scope: 'pull',
    examples: [
      { text: 'manifest for team/web:9 not found: manifest unknown: manifest unknown', seen: 'docker 17 to 26' },
      { text: 'reading manifest 9 in reg.example/web: manifest unknown', seen: 'CRI-O 1.20 to 1.36' },
    ],
    lookalikes: ['no match for platform in manifest: not found', 'name unknown: repository name not known to registry'],
  },
  {
    id: 'containerd/not-found',
    // containerd drops the registry's own words: a missing repository and a missing tag look the same.
    pattern:
      /failed to resolve (?:reference "[^"]*"|image): (?:failed to \w+: )?(?<image>[^\s"]+): not found|response was http\.StatusNotFound|content at \S+ not found: not found|(?:^|: )(?:[\w.-]+(?::\d+)?\/)?[\w./-]+(?::[\w.-]+|@sha256:[0-9a-f]+): not found$/,
    cause: 'tag-not-found',
    confidence: 'likely',
    alternatives: ['repository-not-found', 'repository-not-found-or-private'],
    scope: 'pull',
    examples: [
      {
        text: 'failed to resolve reference "reg.example/web:9": reg.example/web:9: not found',
        seen: 'containerd 1.2 to 1.7',
      },
      { text: 'failed to resolve image: reg.example/web:9: not found', seen: 'containerd 2.0, 2.1' },
      {
        text: 'httpReadSeeker: failed open: content at https://reg.example/v2/web/manifests/sha256:aa not found: not found',
        seen: 'containerd 1.3 to 2.4',
      },
      { text: 'trying next host - response was http.StatusNotFound', seen: 'containerd 1.5 to 1.7, info line' },
    ],
    lookalikes: [
      'an error occurred when try to find container "aa": not found',
      'could not fetch content descriptor sha256:aa from remote: not found',
    ],
  },
];

/** Answers that no registry gives. */
export const strangerRules: readonly Rule[] = [
  {
    id: 'registry/html',
    pattern:
      /text\/html|error (?:unmarshall?ing content|parsing HTTP 2\d\d response body).{0,80}invalid character '<'|(?<!HTTP [345]\d\d response body: )invalid character '<' looking for beginning of value|(?:missing or empty|invalid) (?:Content-Type|Docker-Content-Digest) header|does not (?:appear to be|look like|support) (?:a )?[vV]2|not a (?:Docker|valid) registry|(?:no|missing) realm (?:specified )?(?:for token|in bearer) auth challenge|did not include a token in the response|invalid token auth challenge realm|unable to decode token response|failed to find supported auth scheme|could not resolve digest for \S|unexpected content[- ]type/i,
    cause: 'registry-invalid-response',
    confidence: 'likely',
    alternatives: ['mirror-failed', 'tls-intercepted', 'proxy-denied'],
    scope: 'pull',
    examples: [
      {
        text: 'unexpected media type text/html for sha256:aa: not found',
        seen: 'containerd 1.4 to 2.1, a page with status 200',
      },
      {
        text: "error unmarshalling content: invalid character '<' looking for beginning of value",
        seen: 'docker 1.10 to 26',
      },
      {
        text: 'failed to authorize: no realm specified for token auth challenge',
        seen: 'containerd 1.4 to 2.4',
      },
      { text: 'could not resolve digest for reg.example/web:1', seen: 'containerd 1.2, 1.3, no digest in the headers' },
    ],
    lookalikes: [
      'error parsing HTTP 403 response body: invalid character \'<\' looking for beginning of value: "<html>"',
    ],
  },
];
