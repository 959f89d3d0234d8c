import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import { stopAllServices } from '../lab/commands.ts';
import { pushImage } from '../lab/images.ts';
import { makeNetwork, type Network } from '../lab/network.ts';
import { startRegistry } from '../lab/registry.ts';

/** The host name of every registry on loopback. */
export const registryName = 'registry.bench';

/** The image that every registry here has. */
export const image = { repository: 'team/app', tag: '1.0' } as const;

/** Everything that a run of the benchmark makes, and takes away again. */
export interface World {
  readonly folder: string;
  /** Images of all registries. */
  readonly storage: string;
  /** A port of loopback where docker-registry serves the image without TLS; started when first asked for. */
  plainRegistry(): Promise<number>;
  /** `--nameserver` and its value: a nameserver of this process that knows `registryName`. */
  nameserver(): Promise<readonly string[]>;
  /** Network namespaces of the lab's kind; made when first asked for. */
  network(): Promise<Network>;
  /** Something to undo at the end; the last comes first. */
  defer(undo: () => Promise<unknown>): void;
  end(): Promise<void>;
}

/** Makes an empty one. */
export async function makeWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-bench-'));
  await chmod(folder, 0o755);
  const storage = join(folder, 'images');
  const undoing: (() => Promise<unknown>)[] = [];
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  const defer = (undo: () => Promise<unknown>): void => void undoing.push(undo);
  return {
    folder,
    storage,
    defer,
    plainRegistry: once(async () => {
      const port = await freePort();
      await startRegistry(null, { name: 'plain', folder, storage, listen: `127.0.0.1:${port}`, party: null });
      await pushImage({ registry: `http://127.0.0.1:${port}`, ...image });
      return port;
    }),
    nameserver: once(async () => {
      const server = await startDnsServer((query) => {
        const known = query.name.replace(/\.$/, '').toLowerCase() === registryName;
        if (!known) return [dnsAnswer(query, { rcode: 3 })];
        const records =
          query.type === recordTypes.A ? [{ name: query.name, type: 'A', data: '127.0.0.1' } as const] : [];
        return [dnsAnswer(query, { records })];
      });
      defer(server.close);
      return ['--nameserver', `127.0.0.1:${server.port}`];
    }),
    network: once(async () => {
      const network = await makeNetwork();
      defer(network.remove);
      return network;
    }),
    async end() {
      await stopAllServices();
      for (let undo = undoing.pop(); undo !== undefined; undo = undoing.pop()) await undo();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Writes a node's files: path below the host root → text. */
export async function writeRoot(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  const standard = {
    'etc/resolv.conf': 'nameserver 127.0.0.1\n',
    'etc/containerd/config.toml':
      'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
    'etc/ssl/certs/ca-certificates.crt': '',
  };
  for (const [path, text] of Object.entries({ ...standard, ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** This machine's own authorities; null when it has none where Debian keeps them. */
export async function machineAuthorities(): Promise<readonly string[] | null> {
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  if (!existsSync(bundle)) return null;
  const text = await readFile(bundle, 'utf8');
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? null;
}

/** Lays certificates out as Debian does: one bundle, a file of each, and two links to it, one of them by its hash. */
export async function writeTrustStore(root: string, certificates: readonly string[]): Promise<void> {
  const [certs, share] = ['/etc/ssl/certs', '/usr/share/ca-certificates/mozilla'];
  await mkdir(join(root, certs), { recursive: true });
  await mkdir(join(root, share), { recursive: true });
  await writeFile(join(root, certs, 'ca-certificates.crt'), certificates.join('\n'));
  for (const [index, certificate] of certificates.entries()) {
    await writeFile(join(root, share, `Authority_${index}.crt`), certificate);
    await symlink(`${share}/Authority_${index}.crt`, join(root, certs, `Authority_${index}.pem`));
    await symlink(
      `Authority_${index}.pem`,
      join(root, certs, `${(index * 0x01010101).toString(16).padStart(8, '0')}.0`),
    );
  }
}

/** A port of loopback that nothing listens at; docker-registry does not tell which one it would take. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
