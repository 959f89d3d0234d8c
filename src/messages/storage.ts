import type { Rule } from './rule.ts';

/** No room left: searched early, for a full disk breaks whatever comes to it first. */
export const fullRules: readonly Rule[] = [
  {
    id: 'storage/full',
    pattern:
      /no space left on device|database or disk is full|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b|not enough (?:disk )?space/i,
    cause: 'disk-full',
    confidence: 'likely',
    scope: 'vague',
    examples: [
      {
        text: 'failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x.so: no space left on device',
        seen: 'docker 1.12 to 20.10',
      },
      {
        text: 'failed to copy: write /var/lib/containerd/io.containerd.content.v1.content/ingest/aa/data: no space left on device',
        seen: 'containerd 1.6 to 2.1',
      },
    ],
    lookalikes: ['inotify_add_watch: no space left on the watch list'],
  },
];

/** A snapshotter that is not there; its socket must not be taken for the runtime's. */
export const snapshotterRules: readonly Rule[] = [
  {
    id: 'storage/snapshotter',
    pattern:
      /snapshotter (?:not loaded|"?\S+"? (?:was )?not found)|no unpack platforms defined|unable to initialize unpacker|failed to get reader from content store|containerd-(?:stargz|soci|nydus|overlaybd)\S*\.sock|snapshotter .{0,80}(?:is not available|unavailable|not supported)|failed to (?:find|load) snapshotter|failed to prepare extraction snapshot .{0,300}?: (?:connection (?:error|closed)|unavailable|error reading from server)|parent snapshot \S+ does not exist|missing parent "[^"]*" bucket|failed to (?:stat|create|prepare) snapshot/,
    cause: 'snapshotter-unavailable',
    confidence: 'likely',
    alternatives: ['unpack-failed', 'runtime-misconfigured'],
    scope: 'pull',
    examples: [
      {
        text: 'unable to initialize unpacker: no unpack platforms defined: invalid argument',
        seen: 'containerd 2.0, 2.1',
      },
      {
        text: 'error unpacking image: snapshotter not loaded: stargz: invalid argument',
        seen: 'containerd 1.4 to 2.1',
      },
      {
        text: 'failed to prepare extraction snapshot "extract-1-a sha256:aa": connection error: desc = "transport: Error while dialing dial unix:///run/lazy.sock: timeout": unavailable',
        seen: 'containerd 1.6 to 2.1, a proxy plugin whose program does not run',
      },
      {
        text: 'failed to create CRI service: failed to find snapshotter "stargz"',
        seen: 'containerd 1.6 to 2.1, in the journal at its start',
      },
      {
        text: 'failed to get reader from content store: content digest sha256:aa: not found',
        seen: 'containerd 1.6, after a change of snapshotter',
      },
    ],
    lookalikes: ['loading plugin "io.containerd.snapshotter.v1.overlayfs"...'],
  },
];

