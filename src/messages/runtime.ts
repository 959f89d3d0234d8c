import type { Rule } from './rule.ts';

/** That the runtime is not there, or CRI is not: words of gRPC, crictl and docker's client (pull-facts section 3). */
export const runtimeRules: readonly Rule[] = [
  {
    id: 'runtime/no-cri',
    pattern:
      /unknown service runtime\.v1(?:alpha2)?\.(?:ImageService|RuntimeService)|unknown service containerd\.services\.(?:leases|images|content|snapshots|diff|transfer)\.|method Transfer not implemented|API is not implemented for endpoint/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    alternatives: ['snapshotter-unavailable'],
    scope: 'pull',
    examples: [
      {
        text: 'rpc error: code = Unimplemented desc = unknown service runtime.v1.ImageService',
        seen: 'containerd 1.6 to 2.1 without its CRI plugin',
      },
      {
        text: 'rpc error: code = Unimplemented desc = unknown service containerd.services.leases.v1.Leases',
        seen: 'containerd 1.0, a plugin that did not load',
      },
    ],
    lookalikes: [
      'rpc error: code = Unimplemented desc = method RuntimeConfig not implemented',
      'rpc error: code = Unimplemented desc = unknown service containerd.services.tasks.v1.Tasks',
    ],
  },
  {
    // What containerd says of its own file when it starts, and of CRI's plugin when that does not load.
    id: 'runtime/config',
    pattern:
      /failed to (?:load|unmarshal) TOML|Failure unmarshaling TOML|(?:containerd|unsupported) config version\b|invalid (?:disabled|required) plugin URI|failed to create CRI service/,
    cause: 'runtime-misconfigured',
    confidence: 'likely',
    scope: 'pull',
    examples: [
      {
        text: 'containerd: failed to load TOML: /etc/containerd/config.toml: (1, 11): cannot have multiple equals for the same key',
        seen: 'containerd 1.6, 1.7',
      },
      {
        text: 'containerd: failed to unmarshal TOML at row 1 column 11: toml: unexpected character',
        seen: 'containerd 2.1',
      },
      {
        text: 'failed to load TOML from /etc/containerd/config.toml: expected containerd config version equal to or less than `3`, got `9`',
        seen: 'containerd 2.1',
      },
      { text: 'failed to create CRI service: failed to set up its stream server', seen: 'containerd 1.4 to 1.7' },
      { text: 'invalid disabled plugin URI "cri" expect io.containerd.x.vx', seen: 'containerd 1.6 to 2.1' },
    ],
    lookalikes: ['failed to load cni config', 'cniconfig cannot be set when the plugin is running'],
  },
  {
    id: 'runtime/socket-absent',
    pattern:
      /dial unix (?<socket>\S*\/(?:containerd|crio|docker|dockershim|cri-dockerd|isulad|frakti|cri)\.sock\S*?): connect: no such file or directory/,
    cause: 'runtime-unreachable',
    confidence: 'likely',
    alternatives: ['runtime-misconfigured'],
    scope: 'pull',
    examples: [
      {
        text: 'connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"',
        seen: 'grpc-go 1.55, kubelet 1.28',
      },
    ],
    lookalikes: [
      'failed to connect to plugin: dial unix /var/lib/kubelet/plugins/csi.example/csi.sock: connect: no such file or directory',
    ],
  },
  {
    id: 'runtime/socket-dead',
    pattern:
      /dial unix:? ?(?<socket>\S*\/(?:containerd|crio|docker|dockershim|cri-dockerd|isulad|frakti|cri)\.sock\S*?): (?:(?:connect: )?(?:connection refused|permission denied|resource temporarily unavailable)|timeout|i\/o timeout)|failed to dial "(?:unix:\/\/)?\/[^"]*(?:containerd|crio|docker)[^"]*"|Cannot connect to the Docker daemon|make sure you are running as root and the runtime has been started|container runtime is down|server is not initialized yet|(?<=(?:runtime|image|[Pp]ull).{0,300})connection closed before server preface received/,
    cause: 'runtime-unreachable',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      {
        text: 'connection error: desc = "transport: Error while dialing dial unix /run/crio/crio.sock: connect: connection refused"',
        seen: 'grpc-go 1.40, kubelet 1.22',
      },
      {
        text: 'connection error: desc = "transport: Error while dialing: dial unix:///run/containerd/containerd.sock: timeout"',
        seen: 'ctr 2.0, 2.1',
      },
      { text: 'Cannot connect to the Docker daemon. Is the docker daemon running on this host?', seen: 'docker 1.9' },
      {
        text: 'getting the runtime version: rpc error: code = Unavailable desc = connection closed before server preface received',
        seen: 'crictl 1.26',
      },
    ],
    lookalikes: [
      'Error while dialing: dial unix /var/lib/kubelet/plugins/csi.example/csi.sock: connect: connection refused',
      'dial unix /run/containerd-stargz-grpc/containerd-stargz-grpc.sock: connect: connection refused',
    ],
  },
];
