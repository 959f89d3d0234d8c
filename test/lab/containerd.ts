import { mkdir, writeFile } from 'node:fs/promises';
import { systemEnv } from '../../src/lib/env.ts';
import { type CriClient, openCri } from '../../src/wire/cri.ts';
import { until } from '../kit/until.ts';
import { type Service, startService } from './commands.ts';
import { configurationOf } from './containerd-config.ts';
import type { Containerd } from './containerd-versions.ts';
import type { Network } from './network.ts';

/** One containerd at the party `node`. */
export interface RuntimeSetup {
  readonly name: string;
  /** Which one (the machine's own, configured as 1.6 is). */
  readonly containerd?: Containerd;
  /** Folder of its log. */
  readonly folder: string;
  /** Where its images lie; it is made when it is missing. */
  readonly root: string;
  readonly state: string;
  /** Its configuration as the node sees it, and the same file as this process sees it. */
  readonly config: { readonly inside: string; readonly outside: string };
  /** Its environment: `HTTPS_PROXY`, `SSL_CERT_FILE`. */
  readonly env?: Readonly<Record<string, string>>;
  /** False: CRI is switched off in its configuration. */
  readonly cri?: boolean;
  /** The snapshotter of CRI (`native`, which needs nothing of the kernel). */
  readonly snapshotter?: string;
  /** The pause image (`registry.lab/pause:3.9`). */
  readonly sandboxImage?: string;
  /** Nothing is pulled before the case, not even the pause image: no TLS yet, no database. */
  readonly untouched?: boolean;
  /** Snapshotters of other programs, by name: the sockets at which they serve. */
  readonly proxySnapshotters?: Readonly<Record<string, string>>;
  /** `registry.mirrors`, the endpoints by host. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>>;
  /** `config_path` of its registry settings (`/etc/containerd/certs.d`); null: none. */
  readonly hostsFolder?: string | null;
  /** Put its registry settings under the name that the other version of the file has for its plugin: 2.x alone knows both. */
  readonly misplaced?: boolean;
  /** Lines put before everything else, at the top of the file: broken TOML, another `version`. */
  readonly firstLines?: readonly string[];
  /**
   * What to wait for. `cri`: it serves CRI. `no-cri` (with `cri: false` too): its socket is there and serves none.
   * `ends`: the program ends by itself.
   */
  readonly until?: 'cri' | 'no-cri' | 'ends';
}

/** A containerd that serves. */
export interface Runtime {
  readonly service: Service;
  /** `unix:///…`, for -r. */
  readonly endpoint: string;
  readonly socket: string;
  readonly root: string;
}

/** Starts a containerd and waits until it serves CRI, or for what `until` says. */
export async function startRuntime(network: Network, setup: RuntimeSetup): Promise<Runtime> {
  await mkdir(setup.root, { recursive: true });
  await mkdir(setup.state, { recursive: true });
  const socket = `${setup.state}/containerd.sock`;
  await writeFile(setup.config.outside, configurationOf(setup, socket));
  const [command, args] = network.at('node', setup.containerd?.program ?? 'containerd', [
    '--config',
    setup.config.inside,
  ]);
  const service = await startService(setup.name, command, args, `${setup.folder}/${setup.name}.log`, setup.env);
  const endpoint = `unix://${socket}`;
  const wanted = setup.until ?? (setup.cri === false ? 'no-cri' : 'cri');
  await until(
    `${setup.name} (see ${service.logFile})`,
    async () => {
      if (wanted === 'ends') return !service.running();
      if (!service.running()) throw new Error(`${setup.name} ended (see ${service.logFile})`);
      const opened = await openCri(endpoint, { env: systemEnv, connectTimeoutMs: 1000, callTimeoutMs: 1000 });
      if (wanted === 'no-cri') {
        if (opened.ok) opened.value.close();
        return !opened.ok && opened.error.code === 'Unimplemented';
      }
      if (!opened.ok) return false;
      opened.value.close();
      return true;
    },
    20_000,
  );
  return { service, endpoint, socket, root: setup.root };
}

/** Opens a connection to a runtime's CRI for the time of `use`. */
export async function withCri<T>(runtime: Runtime, use: (cri: CriClient) => Promise<T>): Promise<T> {
  const opened = await openCri(runtime.endpoint, { env: systemEnv, connectTimeoutMs: 5000, callTimeoutMs: 5000 });
  if (!opened.ok) throw new Error(`CRI of the lab's containerd: ${opened.error.kind} ${opened.error.message}`);
  try {
    return await use(opened.value);
  } finally {
    opened.value.close();
  }
}
