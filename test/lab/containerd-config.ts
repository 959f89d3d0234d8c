import type { RuntimeSetup } from './containerd.ts';
import type { RuntimeLine } from './containerd-versions.ts';

/** Plugins that reach for files of the machine, which several containerds would share. */
const unwanted = {
  2: ['io.containerd.internal.v1.opt', 'io.containerd.grpc.v1.restart'],
  3: ['io.containerd.internal.v1.opt', 'io.containerd.monitor.container.v1.restart', 'io.containerd.nri.v1.nri'],
} as const;

/**
 * The configuration file of a lab's containerd: version 3 for 2.x, version 2 for the others, unless the setup's first
 * lines say another version (1 is written in the words of 2).
 */
export function configurationOf(setup: RuntimeSetup, socket: string): string {
  const first = setup.firstLines ?? [];
  const said = first.map((line) => /^version\s*=\s*(\d)/.exec(line)?.[1]).find((version) => version !== undefined);
  const line = setup.containerd?.line ?? '1.6';
  const version = (said ?? (line.startsWith('2') ? '3' : '2')) === '3' ? 3 : 2;
  const disabled: string[] = [...unwanted[version]];
  if (setup.cri === false) disabled.push(cri2);
  return [
    ...first,
    ...(said === undefined ? [`version = ${version}`] : []),
    `root = "${setup.root}"`,
    `state = "${setup.state}"`,
    `disabled_plugins = [${disabled.map((name) => `"${name}"`).join(', ')}]`,
    '[grpc]',
    `  address = "${socket}"`,
    `[plugins."${cri2}"]`,
    '  stream_server_address = "127.0.0.1"',
    '  stream_server_port = "0"',
    ...(version === 3 ? settings3(setup, line) : settings2(setup)),
    ...Object.entries(setup.proxySnapshotters ?? {}).flatMap(([name, address]) => [
      `[proxy_plugins.${name}]`,
      '  type = "snapshot"',
      `  address = "${address}"`,
    ]),
    '',
  ].join('\n');
}

export const pauseImage = 'registry.lab/pause:3.9';
const native = 'native'; // the snapshotter that needs nothing of the kernel
const cri2 = 'io.containerd.grpc.v1.cri';
const images3 = 'io.containerd.cri.v1.images';

function settings2(setup: RuntimeSetup): string[] {
  return [
    `  sandbox_image = "${setup.sandboxImage ?? pauseImage}"`,
    `[plugins."${cri2}".containerd]`,
    `  snapshotter = "${setup.snapshotter ?? native}"`,
    ...registry(setup, setup.misplaced === true ? images3 : cri2),
  ];
}

function settings3(setup: RuntimeSetup, line: RuntimeLine): string[] {
  const snapshotter = setup.snapshotter ?? native;
  return [
    `[plugins."${images3}"]`,
    `  snapshotter = "${snapshotter}"`,
    `  use_local_image_pull = ${line === '2.x local'}`,
    `[plugins."${images3}".pinned_images]`,
    `  sandbox = "${setup.sandboxImage ?? pauseImage}"`,
    ...registry(setup, setup.misplaced === true ? cri2 : images3),
    // The transfer service unpacks for the snapshotters that are listed here, whatever CRI's is.
    '[[plugins."io.containerd.transfer.v1.local".unpack_config]]',
    `  platform = "linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}"`,
    `  snapshotter = "${snapshotter}"`,
  ];
}

function registry({ hostsFolder = '/etc/containerd/certs.d', mirrors = {} }: RuntimeSetup, plugin: string): string[] {
  return [
    `[plugins."${plugin}".registry]`,
    ...(hostsFolder === null ? [] : [`  config_path = "${hostsFolder}"`]),
    ...Object.entries(mirrors).flatMap(([host, endpoints]) => [
      `[plugins."${plugin}".registry.mirrors."${host}"]`,
      `  endpoint = [${endpoints.map((endpoint) => `"${endpoint}"`).join(', ')}]`,
    ]),
  ];
}
