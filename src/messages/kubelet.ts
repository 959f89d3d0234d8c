import type { Rule } from './rule.ts';

/** What the kubelet itself says: policies, names, secrets, its own limits (pkg/kubelet/images, pull-facts section 1). */
export const kubeletRules: readonly Rule[] = [
  {
    id: 'kubelet/never-pull',
    pattern: /Container image "(?<image>[^"]*)" is not present with pull policy of Never|\bErrImageNeverPull\b/,
    cause: 'image-never-pull',
    // With credential verification (1.35+) the kubelet hides that the image is there behind the same words.
    confidence: 'likely',
    alternatives: ['image-credentials-unverified'],
    scope: 'pull',
    examples: [
      { text: 'Container image "team/web:dev" is not present with pull policy of Never', seen: 'kubelet 1.20 to 1.36' },
      {
        text: 'Error from server (BadRequest): container "web" in pod "web-0" is waiting to start: ErrImageNeverPull',
        seen: 'kube-apiserver 1.28',
      },
    ],
    lookalikes: ['Container image "team/web:dev" already present on machine'],
  },
  {
    id: 'kubelet/pull-qps',
    pattern: /\bpull QPS exceeded\b/,
    cause: 'pull-qps-exceeded',
    confidence: 'proven',
    scope: 'pull',
    examples: [{ text: 'Failed to pull image "web:1": pull QPS exceeded', seen: 'kubelet 1.22' }],
    lookalikes: ['client-side throttling, not priority and fairness: QPS exceeded'],
  },
  {
    id: 'kubelet/credential-provider',
    pattern:
      /credential provider plugin (?<provider>\S+)|external registry credential provider|failed to validate credential provider config|Failed to register CRI auth plugins|plugin binary (?:executable|directory) \S+ did not exist|Error getting service account token [^\s/]+\/[^\s/]+: |error getting credentials - err: |docker-credential-[\w-]+"?: executable file not found|(?:requesting|failed to get) ECR (?:authorization )?(?:token|credentials)|failed to refresh ACR|error (?:getting|fetching) ACR|read(?:ing)? ['"]?google-dockercfg/i,
    cause: 'credential-provider-failed',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'Failed getting credential from external registry credential provider: error execing credential provider plugin ecr-credential-provider for image 1.dkr.ecr.eu-west-1.amazonaws.com/web: exit status 1',
        seen: 'kubelet 1.26 to 1.36',
      },
      {
        text: 'error getting credentials - err: exec: "docker-credential-ecr-login": executable file not found in $PATH, out: ``',
        seen: 'docker 24',
      },
      {
        text: '"Failed to register CRI auth plugins" err="plugin binary executable /opt/bin/ecr-credential-provider did not exist"',
        seen: 'kubelet 1.26 to 1.36, at its start',
      },
    ],
    lookalikes: [
      'Registered credential provider ecr-credential-provider',
      'Refreshing cache for provider: *credentialprovider.defaultDockerConfigProvider',
    ],
  },
  {
    id: 'kubelet/secret-unusable',
    pattern:
      /illegal base64 data at input byte \d+|unable to parse auth field|invalid decoded auth: |(?:unable|failed) to (?:parse|unmarshal|decode) (?:the )?(?:docker ?config|\.?dockerconfigjson|pull secret)/i,
    cause: 'pull-secret-invalid',
    confidence: 'likely',
    scope: 'vague',
    examples: [
      { text: 'Failed to pull image "web:1": illegal base64 data at input byte 4', seen: 'kubelet 1.27' },
      {
        text: 'Failed to pull image "web:1": unable to parse auth field, must be formatted as base64(username:password)',
        seen: 'kubelet 1.4 to 1.36',
      },
    ],
    lookalikes: ['Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3'],
  },
  {
    id: 'kubelet/secret-missing',
    pattern:
      /Unable to retrieve some image pull secrets \((?<secrets>[^)]*)\)|Unable to retrieve pull secret(?: (?<secret>[^\s,]+))?/,
    cause: 'pull-secret-missing',
    // Often said beside a running pod: the image is public, or another secret serves.
    confidence: 'likely',
    alternatives: ['pull-secret-invalid'],
    scope: 'pull',
    examples: [
      {
        text: 'Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.',
        seen: 'kubelet 1.24 to 1.36, event',
      },
      {
        text: 'Unable to retrieve pull secret team/regcred for team/web-0 due to secrets "regcred" not found.  The image pull may not succeed.',
        seen: 'kubelet 1.14 to 1.18',
      },
    ],
    lookalikes: ['MountVolume.SetUp failed for volume "x" : secret "regcred" not found'],
  },
  {
    id: 'kubelet/invalid-name',
    pattern:
      /couldn't parse image (?:reference|name) "(?<image>[^"]*)"|Failed to apply default image tag|\bInvalidImageName\b|invalid (?:image )?reference format|repository name \(?[^)\n]{0,400}\)? ?must (?:be lowercase|not be more than|have at least|be canonical)|cannot specify 64-byte hexadecimal strings|invalid (?:tag|repository name|checksum digest|digest) (?:format|length|\()|unsupported digest algorithm|object required: invalid argument/,
    cause: 'invalid-image-name',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'Failed to apply default image tag "Web": couldn\'t parse image name "Web": invalid reference format: repository name (library/Web) must be lowercase',
        seen: 'kubelet 1.28 to 1.36',
      },
      { text: 'Error: InvalidImageName', seen: 'kubelet, event' },
      { text: 'failed to parse image reference "web:": invalid reference format', seen: 'containerd 1.6 to 2.1' },
    ],
    lookalikes: ['metadata.name: Invalid value: "Web": must be lowercase'],
  },
];

