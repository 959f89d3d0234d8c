import type { Rule } from './rule.ts';

/** What containerd and dockerd say of their own configuration and of pulls that they end themselves. */
export const containerdRules: readonly Rule[] = [
  {
    id: 'containerd/registry-files',
    pattern:
      /failed to (?:decode|parse|load) \S*hosts\.toml|hosts\.toml.{0,80}(?:failed|error|invalid|unable)|unable to (?:load|read) (?:CA cert|CERT file)|failed to load X509 key pair|invalid `?host`? tree|unknown capability|get TLSConfig for registry|parse registry endpoint "|`?mirrors`? cannot be set when `?config_path`? is provided|invalid plugin config/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    scope: 'pull',
    examples: [
      {
        text: 'unable to load CA cert "/etc/containerd/certs.d/reg.example/ca.crt"',
        seen: 'containerd 1.5 to 2.1',
      },
      {
        text: 'failed to load plugin io.containerd.grpc.v1.cri: invalid plugin config: `mirrors` cannot be set when `config_path` is provided',
        seen: 'containerd 1.5 to 1.7',
      },
      {
        text: 'get TLSConfig for registry "https://reg.example": failed to load CA file: open /srv/ca.crt: no such file or directory',
        seen: 'containerd 1.3 to 1.7, registry.configs',
      },
    ],
    lookalikes: ['skip loading plugin "io.containerd.snapshotter.v1.btrfs"...'],
  },
  {
    id: 'containerd/no-progress',
    pattern:
      /[Cc]ancel pulling image "?(?<image>[^\s"]+)"? because (?:of no progress|it exceeded image pull deadline)(?: (?:in|for) (?<after>[^,\s]+))?/,
    cause: 'pull-timeout',
    confidence: 'likely',
    alternatives: ['pull-stalled', 'blob-unreachable'],
    scope: 'pull',
    examples: [
      { text: 'cancel pulling image reg.example/web:1 because of no progress in 5m0s', seen: 'containerd 1.7 to 2.1' },
      {
        text: 'Cancel pulling image "web:1" because of no progress for 1m0s, latest progress: "aa: Downloading"',
        seen: 'kubelet 1.5 to 1.23 with dockershim, cri-dockerd',
      },
    ],
    lookalikes: ['stop pulling image reg.example/web:1: active requests=0, bytes read=0'],
  },
  {
    id: 'containerd/locked',
    pattern: /ref \S+ locked(?: for \S+)?(?: \([^)]*\))?: unavailable/,
    cause: 'unknown',
    confidence: 'possible',
    alternatives: ['pull-queued'],
    scope: 'pull',
    examples: [
      {
        text: 'ref k8s.io/2/layer-sha256:aa locked: unavailable',
        seen: 'containerd 1.0 to 1.7, the same layer comes already',
      },
    ],
    lookalikes: [],
  },
];

/** A transfer that ended early without a word why: after every rule that names a cause. */
export const transferRules: readonly Rule[] = [
  {
    id: 'transfer/cut',
    pattern:
      /(?:failed to (?:copy|commit|read|fetch)|failed open|writing blob|reading blob|fetching blob|copying|Downloading|[Dd]ownload failed).{0,400}(?:unexpected EOF|(?<!error reading from server: )\bEOF\b|stream error|GOAWAY|INTERNAL_ERROR|PROTOCOL_ERROR|server closed idle connection)/,
    cause: 'blob-unreachable',
    confidence: 'likely',
    alternatives: ['registry-error', 'tcp-reset', 'tls-intercepted'],
    scope: 'pull',
    examples: [
      { text: 'failed to copy: httpReadSeeker: failed open: unexpected EOF', seen: 'containerd 1.6' },
      {
        text: 'writing blob: storing blob to file "/var/tmp/s1": happened during read: unexpected EOF',
        seen: 'CRI-O 1.20',
      },
    ],
    lookalikes: [
      'archive/tar: unexpected EOF',
      // The runtime's own connection to its store: it went away in the middle.
      'failed to copy: failed to send write: error reading from server: EOF: unavailable',
    ],
  },
  {
    // To look whether an image is there asks no registry: the runtime itself does not answer.
    id: 'transfer/inspect-late',
    pattern:
      /(?:Failed to inspect image|ImageStatus (?:for image|from image service|")).{1,600}(?:context deadline exceeded|context canceled)/,
    cause: 'unknown',
    confidence: 'possible',
    alternatives: ['runtime-unreachable', 'filesystem-error'],
    scope: 'pull',
    examples: [
      {
        text: 'Failed to inspect image "web:1": rpc error: code = DeadlineExceeded desc = context deadline exceeded',
        seen: 'kubelet 1.7 to 1.36',
      },
    ],
    lookalikes: ['Failed to pull image "web:1": rpc error: code = DeadlineExceeded desc = context deadline exceeded'],
  },
  {
    id: 'transfer/deadline',
    pattern: /context deadline exceeded|operation timeout|deadline exceeded|timed out waiting for (?:the )?image pull/,
    cause: 'pull-timeout',
    confidence: 'possible',
    alternatives: ['pull-stalled', 'registry-timeout', 'tcp-timeout', 'runtime-unreachable'],
    scope: 'vague',
    examples: [
      {
        text: 'Failed to pull image "web:1": rpc error: code = DeadlineExceeded desc = context deadline exceeded',
        seen: 'kubelet 1.10 to 1.36',
      },
    ],
    lookalikes: ['Error updating node status: context deadline exceeded'],
  },
  {
    id: 'transfer/canceled-in-crio',
    // CRI-O's pull_progress_timeout (server/image_pull.go) cancels between two words of containers/image.
    pattern:
      /(?:copying (?:config|layer|system image)|(?:writing|reading|storing) blob|initializing (?:source|image)|choosing an? image|reading manifest).{0,300}context canceled/,
    cause: 'pull-timeout',
    confidence: 'possible',
    alternatives: ['pull-canceled', 'pull-stalled', 'registry-timeout', 'blob-unreachable'],
    scope: 'pull',
    examples: [
      {
        text: 'rpc error: code = Canceled desc = copying system image from manifest list: copying config: context canceled',
        seen: 'CRI-O 1.30 to 1.32',
      },
    ],
    lookalikes: ['rpc error: code = Canceled desc = context canceled'],
  },
  {
    id: 'transfer/canceled-in-containerd',
    // Where the kubelet lives to tell it, the one that canceled is containerd's own progress watch.
    pattern: /failed to pull and unpack image .{0,600}context canceled/,
    cause: 'pull-timeout',
    confidence: 'possible',
    alternatives: ['pull-canceled', 'pull-stalled', 'registry-timeout', 'blob-unreachable'],
    scope: 'pull',
    examples: [
      {
        text: 'rpc error: code = Canceled desc = failed to pull and unpack image "reg.example/web:1": context canceled',
        seen: 'containerd 1.7, 2.1',
      },
    ],
    lookalikes: ['rpc error: code = Canceled desc = context canceled'],
  },
  {
    id: 'transfer/canceled',
    pattern:
      /context canceled|request canceled|operation was canceled|(?:transport|client connection|server) is (?:closing|shutting down)|error reading from server: EOF/,
    cause: 'pull-canceled',
    confidence: 'possible',
    alternatives: ['pull-timeout', 'pull-stalled', 'runtime-unreachable'],
    scope: 'vague',
    examples: [
      {
        text: 'Failed to pull image "web:1": rpc error: code = Canceled desc = context canceled',
        seen: 'kubelet 1.10 to 1.36',
      },
    ],
    lookalikes: ['Stopping watch: context canceled'],
  },
];
