import type { Rule } from './rule.ts';

/** What CRI-O and containers/image say of configuration, policy and manifests (pull-facts section 7). */
export const crioRules: readonly Rule[] = [
  {
    id: 'crio/short-name',
    pattern:
      /short-name "(?<image>[^"]*)" did not resolve to an alias|short[- ]name mode is enforcing, but image name \S+ returns ambiguous list|short-name resolution enforced but cannot prompt|no unqualified-search registries are defined|no containers-registries\.conf\(5\) was found|no registries configured while trying to pull an unqualified image/,
    cause: 'short-name-unresolved',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'short-name "web:1" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
        seen: 'CRI-O 1.20 to 1.36',
      },
      {
        text: 'short name mode is enforcing, but image name team/web:1 returns ambiguous list',
        seen: 'CRI-O 1.34 to 1.36',
      },
      { text: 'no registries configured while trying to pull an unqualified image', seen: 'CRI-O 1.9 to 1.19' },
    ],
    lookalikes: ['Resolved "busybox" as an alias (/etc/containers/registries.conf.d/shortnames.conf)'],
  },
  {
    id: 'crio/blocked',
    pattern: /registry (?<host>\S+) is blocked in |(?:registry|image) \S+ is blocked by configuration/,
    cause: 'registry-blocked',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'initializing source docker://bad.example/web:1: registry bad.example is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d',
        seen: 'CRI-O 1.24 to 1.36',
      },
    ],
    lookalikes: ['INFO: task registry blocked in uninterruptible sleep'],
  },
  {
    id: 'crio/policy-file',
    pattern:
      /invalid policy in "(?<file>[^"]*)"|(?:loading|reading|parsing) (?:signature )?policy|policy\.json"?: (?:no such file|permission denied)/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    alternatives: ['signature-rejected'],
    scope: 'vague',
    examples: [
      { text: 'pulling image: invalid policy in "/etc/containers/policy.json": Unknown key "foo"', seen: 'CRI-O 1.28' },
    ],
    lookalikes: ['invalid policy in "topology-manager": restricted'],
  },
  {
    id: 'crio/signature',
    pattern:
      /Source image rejected: (?<why>.{0,200})|A signature was required, but no signature exists|is rejected by policy|Invalid GPG signature|invalid signature when validating ASN|Signature for identity .{0,200} is not accepted|cryptographic signature verification failed|image verification failed(?! for digest)|no (?:valid|matching) signatures? (?:was |were )?found|image verifier (?<verifier>\S+) (?:blocked pull|returned error)|[Uu]nexpected Fulcio OIDC issuer|None of the signatures were accepted/,
    cause: 'signature-rejected',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      { text: 'Source image rejected: A signature was required, but no signature exists', seen: 'CRI-O 1.22 to 1.36' },
      { text: 'invalid signature when validating ASN.1 encoded signature', seen: 'containers/image 5.26, sigstore' },
      {
        text: 'image verifier cosign blocked pull of reg.example/web:1 with digest sha256:aa for reason: no key',
        seen: 'containerd 2.1',
      },
      {
        text: '1 error(s) occurred: image verification failed: no valid signature found: bundle tag not found',
        seen: 'Talos 1.13',
      },
    ],
    lookalikes: ['Verifying image signatures', 'image verification failed for digest sha256:aa'],
  },
  {
    id: 'crio/configuration',
    pattern:
      /loading registries configuration|invalid location '[^']*'|URI schemes are not supported|getting username and password: |(?:reading|unmarshaling) JSON (?:file|at) "(?<file>[^"]*)"|registries\.conf(?:\.d\/\S+)?"?: (?:toml|mixing|in|line|near)|missing (?:client certificate|key) \S+ for (?:key|client certificate) /,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    scope: 'vague',
    examples: [
      {
        text: 'initializing source docker://reg.example/web:1: loading registries configuration "/etc/containers/registries.conf": toml: line 3: expected value',
        seen: 'CRI-O 1.28',
      },
      {
        text: 'creating new docker client: missing client certificate reg.cert for key reg.key',
        seen: 'containers/image 5.20 to 5.36, certs.d',
      },
    ],
    lookalikes: ['error getting username and password from secret default/db'],
  },
  {
    id: 'crio/platform',
    pattern:
      /no image found in (?:manifest list|image index) for architecture "?(?<architecture>[^",]*)"?|choosing (?:an )?image (?:instance )?from manifest list .{0,300}no image found/,
    cause: 'platform-mismatch',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'choosing an image from manifest list docker://reg.example/web:1: no image found in image index for architecture "amd64", variant "", OS "linux"',
        seen: 'CRI-O 1.36',
      },
      { text: 'no image found in manifest list for architecture s390x, variant "", OS linux', seen: 'CRI-O 1.20' },
    ],
    lookalikes: ['no image found in the cache'],
  },
  {
    id: 'crio/diff-id',
    pattern: /does not match config's DiffID|wrong diff id "[^"]*" calculated on extraction|invalid diffID for layer/,
    cause: 'digest-mismatch',
    confidence: 'likely',
    alternatives: ['unpack-failed'],
    scope: 'pull',
    examples: [
      {
        text: 'writing blob: layer 0 (blob "sha256:aa"/""/"sha256:bb") does not match config\'s DiffID "sha256:cc"',
        seen: 'CRI-O 1.36',
      },
      { text: 'wrong diff id "sha256:bb" calculated on extraction "sha256:cc"', seen: 'containerd 1.6 to 2.1' },
    ],
    lookalikes: [],
  },
  {
    id: 'crio/schema1',
    pattern:
      /no FSLayers in manifest|Digest of source image's manifest would not match destination reference|unsupported (?:schema version|manifest media type|MIME type)(?!.{0,40}text\/html)|Unsupported (?:schema version|MIME type)(?!.{0,40}text\/html)/,
    cause: 'manifest-unsupported',
    confidence: 'likely',
    alternatives: ['registry-invalid-response'],
    scope: 'pull',
    examples: [
      {
        text: 'initializing image from source docker://reg.example/web:1: no FSLayers in manifest',
        seen: 'CRI-O 1.36',
      },
      {
        text: "Digest of source image's manifest would not match destination reference",
        seen: 'CRI-O 1.11, the digest of a manifest list',
      },
    ],
    lookalikes: ['reading manifest 1 in reg.example/web: unsupported MIME type "text/html"'],
  },
  {
    id: 'crio/no-progress',
    pattern: /Timed out on waiting up to \S+ for image pull progress/,
    cause: 'pull-timeout',
    confidence: 'likely',
    alternatives: ['pull-stalled'],
    scope: 'pull',
    examples: [{ text: 'Timed out on waiting up to 10s for image pull progress updates', seen: 'CRI-O 1.30 to 1.32' }],
    lookalikes: ['timed out waiting for the condition'],
  },
  {
    // Said without a word of a pull: containers/image, signature/policy_config.go and what reads the file for it.
    id: 'crio/policy-unreadable',
    pattern:
      /invalid policy in "(?<policy>[^"\n]{0,300}\/policy\.json)"|open \S{0,300}\/containers\/policy\.json: (?:no such file|permission denied)|[Ee]rror loading trust policy/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    scope: 'pull',
    examples: [
      {
        text: 'Failed to create pod sandbox: rpc error: code = Unknown desc = creating pod sandbox with name "k8s_web-0_0": open /etc/containers/policy.json: no such file or directory',
        seen: 'CRI-O 1.11 to 1.36',
      },
      { text: 'Error loading trust policy: unexpected end of JSON input', seen: 'skopeo 0.1 to 1.9' },
    ],
    lookalikes: ['open /etc/audit/policy.json: no such file or directory'],
  },
  {
    // CRI-O does not start: cmd/crio/main.go and Validate in pkg/config/config.go; the store is opened by "root config".
    id: 'crio/start',
    pattern:
      /\b[Vv]alidating r(?:oot|untime) config: |config validation: invalid conmon path|unable to decode configuration \S{0,300}crio|opening storage: driver not supported|backing file system is unsupported for this graph driver/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    alternatives: ['runtime-unreachable', 'filesystem-error'],
    scope: 'pull',
    examples: [
      {
        text: 'time="2026-11-22 10:00:00.1Z" level=fatal msg="validating runtime config: runtime validation: \\"runc9\\" not found in $PATH: exec: \\"runc9\\": executable file not found in $PATH" file="crio/main.go:1"',
        seen: 'CRI-O 1.18 to 1.36, in the journal at its start',
      },
      {
        text: 'Validating root config: failed to get store to set defaults: kernel does not support overlay fs: backing file system is unsupported for this graph driver',
        seen: 'CRI-O 1.21',
      },
      { text: 'unable to decode configuration /etc/crio/crio.conf: toml: line 3', seen: 'CRI-O 1.16' },
    ],
    lookalikes: [
      'Node configuration validation for memoryswap cgroup failed: node not configured with memory swap',
      'default configuration file does not exist: /etc/crio/crio.conf',
      'Validating runtime config: time="x" level=fatal: write /var/lib/containers/storage/db.lock: no space left on device',
    ],
  },
];