/** What the kubelet says when it only waits, or names a failure without its cause: last, so that any cause beside it counts. */
export const kubeletRestRules: readonly Rule[] = [
  {
    id: 'kubelet/signature',
    pattern: /because the signature validation failed|\bSignatureValidationFailed\b/,
    cause: 'signature-rejected',
    confidence: 'proven',
    scope: 'pull',
    examples: [{ text: 'Error: SignatureValidationFailed', seen: 'kubelet 1.28 to 1.36 with CRI-O, event' }],
    lookalikes: [],
  },
  {
    id: 'kubelet/registry-unavailable',
    pattern: /because the registry is unavailable|\bRegistryUnavailable\b/,
    cause: 'registry-error',
    // CRI-O says it for ECONNREFUSED, cri-dockerd for 502, 503 and 504.
    confidence: 'possible',
    alternatives: ['tcp-refused'],
    scope: 'pull',
    examples: [{ text: 'Error: RegistryUnavailable', seen: 'kubelet 1.28 to 1.36 with CRI-O, event' }],
    lookalikes: [],
  },
  {
    id: 'kubelet/back-off',
    pattern:
      /Back-off pulling image(?: "(?<image>[^"]*)")?|\bImagePullBackOff\b|(?:image|waiting to start: \S+) can't be pulled/,
    cause: 'back-off-only',
    confidence: 'likely',
    scope: 'pull',
    examples: [
      { text: 'Back-off pulling image "team/web:1"', seen: 'kubelet 1.2 to 1.36, event' },
      { text: 'Error: ImagePullBackOff', seen: 'kubelet, event' },
    ],
    lookalikes: ['Back-off restarting failed container web in pod web-0'],
  },
  {
    id: 'kubelet/pull-failed',
    pattern:
      /\bErrImagePull\b|\bImageInspectError\b|Failed to (?:pull|inspect) image|(?:PullImage|ImageStatus) from image service failed|(?:PullImage|ImageStatus) "[^"]*" (?:from image service )?failed|ImageStatus for image .{1,300} failed|PullImage (?:fail(?:s|ed)\b|error: )|[Ff]ailed to record image pull intent|trying and failing to pull image|[Ee]rror (?:while |pre-)?pulling (?:image\b|[\w.-]{1,255}[:/]\w)|[Ff]ailed pulling image|failed to pull (?:and unpack )?image|pull and unpack image .{1,300} failed|pulling image(?: failed)?: rpc error|Cannot ?Pull\w{0,20}Error/,
    cause: 'unknown',
    confidence: 'possible',
    scope: 'pull',
    examples: [
      { text: 'Error: ErrImagePull', seen: 'kubelet, event' },
      { text: 'Failed to inspect image "": unknown inspectError', seen: 'kubelet 1.33 to 1.36, event' },
      {
        text: 'Failed to inspect image "team/web:1": rpc error: code = Unknown desc = Id or size of image "team/web:1" is not set',
        seen: 'kubelet 1.24 to 1.32 with cri-dockerd, event',
      },
      {
        text: '"ImageStatus from image service failed" err="rpc error: code = Unknown desc = odd"',
        seen: 'kubelet 1.21',
      },
      {
        text: 'Failed to record image pull intent for container image "team/web:1": odd',
        seen: 'kubelet 1.33 to 1.36',
      },
      { text: 'FATA[0002] pulling image: rpc error: code = Unknown desc = odd', seen: 'crictl 1.13 to 1.34' },
    ],
    lookalikes: [
      'Successfully pulled image "team/web:1" in 405ms (405ms including waiting). Image size: 12 bytes.',
      'ImageStatus: image "team/web:1" found',
      'pulling image: team/web:1',
      'ListImages with filter nil from image service failed',
    ],
  },
  {
    // A step of the pull that failed, and why is unsaid, cut off, or in words that nobody knows.
    id: 'pull/step-failed',
    pattern:
      /failed to (?:resolve (?:reference|image|rootfs)|get fetcher|do request: (?:Head|Get|Post)|authorize: failed to fetch|copy: http|unpack image|register layer|prepare extraction snapshot)\b|httpReade?r?Seeker: failed open|no available registry endpoint|Could not reach any registry endpoint|error from registry: |Error response from daemon: unknown: |(?:Not continuing with|Attempting next endpoint for) pull after error|Handler for POST \S{0,20}\/images\/create returned error/,
    cause: 'unknown',
    confidence: 'possible',
    scope: 'pull',
    examples: [
      { text: 'failed to resolve reference "reg.example/web:1": odd', seen: 'containerd 1.2 to 1.7' },
      { text: 'error from registry: unknown', seen: 'docker 29' },
      { text: 'Could not reach any registry endpoint', seen: 'docker 1.9 to 1.12' },
    ],
    lookalikes: [
      'failed to resolve symlink',
      'failed to get reader from content store',
      'failed to authorize the request of the node',
      'failed to do request to the webhook',
    ],
  },
];