/** What goes wrong between the last byte of a layer and the files on the node, in words of all three runtimes. */
export const storageRules: readonly Rule[] = [
  {
    id: 'storage/lchown',
    pattern:
      /lchown \S+: invalid argument|potentially insufficient UIDs or GIDs|failed to Lchown .{0,200}: invalid argument/i,
    cause: 'unpack-failed',
    confidence: 'likely',
    alternatives: ['filesystem-error'],
    scope: 'vague',
    examples: [
      {
        text: 'failed to register layer: lchown /etc/gshadow: invalid argument',
        seen: 'docker 23, user namespace without enough ids',
      },
    ],
    lookalikes: ['lchown /etc/gshadow: operation not permitted'],
  },
  {
    // The layer's own entries do not fit what earlier layers left in its tree: a file where a folder has to be.
    id: 'storage/layer-tree',
    pattern:
      /\/(?:snapshots\/\d{1,20}\/fs|tmpmounts\/[\w-]{1,100})\/[^:]{1,400}: (?:not a directory|is a directory|directory not empty|file exists|too many levels of symbolic links)(?<=(?:extract|apply|unpack).{1,900})/,
    cause: 'unpack-failed',
    confidence: 'likely',
    alternatives: ['filesystem-error'],
    scope: 'pull',
    examples: [
      {
        text: 'failed to extract layer sha256:aa: lstat /data/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/etc/a: not a directory: unknown',
        seen: 'containerd 1.3, 1.4',
      },
      {
        text: 'failed to extract layer sha256:aa: mount callback failed on /data/tmpmounts/containerd-mount1: unlinkat /data/tmpmounts/containerd-mount1/srv/b: directory not empty: unknown',
        seen: 'containerd 1.2 to 1.4',
      },
    ],
    lookalikes: [
      'failed to extract layer sha256:aa: mkdir /data/io.containerd.snapshotter.v1.overlayfs/snapshots: not a directory',
      'mkdir /data/io.containerd.content.v1.content/ingest/aa: not a directory',
    ],
  },
  {
    id: 'storage/filesystem',
    pattern:
      /(?:read-only file system|(?<!terminal settings: )input\/output error|structure needs cleaning|stale (?:NFS )?file handle|invalid cross-device link|too many open files|too many links)|(?:failed to mount|overlay mount) .{0,300}?: invalid argument|(?:readlink|stat) \/var\/lib\/(?:containers|containerd|docker)\/\S+: no such file or directory|(?:mkdir|open|stat|rename|readlink) \/\S{0,300}(?:io\.containerd\.(?:content|snapshotter|metadata)\.v1\.|\/containers\/storage\/)\S{0,300}: (?:no such file or directory|not a directory)|layer not known|(?:failed to (?:mount|extract layer|register layer|apply layer|unpack|prepare|create|chmod|Lchown)|Error creating mount namespace|ApplyLayer|(?:mkdir|open|mount|chown|lchown|chmod|link|symlink|rename|mknod|remove|unlinkat|lsetxattr|setxattr|fsync|creat) \/).{0,400}?: (?:operation not permitted|permission denied|operation not supported)/i,
    cause: 'filesystem-error',
    confidence: 'likely',
    alternatives: ['unpack-failed', 'disk-full'],
    scope: 'vague',
    examples: [
      {
        text: 'failed to extract layer sha256:aa: operation not permitted: unknown',
        seen: 'containerd 1.6',
      },
      {
        text: 'failed to mount /var/lib/containerd/tmpmounts/containerd-mount1: operation not permitted: unknown',
        seen: 'containerd 1.5 to 2.1, without the privilege',
      },
      {
        text: 'failed to create temp dir: mkdir /var/lib/containerd/tmp: read-only file system',
        seen: 'containerd 1.6',
      },
      {
        text: 'mkdir /data/io.containerd.content.v1.content/ingest/aa: not a directory',
        seen: 'containerd 1.6 to 2.1, a file in the place of a folder',
      },
    ],
    lookalikes: [
      'dial tcp 192.0.2.1:443: connect: operation not permitted',
      'denied: permission denied',
      "pulling image failed: creating progress-bar pool: Can't set terminal settings: input/output error",
    ],
  },
  {
    id: 'storage/digest',
    pattern:
      /unexpected commit (?:digest|size)|failed size validation|[Dd]igest did not match|(?:filesystem layer|image(?: config)?|layer|manifest) verification failed(?= for digest)|(?:digest|checksum|hash) (?:mismatch|verification failed)|mismatched (?:digest|checksum)|downloaded .{0,80} does not match|[Mm]anifest (?:to be saved )?does not match (?:provided|selected|expected) (?:manifest )?digest|blob (?:digest|size) mismatch|digest \S+ does not match expected/,
    cause: 'digest-mismatch',
    confidence: 'likely',
    alternatives: ['blob-unreachable', 'tls-intercepted'],
    scope: 'pull',
    examples: [
      {
        text: 'failed commit on ref "layer-sha256:aa": unexpected commit digest sha256:bb, expected sha256:aa: failed precondition',
        seen: 'containerd 1.2 to 2.1',
      },
      { text: 'filesystem layer verification failed for digest sha256:aa', seen: 'docker 1.10 to 26' },
      { text: 'Manifest does not match provided manifest digest sha256:aa', seen: 'containers/image 5.20 to 5.36' },
      { text: 'writing blob: blob size mismatch', seen: 'containers/image 5.20 to 5.36' },
    ],
    lookalikes: ['checkpoint is corrupted: checkpoint checksum differs'],
  },
  {
    id: 'storage/short-read',
    pattern:
      /short read: expected \d+ bytes|failed to read expected number of bytes|while reconnecting|after reconnecting, fetching blob/,
    cause: 'blob-unreachable',
    confidence: 'likely',
    alternatives: ['digest-mismatch', 'tcp-reset'],
    scope: 'pull',
    examples: [
      { text: 'failed to copy: short read: expected 5000 bytes but got 12: unexpected EOF', seen: 'containerd 1.6' },
      { text: 'failed to read expected number of bytes: unexpected EOF', seen: 'containerd 1.7' },
    ],
    lookalikes: ['short read on checkpoint'],
  },
  {
    id: 'storage/snapshot',
    pattern: /failed to prepare extraction snapshot|unable to prepare extraction snapshot/,
    cause: 'snapshotter-unavailable',
    confidence: 'possible',
    alternatives: ['unpack-failed', 'filesystem-error'],
    scope: 'pull',
    examples: [
      {
        text: 'failed to prepare extraction snapshot "extract-1-aa sha256:aa": failed to find image ref of snapshot 25: unknown',
        seen: 'containerd 1.4 to 2.1 with the nydus snapshotter',
      },
    ],
    lookalikes: ['failed to prepare extraction snapshot "extract-1-aa sha256:aa": read-only file system'],
  },
  {
    id: 'storage/unpack',
    pattern:
      /failed to extract layer|wrong diff id calculated on extraction|failed to apply layer|apply layer error|failed to register layer|archive\/tar: |Untar re-exec error|ApplyLayer |Error processing tar file|processing tar file\(|gzip: invalid|unpigz|pigz: |zstd: |flate: corrupt|magic number mismatch|error creating layer with ID|failed to convert whiteout|max depth exceeded|error unpacking image|[Ff]ailed to unpack (?:image\b|layer\b|[`'"]?\/)|unpacking .{1,300}?\.\.\. ?ctr: |failed to commit snapshot|adding layer with blob|committing the finished image/,
    cause: 'unpack-failed',
    confidence: 'likely',
    alternatives: ['digest-mismatch', 'filesystem-error', 'manifest-unsupported'],
    scope: 'pull',
    examples: [
      {
        text: 'failed to extract layer sha256:aa: mount callback failed on /var/lib/containerd/tmpmounts/m1: archive/tar: invalid tar header: unknown',
        seen: 'containerd 1.6, 1.7',
      },
      { text: 'wrong diff id calculated on extraction "sha256:aa"', seen: 'containerd 1.2 to 2.1' },
      { text: 'Untar re-exec error: exit status 1: output: unexpected EOF', seen: 'docker 1.9' },
      {
        text: 'writing blob: storing blob to file "/var/tmp/store1/1": pigz: skipping: <stdin>: corrupted -- crc32 mismatch: exit status 1',
        seen: 'podman 5.2, containers/storage 1.55',
      },
    ],
    lookalikes: [
      'failed to unpack image on snapshotter overlayfs: unexpected media type text/html for sha256:aa: not found',
    ],
  },
  {
    // Two words of containers/storage for what its own store lacks (errors.go, store.go): with them no pull need be named.
    id: 'storage/store-damaged',
    pattern: /: layer not known\b|locating item named "[^"\n]{1,200}" for image with ID/,
    cause: 'filesystem-error',
    confidence: 'likely',
    alternatives: ['unpack-failed'],
    scope: 'pull',
    examples: [
      {
        text: 'Failed to create pod sandbox: rpc error: code = Unknown desc = creating pod sandbox with name "k8s_web-0_0": layer not known',
        seen: 'CRI-O 1.18 to 1.20, after the power was cut',
      },
      {
        text: 'locating item named "manifest" for image with ID "8aa1": file does not exist',
        seen: 'CRI-O and podman, containers/storage 1.12 to 1.40',
      },
    ],
    lookalikes: ['creating pod sandbox with name "k8s_web-0_0": name is reserved'],
  },
];
